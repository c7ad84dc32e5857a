//! Two `tenantry serve` processes under load while their only PostgreSQL server is killed and started again. No
//! acknowledged write is lost or doubled, no tenant sees another's row, no revoked session works, and neither process
//! needs a restart.

use super::{
    binary::{TestBinary, start},
    nodes_kit::{Hosts, Load, OWNER, judge, write},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use tenantry_testkit::{dose, tried};
use tenantry_testservers::{Cluster, VERSIONS, postgres};

const OTHER_OWNER: &str = "owner@green-clinic.example";
/// Longest time until both processes serve again after the server answers.
const RECOVERY: Duration = Duration::from_secs(20);
/// Number of writes by all writers between two kills.
const WRITES: u64 = 100;

/// A tenant's owner, and the numbers of the writers that write there.
struct Tenant {
    token: String,
    writers: [usize; 2],
}

impl Tenant {
    /// Reads the rows of the writers until told to stop, and asserts that they are the tenant's own.
    fn keep_reading(&self, nodes: &[Arc<TestBinary>; 2], load: &Load) -> u64 {
        let path = "/api/records/patients?fields=last_name&limit=200&sort=-id&last_name__startswith=Node-";
        let mut answered = 0;
        for node in nodes.iter().cycle() {
            if load.stop.load(Relaxed) {
                break;
            }
            let (status, page) = node.attempt("GET", path, &self.token, None).expect("the process lives");
            match status {
                200 => answered += 1,
                503 => continue,
                _ => panic!("{status} {page}"),
            }
            for item in page["items"].as_array().unwrap() {
                let name = item["last_name"].as_str().unwrap();
                let writer = name.split('-').nth(1).and_then(|writer| writer.parse().ok());
                assert!(
                    writer.is_some_and(|writer| self.writers.contains(&writer)),
                    "of another tenant: {name}"
                );
            }
        }
        answered
    }
}

/// Signs in and out until told to stop. Returns the sessions that were acknowledged as ended.
fn keep_revoking(nodes: &[Arc<TestBinary>; 2], load: &Load) -> Vec<String> {
    let form = json!({ "email": OWNER, "password": tenantry::demo::PASSWORD });
    let mut revoked = vec![];
    for at in (0..2).cycle() {
        if load.stop.load(Relaxed) {
            break;
        }
        let [here, there] = [&nodes[at], &nodes[1 - at]];
        let (status, answer) =
            here.attempt("POST", "/api/auth/login", "", Some(&form)).expect("the process lives");
        let Some(token) = answer["token"].as_str() else {
            assert_eq!(status, 503, "{answer}");
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        assert!([200, 503].contains(&read(there, token)));
        let (status, answer) =
            here.attempt("POST", "/api/auth/logout", token, None).expect("the process lives");
        match status {
            200..300 => {
                for node in nodes {
                    assert!([401, 503].contains(&read(node, token)), "a session that was ended");
                }
                revoked.push(token.to_owned());
            }
            status => assert_eq!(status, 503, "{answer}"),
        }
    }
    revoked
}

fn read(node: &TestBinary, token: &str) -> u16 {
    node.attempt("GET", "/api/records/doctors?limit=1", token, None).expect("the process lives").0
}

/// Waits until the process accepts a write. Returns the waiting time.
fn serves(node: &TestBinary, token: &str) -> Duration {
    let (began, patient) =
        (Instant::now(), json!({ "first_name": "A", "last_name": "Back", "born_on": "1990-01-01" }));
    loop {
        let asked = node.attempt("POST", "/api/records/patients", token, Some(&patient));
        let (status, answer): (u16, Value) = asked.expect("the process lives");
        if status == 201 {
            return began.elapsed();
        }
        assert!(began.elapsed() < RECOVERY, "it does not recover: {status} {answer}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_that_is_killed_again_and_again_under_load_loses_and_mixes_nothing() {
    let mut cluster = Cluster::start(VERSIONS[0], &postgres(VERSIONS[0]).unwrap()).unwrap();
    let hosts = Hosts::on(2, &cluster.url(), |_| None);
    let one = Arc::new(start(hosts.dir(0), "demo"));
    let nodes = [one, Arc::new(start(hosts.dir(1), "serve"))];
    let tenants = [(OWNER, [0, 1]), (OTHER_OWNER, [2, 3])];
    let tenants = tenants.map(|(owner, writers)| Tenant { token: nodes[0].log_in(owner), writers });
    let load = Arc::new(Load::default());
    let writers: Vec<_> = tenants
        .iter()
        .flat_map(|tenant| tenant.writers.map(|writer| (writer, tenant.token.clone())))
        .map(|(writer, token)| write(nodes[writer % 2].clone(), token, writer, load.clone()))
        .collect();
    let longest = Mutex::new(Duration::ZERO);
    let (reads, revoked) = thread::scope(|scope| {
        let readers: Vec<_> =
            tenants.iter().map(|tenant| scope.spawn(|| tenant.keep_reading(&nodes, &load))).collect();
        let revoker = scope.spawn(|| keep_revoking(&nodes, &load));
        // Ends the load even if an assertion here fails.
        let _stop = load.stopped_on_drop();
        for _ in 0..dose(4, 20) {
            let written = load.acknowledged.load(Relaxed);
            let began = Instant::now();
            while load.acknowledged.load(Relaxed) < written + WRITES {
                assert!(began.elapsed() < RECOVERY, "{} writes", load.acknowledged.load(Relaxed) - written);
                thread::sleep(Duration::from_millis(5));
            }
            cluster.kill().unwrap();
            cluster.start_again().unwrap();
            for node in &nodes {
                let took = serves(node, &tenants[0].token);
                let mut longest = longest.lock().unwrap();
                *longest = took.max(*longest);
            }
        }
        load.stop.store(true, Relaxed);
        let reads: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        (reads, revoker.join().unwrap())
    });
    let mut written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let of_other = written.split_off(2);
    let unknown: usize = written.iter().chain(&of_other).map(|(_, unknown)| unknown.len()).sum();
    let mut count = 0;
    for node in &nodes {
        count = judge(node, &tenants[0].token, &written) + judge(node, &tenants[1].token, &of_other);
        for token in &revoked {
            assert_eq!(read(node, token), 401, "a session that was ended");
        }
    }
    assert!(!revoked.is_empty() && reads > 0);
    let (longest, revoked) = (*longest.lock().unwrap(), revoked.len());
    tried(
        "writes while the server is killed",
        count as u64,
        &format!(
            "writes, {unknown} unknown, {reads} reads, {revoked} sessions ended, serves again after {longest:?}"
        ),
    );
}
