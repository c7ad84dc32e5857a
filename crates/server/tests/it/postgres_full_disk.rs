//! A PostgreSQL server with a full disk. First its tables, in a tablespace on a small file system: refused writes are
//! reported and not stored, reads continue, and nothing needs a restart once there is room. Then its log: the server
//! ends itself, which is an outage that loses nothing.

use super::{
    app::{Client, TestApp},
    binary::stdout,
    full_disk::fill,
    records::patient,
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tenantry::place::Isolation;
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// Environment variable that names the small file system to a child of these tests.
const DIRECTORY: &str = "TENANTRY_SMALL_TABLESPACE";
/// Environment variable that names the directory of PostgreSQL's programs to the child.
const PROGRAMS: &str = "TENANTRY_PROGRAMS";

/// Returns the mounted directory in a child. Otherwise runs `test` in a child that has its own file system of 96 MB.
/// The child is not root, because PostgreSQL refuses to run as root.
fn on_a_small_disk(test: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        return Some(dir.into());
    }
    if std::env::var("TENANTRY_WITHOUT").is_ok_and(|all| all.split(',').any(|one| one == "mount")) {
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=96m,mode=700 none \"${DIRECTORY}\" && \
         exec unshare --user --map-user=1 --map-group=1 \"$@\""
    );
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("postgres_full_disk::{test}"), "--nocapture"])
        .env(DIRECTORY, dir.path())
        .env(PROGRAMS, postgres(VERSIONS[0]).unwrap())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}\n{errors}", stdout(&child));
    None
}

