//! A PostgreSQL server that stops responding, is killed, or loses the answer to a commit, over HTTP.

use super::{
    app::{Answer, Client, TestApp},
    records::patient,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tenantry::{config::Location, place::Isolation};
use tenantry_testservers::{Cluster, VERSIONS, postgres};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// Longest time until a request is refused if its server has stopped responding.
const NOTICED: Duration = Duration::from_secs(20);

fn cluster() -> Cluster {
    let version = VERSIONS[0];
    Cluster::start(version, &postgres(version).unwrap()).unwrap()
}

async fn count(of: &Client) -> u64 {
    of.get("/api/records/patients?count=true").await.expect(200).json()["count"].as_u64().unwrap()
}

/// Returns the median time of some reads.
async fn median(of: &Client) -> Duration {
    let mut times = vec![];
    for _ in 0..21 {
        let began = Instant::now();
        of.get("/api/records/patients/1").await.expect(200);
        times.push(began.elapsed());
    }
    times.sort();
    times[10]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_or_dies_stops_its_own_tenants() {
    let mut cluster = cluster();
    let app = TestApp::on_postgres(&cluster.url(), Isolation::Pooled).await;
    let staff = app.staff().await;
    let (lucky, mut there) = (app.register("lucky").await, vec![]);
    for slug in ["pooled", "schema", "database"] {
        there.push((slug, app.register(slug).await));
    }
    for of in there.iter().map(|(_, of)| of).chain([&lucky]) {
        of.post("/api/records/patients", &patient("Ada")).await.expect(201);
    }
    for (slug, to) in [
        ("lucky", json!({"server": "main", "isolation": "database"})),
        ("schema", json!({"server": "postgres", "isolation": "schema"})),
        ("database", json!({"server": "postgres", "isolation": "database"})),
    ] {
        let moved = staff.post(&format!("/api/admin/tenants/{slug}/promote?wait=60"), &to).await;
        assert_eq!(moved.json()["state"], "done", "{}", moved.text());
    }
    let usual = median(&lucky).await;
    for kills in [false, true] {
        if kills {
            cluster.kill().unwrap()
        } else {
            cluster.freeze().unwrap()
        }
        let began = Instant::now();
        for (slug, of) in there.iter().cycle().take(9) {
            let read = of.get("/api/records/patients/1").await;
            let written = of.post("/api/records/patients", &patient("Late")).await;
            for refused in [read, written] {
                assert_eq!(refused.status.as_u16(), 503, "{slug}: {}", refused.text());
                assert_eq!(refused.code().as_str(), "server_unreachable", "{slug}");
                assert_eq!(refused.header("retry-after"), "5");
            }
        }
        assert!(began.elapsed() < NOTICED, "{:?}", began.elapsed());
        let meanwhile = median(&lucky).await;
        assert!(meanwhile < usual * 20 + Duration::from_millis(100), "{usual:?}, then {meanwhile:?}");
        lucky.post("/api/records/patients", &patient("Bea")).await.expect(201);
        assert!(app.anon().get("/readyz").await.expect(200).text().contains("does not answer"));
        if kills {
            cluster.start_again().unwrap()
        } else {
            cluster.thaw().unwrap()
        }
        for (slug, of) in &there {
            let until = Instant::now() + NOTICED;
            while of.get("/api/records/patients/1").await.status.as_u16() != 200 {
                assert!(Instant::now() < until, "{slug}: no restart is needed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(count(of).await, 1, "{slug}: what was refused was not stored");
            let shown = staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json();
            assert_eq!(shown["placements"][0]["place"]["server"], "postgres", "{shown}");
        }
    }
}

/// Health and metrics show how full and how busy a server is, even while it is away, and the server takes no node out
/// of service.
#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_tell_of_a_server_that_is_nearly_full_or_dead() {
    let mut cluster = cluster();
    let roomy = TestApp::on_postgres(&cluster.url(), Isolation::Schema).await;
    roomy.register("acme").await;
    let ready = roomy.anon().get("/readyz").await.expect(200).text();
    assert!(!ready.contains("capacity"), "{ready}");
    let mut config = roomy.platform().config().clone();
    for server in &mut config.servers {
        if let Location::Postgres(postgres) = &mut server.location {
            postgres.capacity = Some(1 << 20);
        }
    }
    let full = TestApp::at(config).await;
    let staff = full.staff().await;
    let metric = async |name: &str| -> u64 {
        let text = staff.get("/metrics").await.expect(200).text();
        let found =
            text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{server=\"postgres\"}} ")));
        found.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    };
    for is_dead in [false, true] {
        if is_dead {
            cluster.kill().unwrap();
            staff.get("/api/admin/tenants/acme").await.expect(200);
        }
        full.platform().look_at_rooms().await.unwrap();
        let ready = full.anon().get("/readyz").await.expect(200).text();
        assert!(ready.contains("of its capacity of 1048576 bytes"), "{ready}");
        assert_eq!(ready.contains("server postgres does not answer"), is_dead, "{ready}");
        assert_eq!(metric("tenantry_server_reachable").await, u64::from(!is_dead));
        assert!(metric("tenantry_server_used_bytes").await > 1 << 20);
        assert_eq!(metric("tenantry_server_capacity_bytes").await, 1 << 20);
        let most = metric("tenantry_server_connections_most").await;
        assert!(most >= metric("tenantry_server_connections_open").await);
        assert_eq!(metric("tenantry_server_connections_waiting").await, 0);
        let overview = staff.get("/api/admin/overview").await.expect(200).json();
        let needs = overview["attention"].as_array().unwrap();
        let low: Vec<_> = needs.iter().filter(|need| need["problem"] == "disk_low").collect();
        let [low] = low[..] else { panic!("{overview}") };
        assert_eq!(
            (&low["count"], &low["free_bytes"]),
            (&1.into(), &0.into()),
            "{low}: one server, without room"
        );
    }
}

/// What happens to the next commit.
const PASS: u8 = 0;
const NOT_SENT: u8 = 1;
const ANSWER_LOST: u8 = 2;

/// A proxy in front of a server, which can lose a commit or its answer.
struct Between {
    dir: tempfile::TempDir,
    next: Arc<AtomicU8>,
}

/// What happens to the next commit, or to the next transaction that contains this text.
#[derive(Clone)]
struct Loses {
    next: Arc<AtomicU8>,
    text: Option<&'static str>,
}

impl Between {
    fn new(server: &Path, text: Option<&'static str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(".s.PGSQL.5432")).unwrap();
        let (next, server) = (Arc::new(AtomicU8::new(PASS)), server.join(".s.PGSQL.5432"));
        let loses = Loses { next: next.clone(), text };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), loses.clone()));
            }
        });
        Self { dir, next }
    }

    /// Returns the superuser's URL through this proxy.
    fn url(&self, of: &str) -> String {
        let (before, at) = of.split_once('@').unwrap();
        let (_, after) = at.split_once(':').unwrap();
        format!("{before}@{}:{after}", self.dir.path().display().to_string().replace('/', "%2F"))
    }
}

