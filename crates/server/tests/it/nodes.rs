//! Several `tenantry serve` processes on one PostgreSQL control store, each with a data directory of its own, as on several
//! hosts: what one does holds on the other at its next request, whatever dies.

use super::binary::{TestBinary, json_of, run, start, tenantry};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tenantry_testkit::{
    dose,
    postgres::{Home, servers},
    tried,
};
use tokio::runtime::Runtime;

const OWNER: &str = "owner@city-hospital.example";
const SUPERUSER: &str = "admin@tenantry.example";

/// The hosts of an installation: a data directory each, a server they share, and a mounted directory.
struct Hosts {
    dirs: Vec<TempDir>,
    shared: TempDir,
    home: Home,
    runtime: Runtime,
}

impl Hosts {
    fn new(count: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let home = runtime.block_on(Home::new(&servers()[0]));
        let shared = tempfile::tempdir().unwrap();
        for folder in ["files", "backups"] {
            std::fs::create_dir(shared.path().join(folder)).unwrap();
        }
        let hosts =
            Self { dirs: (0..count).map(|_| tempfile::tempdir().unwrap()).collect(), shared, home, runtime };
        for dir in &hosts.dirs {
            hosts.configure(dir.path(), &hosts.shared.path().join("files"));
        }
        hosts
    }

    fn configure(&self, dir: &Path, files: &Path) {
        let (backups, prefix) = (self.shared.path().join("backups"), self.home.prefix());
        let text = format!(
            "[servers.pg]\nengine = \"postgres\"\nurl_file = \"pg.url\"\nprefix = \"{prefix}\"\nmost_connections = 12\n\
             [stores.control]\nserver = \"pg\"\n[stores.shared]\nserver = \"pg\"\n\
             [stores.tenant]\nserver = \"pg\"\nisolation = \"schema\"\n\
             [plans.starter]\nlabel = \"Starter\"\n[plans.tiny]\nlabel = \"Tiny\"\n[plans.tiny.limits]\nrows = 1\n\
             [registration]\ndefault_plan = \"starter\"\n\
             [files]\ntarget = \"{}\"\n[backups]\ntarget = \"{}\"\n",
            files.display(),
            backups.display()
        );
        std::fs::write(dir.join("tenantry.toml"), text).unwrap();
        std::fs::write(dir.join("pg.url"), self.home.url()).unwrap();
    }

    fn dir(&self, host: usize) -> &Path {
        self.dirs[host].path()
    }

    /// Runs a statement as the superuser of the server.
    fn administer(&self, sql: &str) {
        self.runtime.block_on(self.home.administer(sql));
    }
}

