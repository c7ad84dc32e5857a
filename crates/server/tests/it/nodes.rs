//! Several `tenantry serve` processes on one PostgreSQL control store, each with its own data directory, as on several
//! hosts. A change on one node holds on the other at its next request (`nothing-late`).

use super::{
    binary::{items_of, json_of, run, start, stdout},
    nodes_kit::{Hosts, Load, OWNER, SUPERUSER, done, judge, ok, status, two, write},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use tenantry_testkit::{dose, tried};

#[test]
fn what_is_revoked_on_one_node_is_refused_on_the_other_at_its_next_request() {
    let (hosts, one, other) = two();
    let (mut rounds, mut longest) = (0, Duration::ZERO);
    for _ in 0..dose(10, 100) {
        for [here, there] in [[&one, &other], [&other, &one]] {
            let token = here.log_in(OWNER);
            assert_eq!(status(there, "GET", "/api/records/doctors", &token, None), 200);
            let began = Instant::now();
            ok(here, "POST", "/api/auth/logout", &token, None);
            longest = longest.max(began.elapsed());
            assert_eq!(
                status(there, "GET", "/api/records/doctors", &token, None),
                401,
                "signed out elsewhere"
            );
            rounds += 1;
        }
    }
    tried("sessions revoked on the other node", rounds, &format!("longest revocation {longest:?}"));
    let token = other.log_in(OWNER);
    let doctors = |expected: u16| {
        for node in [&one, &other] {
            assert_eq!(status(node, "GET", "/api/records/doctors", &token, None), expected);
        }
    };
    doctors(200);
    // A command runs as a third process, which is not a member.
    done(&run(hosts.dir(1), &["tenant", "suspend", "city-hospital", "--reason", "unpaid"]));
    doctors(403);
    done(&run(hosts.dir(0), &["tenant", "resume", "city-hospital"]));
    doctors(200);
}

#[test]
fn the_own_stores_are_not_restored_while_a_server_runs_on_another_host() {
    let (hosts, one, other) = two();
    let owner = other.log_in(OWNER);
    done(&run(hosts.dir(0), &["backup", "create", "--system"]));
    assert_eq!(one.terminate(), Some(0));
    let refused = run(hosts.dir(0), &["restore", "system"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("stop all servers first"), "{said}");
    ok(&other, "GET", "/api/records/doctors", &owner, None);
    // A server that was killed is still listed, but has no heartbeat.
    drop(other);
    done(&run(hosts.dir(0), &["restore", "system"]));
}

#[test]
fn rights_and_limits_changed_on_one_node_hold_on_the_other_at_its_next_request() {
    let (_hosts, one, other) = two();
    let staff = one.log_in(SUPERUSER);
    let account = json!({ "email": "helper@tenantry.example", "password": tenantry::demo::PASSWORD });
    let id = ok(&one, "POST", "/api/admin/users", &staff, Some(&account))["id"].to_string();
    let user = format!("/api/admin/users/{id}");
    ok(&one, "PATCH", &user, &staff, Some(&json!({ "staff": true })));
    let helper = other.log_in("helper@tenantry.example");
    for round in 0..dose(6, 60) {
        assert_eq!(status(&other, "GET", "/api/admin/tenants", &helper, None), 200, "round {round}");
        ok(&one, "PATCH", &user, &staff, Some(&json!({ "staff": false })));
        assert_ne!(status(&other, "GET", "/api/admin/tenants", &helper, None), 200, "round {round}");
        ok(&one, "PATCH", &user, &staff, Some(&json!({ "staff": true })));
    }
    let owner = other.log_in(OWNER);
    let patient = json!({ "first_name": "A", "last_name": "B", "born_on": "1990-01-01" });
    for round in 0..dose(4, 40) {
        ok(&other, "POST", "/api/records/patients", &owner, Some(&patient));
        let plan = "/api/admin/tenants/city-hospital/plan";
        ok(&one, "POST", plan, &staff, Some(&json!({ "plan": "tiny" })));
        let (status, answer) = other.ask("POST", "/api/records/patients", &owner, Some(&patient));
        assert_eq!(answer["code"], "limit_exceeded", "round {round}: {status} {answer}");
        ok(&one, "POST", plan, &staff, Some(&json!({ "plan": "starter" })));
    }
    let key = json!({ "name": "robot", "role": "viewer" });
    let made = ok(&one, "POST", "/api/tenant/keys", &one.log_in(OWNER), Some(&key));
    let (id, secret) = (made["id"].to_string(), made["key"].as_str().unwrap_or_default().to_owned());
    assert!(!secret.is_empty(), "{made}");
    assert_eq!(status(&other, "GET", "/api/records/doctors", &secret, None), 200);
    ok(&one, "DELETE", &format!("/api/tenant/keys/{id}"), &owner, None);
    assert_eq!(status(&other, "GET", "/api/records/doctors", &secret, None), 401);
}

#[test]
fn a_tenant_moves_while_both_nodes_write_and_no_write_is_lost_or_doubled() {
    let (hosts, one, other) = two();
    let (one, other) = (Arc::new(one), Arc::new(other));
    let load = Arc::new(Load::default());
    let tokens = [one.log_in(OWNER), other.log_in(OWNER)];
    let writers: Vec<_> = [&one, &other, &one, &other]
        .into_iter()
        .enumerate()
        .map(|(writer, node)| write(node.clone(), tokens[writer % 2].clone(), writer, load.clone()))
        .collect();
    thread::sleep(Duration::from_millis(300));
    for (host, args) in [
        (0, ["tenant", "demote", "city-hospital"]),
        (1, ["tenant", "promote", "city-hospital"]),
        (0, ["tenant", "demote", "city-hospital"]),
    ] {
        done(&run(hosts.dir(host), &args));
        thread::sleep(Duration::from_millis(200));
    }
    load.stop.store(true, Relaxed);
    let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let count = judge(&other, &tokens[1], &written);
    assert!(count > 20, "{count}");
    tried("moves beside writers on two nodes", 3, &format!("{count} writes"));
}

/// A shared row is deleted on one node while tenants begin to refer to it on the other.
#[test]
fn a_shared_row_is_gone_or_referred_to_on_two_nodes_and_never_both() {
    let (_hosts, one, other) = two();
    let (staff, owner) = (one.log_in(SUPERUSER), other.log_in(OWNER));
    let ended = [AtomicU64::new(0), AtomicU64::new(0)];
    for round in 0..dose(20, 400) {
        let city = json!({ "name": format!("City {round}"), "region": 1 });
        let id = ok(&one, "POST", "/api/records/cities", &staff, Some(&city))["id"].as_u64().unwrap();
        let (deleted, _) = thread::scope(|scope| {
            let deleting = scope.spawn(|| {
                thread::sleep(Duration::from_millis(round % 7));
                status(&one, "DELETE", &format!("/api/records/cities/{id}"), &staff, None)
            });
            let mut patient = json!({ "first_name": "A", "last_name": "Elm", "born_on": "1990-01-01" });
            patient["city"] = json!(id);
            let referred = status(&other, "POST", "/api/records/patients", &owner, Some(&patient));
            (deleting.join().unwrap(), referred)
        });
        let path = format!("/api/records/patients?city={id}&count=true&limit=1");
        let held = ok(&other, "GET", &path, &owner, None)["count"].as_u64().unwrap();
        assert_eq!(deleted, if held == 0 { 204 } else { 409 }, "round {round}: {held} refer to it");
        ended[usize::from(held > 0)].fetch_add(1, Relaxed);
    }
    let [gone, stayed] = ended.map(|count| count.load(Relaxed));
    tried(
        "deletes beside references on another node",
        gone + stayed,
        &format!("{gone} gone, {stayed} stayed"),
    );
}

#[test]
fn a_server_that_keeps_its_files_elsewhere_is_refused() {
    let hosts = Hosts::new(2);
    let own = tempfile::tempdir().unwrap();
    hosts.configure(hosts.dir(1), own.path());
    let _one = start(hosts.dir(0), "demo");
    let refused = run(hosts.dir(1), &["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("files.target") && said.contains("serves this installation"), "{said}");
    // A command on that host works, because it serves nothing.
    assert_eq!(json_of(hosts.dir(1), &["tenant", "list"])["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn nodes_are_listed_from_every_host_until_they_end() {
    let (hosts, one, other) = two();
    let (staff, owner) = (one.log_in(SUPERUSER), one.log_in(OWNER));
    let (_, answer) = one.ask("GET", "/api/admin/nodes", &staff, None);
    let nodes = answer["items"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{answer}");
    let told = |node: &serde_json::Value, name: &str| node[name].as_str().unwrap().to_owned();
    for (node, server) in nodes.iter().zip([&one, &other]) {
        assert!(told(node, "name").ends_with(&format!(" {}", server.process())), "{answer}");
        assert!(told(node, "since") <= told(node, "last_heartbeat_at"), "{answer}");
        let rest = (&node["version"], &node["servers"][0]);
        assert_eq!(rest, (&json!(env!("CARGO_PKG_VERSION")), &json!("pg")));
    }
    assert_eq!(one.ask("GET", "/api/admin/nodes", &owner, None).0, 404);
    for host in 0..2 {
        let listed = items_of(hosts.dir(host), &["node", "list"]);
        let names = |all: &[serde_json::Value]| all.iter().map(|node| told(node, "name")).collect::<Vec<_>>();
        assert_eq!(names(&listed), names(nodes));
        let table = stdout(&run(hosts.dir(host), &["node", "list"]));
        assert!(table.trim_start().starts_with("NAME") && table.lines().count() == 3, "{table}");
    }
    assert_eq!(other.terminate(), Some(0));
    assert_eq!(items_of(hosts.dir(1), &["node", "list"]).len(), 1);
}

/// Heads of the audit chain are published in a place that every host reads.
#[test]
fn the_audit_log_is_verified_from_every_host() {
    let (hosts, one, other) = two();
    let staff = one.log_in(SUPERUSER);
    ok(&one, "POST", "/api/auth/logout", &staff, None);
    assert_eq!(one.terminate(), Some(0));
    let heads = hosts.shared.path().join("backups").join("heads");
    let folder = std::fs::read_dir(&heads).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_dir(&folder).unwrap().count() > 0, "no head was published");
    for host in 0..2 {
        done(&run(hosts.dir(host), &["audit", "verify"]));
    }
    std::fs::write(folder.join(format!("{:020}-{}", 1, "f".repeat(64))), "").unwrap();
    for host in 0..2 {
        let output = run(hosts.dir(host), &["audit", "verify"]);
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(!output.status.success() && said.contains("differs from its published head"), "{said}");
    }
    drop(other);
}
