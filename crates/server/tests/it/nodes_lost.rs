//! Several `tenantry serve` processes on one PostgreSQL control store, while a node dies or the server goes away: no
//! acknowledged write is lost or doubled, and nothing is late (`nothing-late`).

use super::{
    binary::{start, tenantry},
    nodes_kit::{Hosts, Load, OWNER, SUPERUSER, judge, ok, status, two, write},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use tenantry_testkit::{dose, tried};

/// A node is killed in the middle of its move. The other node takes the move over, and its writers lose nothing.
#[test]
fn a_node_that_is_killed_in_the_middle_of_a_move_is_taken_over_by_the_other() {
    let hosts = Hosts::new(2);
    drop(start(hosts.dir(0), "demo"));
    let mut command = tenantry(hosts.dir(0));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("TENANTRY_FAULT", "move:fence:after:kill");
    let one = Arc::new(super::binary::launch(command));
    let other = Arc::new(start(hosts.dir(1), "serve"));
    let (owner, staff) = (other.log_in(OWNER), other.log_in(SUPERUSER));
    let load = Arc::new(Load::default());
    let writers: Vec<_> = [&one, &other]
        .into_iter()
        .enumerate()
        .map(|(writer, node)| write(node.clone(), owner.clone(), writer, load.clone()))
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
    // The dead member delays a revocation for no longer than its lease.
    let began = Instant::now();
    ok(&other, "POST", "/api/auth/logout", &staff, None);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    load.stop.store(true, Relaxed);
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

/// Sends a signal to the server's processes that notify the nodes of commits.
fn signal_listeners(hosts: &Hosts, signal: &str) {
    hosts.administer(&format!(
        "DO $$ DECLARE listener int; BEGIN FOR listener IN SELECT pid FROM pg_stat_activity \
         WHERE starts_with(datname, 'PREFIX') AND query = 'SELECT 1' \
         LOOP EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat > /dev/null; kill -{signal} ' || listener); END LOOP; END $$"
    ));
}

/// The notifications of the nodes are late. A revocation waits for them, and no answer is stale.
#[test]
fn a_revocation_waits_for_a_node_that_hears_late() {
    let (hosts, one, other) = two();
    let (mut longest, mut waited) = (Duration::ZERO, 0);
    for _ in 0..dose(6, 40) {
        let token = one.log_in(OWNER);
        assert_eq!(status(&other, "GET", "/api/records/doctors", &token, None), 200);
        // By now, each listener has shown that it is alive.
        thread::sleep(Duration::from_millis(1_200));
        assert_eq!(status(&other, "GET", "/api/records/doctors", &token, None), 200);
        signal_listeners(&hosts, "STOP");
        let began = Instant::now();
        let ended = one.attempt("POST", "/api/auth/logout", &token, None);
        let took = began.elapsed();
        let after = other.attempt("GET", "/api/records/doctors", &token, None);
        signal_listeners(&hosts, "CONT");
        assert!((200..300).contains(&ended.unwrap().0));
        assert_eq!(after.unwrap().0, 401, "a session that was ended {took:?} before");
        waited += u64::from(took > Duration::from_millis(100));
        longest = longest.max(took);
    }
    assert!(waited > 0, "nothing was late");
    tried("revocations with late notifications", 6, &format!("longest {longest:?}"));
}

/// The server accepts no connection for some seconds and ends the open ones, as during a restart.
#[test]
fn a_server_that_goes_away_and_comes_back_loses_no_write_and_leaves_nothing_stale() {
    let (hosts, one, other) = two();
    let (one, other) = (Arc::new(one), Arc::new(other));
    let tokens = [one.log_in(OWNER), other.log_in(OWNER)];
    let load = Arc::new(Load::default());
    let writers: Vec<_> = [&one, &other]
        .into_iter()
        .enumerate()
        .map(|(writer, node)| write(node.clone(), tokens[writer].clone(), writer, load.clone()))
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
    load.stop.store(true, Relaxed);
    let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let count = judge(&other, &tokens[1], &written);
    ok(&one, "POST", "/api/auth/logout", &tokens[0], None);
    assert_eq!(status(&other, "GET", "/api/records/doctors", &tokens[0], None), 401);
    tried("a server away for 6 s", 1, &format!("{count} writes, recovered after {recovered:?}"));
}