/// Two serving hosts with the companies of the demo.
fn two() -> (Hosts, TestBinary, TestBinary) {
    let hosts = Hosts::new(2);
    let one = start(hosts.dir(0), "demo");
    let other = start(hosts.dir(1), "serve");
    (hosts, one, other)
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn status(node: &TestBinary, method: &str, path: &str, token: &str, body: Option<&Value>) -> u16 {
    node.ask(method, path, token, body).0
}

fn ok(node: &TestBinary, method: &str, path: &str, token: &str, body: Option<&Value>) -> Value {
    let (status, answer) = node.ask(method, path, token, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

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
    // A command on a third process, which is no member.
    done(&run(hosts.dir(1), &["tenant", "suspend", "city-hospital", "--reason", "unpaid"]));
    doctors(403);
    done(&run(hosts.dir(0), &["tenant", "resume", "city-hospital"]));
    doctors(200);
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

/// Writes patients through a node until told to stop, and returns the last names of those that were acknowledged.
fn write(
    node: Arc<TestBinary>,
    token: String,
    writer: usize,
    stop: Arc<AtomicBool>,
) -> thread::JoinHandle<(BTreeSet<String>, BTreeSet<String>)> {
    thread::spawn(move || {
        let (mut acknowledged, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for number in 0.. {
            if stop.load(Relaxed) {
                break;
            }
            let name = format!("Node-{writer}-{number}");
            let patient = json!({ "first_name": "A", "last_name": name, "born_on": "1990-01-01" });
            let asked = node.attempt("POST", "/api/records/patients", &token, Some(&patient));
            match asked {
                Ok((201, _)) => drop(acknowledged.insert(name)),
                // Refused: nothing was written. In doubt, or no answer: perhaps.
                Ok((503, body)) if body["code"] != "outcome_unknown" => {}
                Ok((status, body)) if body["code"] != "outcome_unknown" && status != 500 => {
                    panic!("{status} {body}")
                }
                Ok(_) => drop(unknown.insert(name)),
                Err(_) => {
                    unknown.insert(name);
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
        (acknowledged, unknown)
    })
}

/// Asserts that each acknowledged patient is there once, and none that was not written.
fn judge(node: &TestBinary, token: &str, written: &[(BTreeSet<String>, BTreeSet<String>)]) -> usize {
    let mut found = Vec::new();
    let all = "/api/records/patients?fields=last_name&limit=200&last_name__startswith=Node-";
    let mut path = all.to_owned();
    loop {
        let page = ok(node, "GET", &path, token, None);
        let names = page["items"].as_array().unwrap().iter();
        found.extend(names.map(|item| item["last_name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("{all}&after={next}"),
            None => break,
        }
    }
    let distinct: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "a patient is there twice");
    let mut allowed = BTreeSet::new();
    for (acknowledged, unknown) in written {
        let lost: Vec<_> = acknowledged.difference(&distinct).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        allowed.extend(acknowledged.union(unknown).cloned());
    }
    let strange: Vec<_> = distinct.difference(&allowed).collect();
    assert!(strange.is_empty(), "never acknowledged nor in doubt: {strange:?}");
    written.iter().map(|(acknowledged, _)| acknowledged.len()).sum()
}

#[test]
fn a_tenant_moves_while_both_nodes_write_and_no_write_is_lost_or_doubled() {
    let (hosts, one, other) = two();
    let (one, other) = (Arc::new(one), Arc::new(other));
    let stop = Arc::new(AtomicBool::new(false));
    let tokens = [one.log_in(OWNER), other.log_in(OWNER)];
    let writers: Vec<_> = [&one, &other, &one, &other]
        .into_iter()
        .enumerate()
        .map(|(writer, node)| write(node.clone(), tokens[writer % 2].clone(), writer, stop.clone()))
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
    stop.store(true, Relaxed);
    let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let count = judge(&other, &tokens[1], &written);
    assert!(count > 20, "{count}");
    tried("moves beside writers on two nodes", 3, &format!("{count} writes"));
}

/// A node is killed in the middle of a move that it works on. The other one takes it over; its writers are not lost.
#[test]
fn a_node_that_is_killed_in_the_middle_of_a_move_is_taken_over_by_the_other() {
    let hosts = Hosts::new(2);
    drop(start(hosts.dir(0), "demo"));
    let mut command = tenantry(hosts.dir(0));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("TENANTRY_FAULT", "move:fence:after:kill");
    let one = Arc::new(super::binary::launch(command));
    let other = Arc::new(start(hosts.dir(1), "serve"));
    let (owner, staff) = (other.log_in(OWNER), other.log_in(SUPERUSER));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = [&one, &other]
        .into_iter()
        .enumerate()
        .map(|(writer, node)| write(node.clone(), owner.clone(), writer, stop.clone()))
        .collect();
    thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    let demote = "/api/admin/tenants/city-hospital/demote?wait=30";
    assert!(one.attempt("POST", demote, &staff, Some(&json!({}))).is_err(), "the node dies in the middle");
    loop {
        let open = ok(&other, "GET", "/api/admin/operations?open=true", &staff, None);
        if open["items"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{open}");
        thread::sleep(Duration::from_millis(100));
    }
    let taken_over = began.elapsed();
    let after = Instant::now();
    let patient = json!({ "first_name": "A", "last_name": "After", "born_on": "1990-01-01" });
    ok(&other, "POST", "/api/records/patients", &owner, Some(&patient));
    assert!(after.elapsed() < Duration::from_secs(8));
    // The dead member keeps no revocation waiting for longer than its lease.
    let began = Instant::now();
    ok(&other, "POST", "/api/auth/logout", &staff, None);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    stop.store(true, Relaxed);
    let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let count = judge(&other, &owner, &written);
    tried("a node killed in a move", 1, &format!("{count} writes, taken over after {taken_over:?}"));
}

/// Revokes sessions on one node while connections of the server are killed: the other node never answers from a stale
/// cache. It may refuse with 503.
#[test]
fn a_node_whose_listener_is_killed_answers_nothing_stale() {
    let (hosts, one, other) = two();
    let stop = Arc::new(AtomicBool::new(false));
    let (mut refused, mut rounds) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                hosts.administer(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE starts_with(datname, 'PREFIX') AND (query = 'SELECT 1' OR starts_with(query, 'LISTEN'))",
                );
                thread::sleep(Duration::from_millis(150));
            }
        });
        for _ in 0..dose(15, 150) {
            let token = one.log_in(OWNER);
            let before = status(&other, "GET", "/api/records/doctors", &token, None);
            assert!([200, 503].contains(&before), "{before}");
            let (out, _) = one.ask("POST", "/api/auth/logout", &token, None);
            if !(200..300).contains(&out) {
                continue;
            }
            let after = status(&other, "GET", "/api/records/doctors", &token, None);
            assert!([401, 503].contains(&after), "a session that was ended: {after}");
            refused += u64::from(after == 503);
            rounds += 1;
        }
        stop.store(true, Relaxed);
    });
    assert!(rounds > 5, "{rounds}");
    tried("sessions ended while listeners are killed", rounds, &format!("{refused} answered with 503"));
}

/// The server lets no connection in for some seconds and ends those that are open, as when it restarts.
#[test]
fn a_server_that_goes_away_and_comes_back_loses_no_write_and_leaves_nothing_stale() {
    let (hosts, one, other) = two();
    let (one, other) = (Arc::new(one), Arc::new(other));
    let tokens = [one.log_in(OWNER), other.log_in(OWNER)];
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = [&one, &other]
        .into_iter()
        .enumerate()
        .map(|(writer, node)| write(node.clone(), tokens[writer].clone(), writer, stop.clone()))
        .collect();
    thread::sleep(Duration::from_millis(300));
    let databases = "UPDATE pg_database SET datallowconn = false WHERE starts_with(datname, 'PREFIX')";
    hosts.administer(databases);
    hosts.administer(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(datname, 'PREFIX')",
    );
    thread::sleep(Duration::from_secs(6));
    let away = other.ask("GET", "/api/tenant", &tokens[1], None);
    assert_eq!(away.0, 503, "nothing is answered from caches beyond the lease: {}", away.1);
    hosts.administer(&databases.replace("false", "true"));
    let began = Instant::now();
    for node in [&one, &other] {
        while status(node, "GET", "/api/records/doctors", &tokens[0], None) != 200 {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not recover");
            thread::sleep(Duration::from_millis(50));
        }
    }
    let recovered = began.elapsed();
    thread::sleep(Duration::from_millis(500));
    stop.store(true, Relaxed);
    let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let count = judge(&other, &tokens[1], &written);
    ok(&one, "POST", "/api/auth/logout", &tokens[0], None);
    assert_eq!(status(&other, "GET", "/api/records/doctors", &tokens[0], None), 401);
    tried("a server away for 6 s", 1, &format!("{count} writes, recovered after {recovered:?}"));
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
    // A command on that host works: it serves nothing.
    assert_eq!(json_of(hosts.dir(1), &["tenant", "list"])["items"].as_array().map(Vec::len), Some(2));
}

/// Heads of the audit chain are published where every host reads them.
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
