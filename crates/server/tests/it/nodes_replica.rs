//! Two `tenantry serve` processes on one PostgreSQL server with a read replica. A caller that sends the position of its
//! write reads its own writes on both.

use super::{
    app::TestApp,
    binary::{TestBinary, start},
    nodes_kit::{Hosts, OWNER, SUPERUSER, ok},
    records::patient,
};
use serde_json::{Value, json};
use tenantry_testkit::replicated::{Replicated, until};
use tenantry_testservers::VERSIONS;

/// Two serving processes whose server has a replica.
struct World {
    one: TestBinary,
    other: TestBinary,
    hosts: Hosts,
    pair: Replicated,
}

impl World {
    fn start() -> Self {
        let pair = Replicated::start(VERSIONS[0]);
        let hosts = Hosts::on(2, &pair.primary.url(), |url| Some(pair.at_replica(url)));
        let one = start(hosts.dir(0), "demo");
        let other = start(hosts.dir(1), "serve");
        Self { one, other, hosts, pair }
    }

    /// Reads from the other process until the replica answers.
    fn is_used(&self, path: &str, token: &str) {
        self.until("the replica is used", || {
            let before = self.metric("reads");
            ok(&self.other, "GET", path, token, None);
            self.metric("reads") > before
        });
    }

    /// Stops the replay on the replica.
    fn pause(&self) {
        self.hosts.runtime.block_on(self.pair.pause());
    }

    fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        self.hosts.runtime.block_on(until(what, async || is()));
    }

    /// Returns a counter of the other process.
    fn metric(&self, name: &str) -> u64 {
        let (status, text) = self.other.ask_raw("GET", "/metrics", &self.other.log_in(SUPERUSER));
        assert_eq!(status, 200, "{text}");
        let line = format!("tenantry_replica_{name}_total{{server=\"pg\",replica=\"east\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)).unwrap().parse().unwrap()
    }
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

/// Returns the value of a header in the head of an answer.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn read(node: &TestBinary, path: &str, headers: &[String]) -> (u16, Value) {
    let (status, _, body) = node.exchange("GET", path, headers, "").unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn write(node: &TestBinary, path: &str, headers: &[String], body: &Value) -> (Value, String) {
    let (status, head, answer) = node.exchange("POST", path, headers, &body.to_string()).unwrap();
    assert_eq!(status, 201, "{answer}");
    (serde_json::from_str(&answer).unwrap(), head)
}

#[test]
fn a_caller_reads_its_own_write_at_another_process_with_its_position() {
    let world = World::start();
    let (owner, staff) = (world.one.log_in(OWNER), world.one.log_in(SUPERUSER));
    world.is_used("/api/records/patients?limit=1", &owner);
    world.is_used("/api/records/cities?limit=1", &staff);
    world.pause();

    for (token, path, new) in [
        (&owner, "/api/records/patients", patient("Fresh")),
        (&staff, "/api/records/cities", json!({"name": "Fresh", "region": 1})),
    ] {
        let (written, head) = write(&world.one, path, &[bearer(token)], &new);
        let position = header(&head, "tenantry-position").unwrap_or_else(|| panic!("{head}"));
        assert!(!head.contains("set-cookie"), "only browsers get a cookie: {head}");
        let one = format!("{path}/{}", written["id"]);
        let list = format!("{path}?count=true&id={}", written["id"]);
        let known = [bearer(token), format!("Tenantry-Position: {position}")];
        let (reads, awaited) = (world.metric("reads"), world.metric("awaited"));
        assert_eq!(read(&world.other, &one, &[bearer(token)]).0, 404, "the replica lacks it");
        assert_eq!(read(&world.other, &list, &[bearer(token)]).1["count"], 0);
        assert!(world.metric("reads") > reads);
        assert_eq!(read(&world.other, &one, &known).0, 200, "{path}");
        assert_eq!(read(&world.other, &list, &known).1["count"], 1, "{path}");
        assert!(world.metric("awaited") > awaited);

        // A position that no response contained is refused. A position of another installation has no effect here.
        for wrong in ["x", &position[1..], &[position; 9].join(".")] {
            let (status, answer) =
                read(&world.other, &one, &[bearer(token), format!("Tenantry-Position: {wrong}")]);
            assert_eq!((status, &answer["code"]), (400, &json!("bad_request")), "{wrong}: {answer}");
        }
        let foreign = format!("Tenantry-Position: {}", "A".repeat(30));
        assert_eq!(read(&world.other, &one, &[bearer(token), foreign]).0, 404);

        // The position of a later write covers both writes.
        let other = patient("Later");
        let told =
            write(&world.other, "/api/records/patients", &[bearer(&owner), known[1].clone()], &other).1;
        let told = header(&told, "tenantry-position").unwrap();
        assert_eq!(told.len(), position.len(), "one position for each server: {told}");
    }

    let (_, head) = write(&world.one, "/api/records/patients", &[bearer(&owner)], &patient("Last"));
    let known =
        [bearer(&owner), format!("Tenantry-Position: {}", header(&head, "tenantry-position").unwrap())];
    world.hosts.runtime.block_on(world.pair.resume());
    let reads = world.metric("reads");
    world.until("the replica has replayed the position", || {
        let found = read(&world.other, "/api/records/patients?count=true&last_name=Last", &known).1;
        assert_eq!(found["count"], 1, "{found}");
        world.metric("reads") > reads
    });
}

#[test]
fn a_browser_reads_its_own_write_at_another_process_without_doing_anything() {
    let world = World::start();
    let token = world.one.log_in(OWNER);
    let session = format!("tenantry_session={token}");
    world.is_used("/api/records/patients?limit=1", &token);
    world.pause();
    let (written, head) =
        write(&world.one, "/api/records/patients", &[format!("cookie: {session}")], &patient("Fresh"));
    let cookie = header(&head, "set-cookie").unwrap_or_else(|| panic!("{head}"));
    let (position, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=3605");
    assert!(position.starts_with("tenantry_position="), "{cookie}");
    let one = format!("/api/records/patients/{}", written["id"]);
    assert_eq!(read(&world.other, &one, &[format!("cookie: {session}")]).0, 404, "the replica lacks it");
    let both = format!("cookie: {session}; {position}");
    assert_eq!(read(&world.other, &one, &[both]).0, 200);
    let unreadable = format!("cookie: {session}; tenantry_position=x");
    assert_eq!(read(&world.other, &one, &[unreadable]).0, 404, "ignored, as the browser cannot correct it");
}

#[tokio::test]
async fn without_replicas_nothing_is_told_and_nothing_is_read() {
    let (_app, _, acme) = TestApp::new().await;
    let created = acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
    assert!(!created.headers.contains_key("tenantry-position"), "{:?}", created.headers);
    let with = acme.with("tenantry-position", "no position");
    with.get("/api/records/patients/1").await.expect(200);
}
