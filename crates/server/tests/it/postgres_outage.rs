//! A PostgreSQL server that stands still, is killed, or loses the answer to a commit, over HTTP.

use super::{
    app::{Client, TestApp},
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
use tenantry::place::Isolation;
use tenantry_testservers::{Cluster, VERSIONS, postgres};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// Longest time until a request to a server that stands still is refused.
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

/// What becomes of the next commit.
const PASS: u8 = 0;
const NOT_SENT: u8 = 1;
const ANSWER_LOST: u8 = 2;

/// Stands before a server and can lose a commit or its answer.
struct Between {
    dir: tempfile::TempDir,
    next: Arc<AtomicU8>,
}

impl Between {
    fn new(server: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(".s.PGSQL.5432")).unwrap();
        let (next, server) = (Arc::new(AtomicU8::new(PASS)), server.join(".s.PGSQL.5432"));
        let state = next.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), state.clone()));
            }
        });
        Self { dir, next }
    }

    /// Returns the URL of the superuser through here.
    fn url(&self, of: &str) -> String {
        let (before, at) = of.split_once('@').unwrap();
        let (_, after) = at.split_once(':').unwrap();
        format!("{before}@{}:{after}", self.dir.path().display().to_string().replace('/', "%2F"))
    }
}

/// Carries what both sides say, until a commit is to be lost.
async fn pass(mut client: UnixStream, server: PathBuf, next: Arc<AtomicU8>) {
    let Ok(mut server) = UnixStream::connect(server).await else { return };
    let (mut asked, mut said) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let commits = asked[..length].windows(7).any(|bytes| bytes == b"COMMIT\0");
                let what = if commits { next.swap(PASS, Relaxed) } else { PASS };
                if what == NOT_SENT || server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
                if what == ANSWER_LOST {
                    drop(server.read(&mut said).await);
                    // The server has answered, and has ended the transaction before that.
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

/// A client that does not know whether its change was stored looks, and repeats it only if it is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_unknown_and_is_not_repeated() {
    let cluster = cluster();
    let between = Between::new(cluster.socket());
    for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
        let app = TestApp::on_postgres(&between.url(&cluster.url()), isolation).await;
        let acme = app.register("acme").await;
        let mut rows = 0;
        for lost in [NOT_SENT, ANSWER_LOST] {
            acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
            rows += 1;
            between.next.store(lost, Relaxed);
            let unknown = acme.post("/api/records/patients", &patient("Doubt")).await.expect(503);
            assert_eq!(unknown.code().as_str(), "outcome_unknown", "{isolation:?}, {lost}");
            rows += u64::from(lost == ANSWER_LOST);
            assert_eq!(count(&acme).await, rows, "{isolation:?}, {lost}: it is found by looking");
        }
    }
}
