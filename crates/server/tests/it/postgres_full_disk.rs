//! A PostgreSQL server with a full disk: what it refuses is told and not stored, reads go on, and nothing needs a restart
//! once there is room. The tables are in a tablespace on a small file system; the log of the server is not, because a
//! server that cannot write its log ends itself, which is an outage.

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
};
use tenantry::place::Isolation;
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// Tells a child of these tests where its own file system is.
const DIRECTORY: &str = "TENANTRY_SMALL_TABLESPACE";
/// Tells it where the programs of PostgreSQL are.
const PROGRAMS: &str = "TENANTRY_PROGRAMS";

/// The mounted directory, in a child; else runs `test` in a child that has a file system of 96 MB to itself. The child is no
/// root, because PostgreSQL refuses to run as root.
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