/// Forwards the data of both sides, until a commit is to be lost.
async fn pass(mut client: UnixStream, server: PathBuf, loses: Loses) {
    let Ok(mut server) = UnixStream::connect(server).await else { return };
    let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    let mut is_meant = false;
    let (mut asked, mut said) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                is_meant |= loses.text.is_none_or(|text| has(&asked[..length], text.as_bytes()));
                let commits = has(&asked[..length], b"COMMIT\0");
                let what = if commits && is_meant { loses.next.swap(PASS, Relaxed) } else { PASS };
                is_meant &= !commits;
                if what == NOT_SENT || server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
                if what == ANSWER_LOST {
                    drop(server.read(&mut said).await);
                    // The server has ended the transaction and answered by now.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    return;
                }
            }
            read = server.read(&mut said) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&said[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Returns the API's answer to the caller of a change in doubt.
async fn outcome(of: &Client, unknown: &Answer) -> String {
    let id = unknown.json()["outcome"].as_str().unwrap().to_owned();
    of.get(&format!("/api/outcomes/{id}")).await.expect(200).json()["outcome"].as_str().unwrap().to_owned()
}

fn told(lost: u8) -> &'static str {
    if lost == ANSWER_LOST { "stored" } else { "not_stored" }
}

/// A client that does not know the outcome of its change asks for it, and repeats the change only if it was not stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_unknown_and_is_not_repeated() {
    let cluster = cluster();
    let between = Between::new(cluster.socket(), None);
    for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
        let app = TestApp::on_postgres(&between.url(&cluster.url()), isolation).await;
        let (acme, other) = (app.register("acme").await, app.register("other").await);
        let mut rows = 0;
        for lost in [NOT_SENT, ANSWER_LOST] {
            let made = acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
            let path = format!("/api/records/patients/{}", made.json()["id"]);
            rows += 1;
            between.next.store(lost, Relaxed);
            let unknown = acme.post("/api/records/patients", &patient("Doubt")).await.expect(503);
            assert_eq!(unknown.code().as_str(), "outcome_unknown", "{isolation:?}, {lost}");
            rows += u64::from(lost == ANSWER_LOST);
            assert_eq!(count(&acme).await, rows, "{isolation:?}, {lost}: it is found by looking");
            assert_eq!(outcome(&acme, &unknown).await, told(lost), "{isolation:?}");
            let id = unknown.json()["outcome"].as_str().unwrap().to_owned();
            for stranger in [&other, &app.member(&acme, &format!("m{lost}@acme.example"), "admin").await] {
                stranger.get(&format!("/api/outcomes/{id}")).await.expect(404);
            }

            between.next.store(lost, Relaxed);
            let unknown = acme.patch(&path, &json!({"last_name": "Changed"})).await.expect(503);
            assert_eq!(outcome(&acme, &unknown).await, told(lost), "{isolation:?}");
            // A later change hides a stored one, but not one that was never stored.
            acme.patch(&path, &json!({"last_name": "Again"})).await.expect(200);
            acme.patch(&path, &json!({"last_name": "And again"})).await.expect(200);
            let later = if lost == ANSWER_LOST { "unknown" } else { "not_stored" };
            assert_eq!(outcome(&acme, &unknown).await, later, "{isolation:?}");

            between.next.store(lost, Relaxed);
            let unknown = acme.delete(&path).await.expect(503);
            assert_eq!(outcome(&acme, &unknown).await, told(lost), "{isolation:?}");
            rows -= u64::from(lost == ANSWER_LOST);
            assert_eq!(count(&acme).await, rows, "{isolation:?}, {lost}");
        }
    }
}