/// Runs statements as the superuser, one by one.
fn administer(cluster: &Cluster, programs: &Path, statements: &[&str]) {
    for sql in statements {
        let mut psql = Command::new(programs.join("psql"));
        psql.args([&cluster.url(), "-c", sql]);
        let done = psql.output().unwrap();
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Text that PostgreSQL cannot compress.
fn long(number: usize) -> Value {
    let mut hash = blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof();
    let mut bytes = [0; 900];
    hash.fill(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut patient: Value = serde_json::to_value(patient("Full")).unwrap();
    patient["notes"] = json!(text);
    patient
}

async fn count(of: &Client) -> usize {
    let found = of.get("/api/records/patients?count=true").await.expect(200).json();
    found["count"].as_u64().unwrap() as usize
}

/// Writes until the server refuses some writes, and returns how many were stored.
async fn write_until_full(acme: &Client, first: usize) -> usize {
    let (mut stored, mut refused) = (0, 0);
    for number in first..first + 600 {
        let answer = acme.post("/api/records/patients", &long(number)).await;
        match answer.status.as_u16() {
            201 => stored += 1,
            _ => {
                assert_eq!(
                    (answer.status.as_u16(), &*answer.code()),
                    (503, "disk_full"),
                    "{}",
                    answer.text()
                );
                refused += 1;
            }
        }
        if refused == 20 {
            return stored;
        }
    }
    panic!("the disk was never full: {stored} stored, {refused} refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_until_there_is_room() {
    let Some(dir) = on_a_small_disk("a_full_disk_refuses_writes_until_there_is_room") else { return };
    let programs = PathBuf::from(std::env::var_os(PROGRAMS).unwrap());
    let cluster = Cluster::start(VERSIONS[0], &programs).unwrap();
    let space = dir.join("space");
    std::fs::create_dir(&space).unwrap();
    let make = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
    administer(
        &cluster,
        &programs,
        &[
            &make,
            "GRANT CREATE ON TABLESPACE small TO PUBLIC",
            "ALTER SYSTEM SET default_tablespace = 'small'",
            "SELECT pg_reload_conf()",
        ],
    );
    for isolation in [Isolation::Pooled, Isolation::Schema, Isolation::Database] {
        let app = TestApp::on_postgres(&cluster.url(), isolation).await;
        let acme = app.register("acme").await;
        acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
        let mut stored = 1;
        for round in 0..2 {
            let ballast = fill(&dir);
            stored += write_until_full(&acme, round * 1000).await;
            assert_eq!(count(&acme).await, stored, "{isolation:?}: what was refused is not stored");
            acme.get("/api/records/patients/1").await.expect(200);
            let all: Vec<_> = (0..200).map(long).collect();
            let batch = acme.post("/api/records/patients/batch", &json!(all)).await;
            assert_eq!(&*batch.code(), "disk_full", "{isolation:?}: {}", batch.text());
            assert!(batch.json()["remedy"].as_str().unwrap().contains("makes room"), "{}", batch.text());
            std::fs::remove_file(ballast).unwrap();
            acme.post("/api/records/patients", &long(round)).await.expect(201);
            stored += 1;
            assert_eq!(count(&acme).await, stored, "{isolation:?}: no restart is needed");
        }
    }
}

/// Moves the log of a cluster to the small disk. Restarts its server.
fn move_log(cluster: &mut Cluster, programs: &Path, dir: &Path) {
    let settings = ["ALTER SYSTEM SET min_wal_size = '32MB'", "ALTER SYSTEM SET max_wal_size = '48MB'"];
    administer(cluster, programs, &settings);
    cluster.kill().unwrap();
    let (log, small) = (cluster.socket().join("data/pg_wal"), dir.join("log"));
    let copied = Command::new("cp").arg("-a").arg(&log).arg(&small).status().unwrap();
    assert!(copied.success());
    std::fs::remove_dir_all(&log).unwrap();
    std::os::unix::fs::symlink(&small, &log).unwrap();
    cluster.start_again().unwrap();
}

/// Writes one record after the other until the server is away. Returns the number of records that are certainly stored,
/// and the answers that leave the outcome open.
async fn write_until_away(acme: Client, writer: usize) -> (usize, Vec<String>) {
    let (mut stored, mut open) = (0, vec![]);
    for number in 0.. {
        let answer = acme.post("/api/records/patients", &long(writer * 1_000_000 + number)).await;
        match (answer.status.as_u16(), &*answer.code()) {
            (201, _) => stored += 1,
            (503, "disk_full") => {}
            (503, "outcome_unknown") => open.push(answer.json()["outcome"].as_str().unwrap().to_owned()),
            (503, "server_unreachable") => break,
            (429, _) => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => panic!("{}: {}", answer.status, answer.text()),
        }
    }
    (stored, open)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_log_is_an_outage_that_loses_nothing() {
    let Some(dir) = on_a_small_disk("a_full_disk_of_the_log_is_an_outage_that_loses_nothing") else { return };
    let programs = PathBuf::from(std::env::var_os(PROGRAMS).unwrap());
    let mut cluster = Cluster::start(VERSIONS[0], &programs).unwrap();
    move_log(&mut cluster, &programs, &dir);
    let app = TestApp::on_postgres(&cluster.url(), Isolation::Pooled).await;
    let acme = app.register("acme").await;
    let ballast = fill(&dir);
    let writers: Vec<_> = (0..4).map(|n| tokio::spawn(write_until_away(acme.clone(), n))).collect();
    // Other work on the server takes the remaining room.
    let (url, psql) = (cluster.url(), programs.join("psql"));
    let burn = "SELECT pg_logical_emit_message(true, 'ballast', repeat('x', 1000000))";
    while Command::new(&psql).args([&url, "-qtc", burn]).output().unwrap().status.success() {}
    let (mut stored, mut open) = (0, vec![]);
    for writer in writers {
        let (of_one, doubts) = writer.await.unwrap();
        stored += of_one;
        open.extend(doubts);
    }
    let refused = acme.get("/api/records/patients").await.expect(503);
    assert_eq!(&*refused.code(), "server_unreachable", "{}", refused.text());
    let ready = app.anon().get("/readyz").await.expect(200).text();
    assert!(ready.contains("server postgres does not answer"), "{ready}");
    std::fs::remove_file(ballast).unwrap();
    cluster.kill().unwrap();
    cluster.start_again().unwrap();
    let began = Instant::now();
    while acme.get("/api/records/patients").await.status.as_u16() != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "no restart is needed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for outcome in open {
        let told = acme.get(&format!("/api/outcomes/{outcome}")).await.expect(200).json();
        stored += usize::from(told["outcome"] == "stored");
    }
    assert!(stored > 0, "nothing was written before the disk was full");
    assert_eq!(count(&acme).await, stored, "what was acknowledged is there, and what was refused is not");
    acme.post("/api/records/patients", &long(9)).await.expect(201);
}