/// The row is the evidence, so the evidence moves with the tenant.
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_can_be_asked_for_after_a_move() {
    let cluster = cluster();
    let between = Between::new(cluster.socket(), None);
    let app = TestApp::on_postgres(&between.url(&cluster.url()), Isolation::Pooled).await;
    let (staff, acme) = (app.staff().await, app.register("acme").await);
    acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
    let mut unknown = vec![];
    for lost in [ANSWER_LOST, NOT_SENT] {
        between.next.store(lost, Relaxed);
        unknown.push(acme.post("/api/records/patients", &patient("Doubt")).await.expect(503));
    }
    let to = json!({"server": "main", "isolation": "database"});
    let moved = staff.post("/api/admin/tenants/acme/promote?wait=60", &to).await;
    assert_eq!(moved.json()["state"], "done", "{}", moved.text());
    assert_eq!(outcome(&acme, &unknown[0]).await, "stored");
    // No server knows the transaction any more, and the record may have been deleted since.
    assert_eq!(outcome(&acme, &unknown[1]).await, "unknown");
}

/// A change of the catalog whose commit was lost is found by its row in the audit log.
#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_of_a_change_of_the_catalog_is_told() {
    let cluster = cluster();
    let between = Between::new(cluster.socket(), Some("tenant.set_name"));
    let app = TestApp::all_on_postgres(&between.url(&cluster.url()), Isolation::Pooled, None).await;
    let acme = app.register("acme").await;
    for (lost, name) in [(NOT_SENT, "Lost"), (ANSWER_LOST, "Stored")] {
        between.next.store(lost, Relaxed);
        let unknown = acme.patch("/api/tenant", &json!({"name": name})).await.expect(503);
        assert_eq!(unknown.code().as_str(), "outcome_unknown");
        assert_eq!(outcome(&acme, &unknown).await, told(lost));
        let is_there = acme.get("/api/tenant").await.expect(200).json()["name"] == name;
        assert_eq!(is_there, lost == ANSWER_LOST);
    }
}
