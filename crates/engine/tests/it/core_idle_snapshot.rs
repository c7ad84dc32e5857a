//! Idle snapshots: the next read still sees every commit of every process, and an idle snapshot blocks no other
//! connection.

use crate::{core_cache::descriptors, core_session::*, core_support::*};
use rusqlite::Connection;
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    Session,
    name::{FieldName, ModelName},
    place::Place,
    query::{Change, RecordId},
    row::{Collect, Row, Visit},
    value::Value,
    write::WriteOptions,
};
use tenantry_testkit::{dose, tried};

const ONE: RecordId = RecordId::Integer(1);

fn changed(body: &str) -> Change {
    let values = vec![(FieldName::parse("body").unwrap(), Value::from(body))];
    Change::Update { model: ModelName::parse("notes").unwrap(), id: ONE, expected_version: None, values }
}

async fn body(session: &Session) -> String {
    let found = session.get("notes", &ONE, &[], Collect::default()).await.unwrap().expect("the record");
    match &found.rows[0][1] {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// Reads often enough that the connection starts an idle snapshot.
async fn settle(session: &Session) {
    for _ in 0..20 {
        body(session).await;
    }
}

fn apart(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.busy_timeout(Duration::ZERO).unwrap();
    conn
}

/// Tries to write the `-wal` back and to truncate it. Returns false while a connection still reads from it.
fn truncate(conn: &Connection) -> bool {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).unwrap() == 0
}

async fn both(test: &TestEngine) -> [(Place, PathBuf); 2] {
    let places = [own(test, 1).await, in_pool(test, 1).await];
    places.map(|place| (place.clone(), test.file(&place)))
}

#[tokio::test]
async fn what_anybody_commits_is_in_the_next_read() {
    let test = TestEngine::new(8);
    for (place, file) in both(&test).await {
        let session = open(&test, &place).await;
        session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
        let other = engine_at(test.dir.path(), 4);
        let theirs = other.session(&place, &schema()).await.unwrap();
        let stranger = apart(&file);
        for round in 0..60 {
            settle(&session).await;
            settle(&theirs).await;
            let text = round.to_string();
            match round % 3 {
                0 => drop(session.write(&[changed(&text)], &WriteOptions::default()).await.unwrap()),
                1 => drop(theirs.write(&[changed(&text)], &WriteOptions::default()).await.unwrap()),
                _ => drop(stranger.execute("UPDATE notes SET body = ?1 WHERE id = 1", [&text]).unwrap()),
            }
            assert_eq!((body(&session).await, body(&theirs).await), (text.clone(), text));
        }
    }
}

/// A value is published after its commit; every later read sees it or a newer one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_what_was_committed_before_it() {
    let test = TestEngine::in_memory(8);
    let rounds = dose(3000, 100_000);
    let mut reads = 0;
    for (place, _) in both(&test).await {
        let session = open(&test, &place).await;
        session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
        let published = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (session, published) = (session.clone(), published.clone());
                tokio::spawn(async move {
                    let mut reads = 0_u64;
                    while published.load(SeqCst) < rounds {
                        let least = published.load(SeqCst);
                        let seen: u64 = body(&session).await.parse().unwrap();
                        assert!(seen >= least, "{seen} was read after {least} had been committed");
                        reads += 1;
                        tokio::task::yield_now().await;
                    }
                    reads
                })
            })
            .collect();
        let other = engine_at(test.dir.path(), 4);
        let theirs = other.session(&place, &schema()).await.unwrap();
        for round in 1..=rounds {
            let writer = if round % 2 == 0 { &session } else { &theirs };
            let change = [changed(&round.to_string())];
            writer.write(&change, &WriteOptions::default()).await.unwrap();
            published.store(round, SeqCst);
            if round % 8 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for reader in readers {
            reads += reader.await.unwrap();
        }
    }
    tried("rest", reads, "reads beside writers");
}

#[tokio::test]
async fn one_who_rests_does_so_for_a_moment_only() {
    let test = TestEngine::new(8);
    for (place, file) in both(&test).await {
        let session = open(&test, &place).await;
        session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
        let stranger = apart(&file);
        let mut rests = 0;
        // On a busy machine the maintenance thread may have ended the snapshot in between.
        for round in 0..100 {
            if rests == 2 {
                break;
            }
            // Writing the value that the row already has would change nothing.
            let text = if round % 2 == 0 { "1" } else { "0" };
            session.write(&[changed(text)], &WriteOptions::default()).await.unwrap();
            settle(&session).await;
            if truncate(&stranger) {
                continue;
            }
            rests += 1;
            let since = Instant::now();
            while !truncate(&stranger) {
                assert!(since.elapsed() < Duration::from_secs(20), "nobody wakes it");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!(rests, 2, "nobody ever rests in the -wal");
        session.write(&[changed("0")], &WriteOptions::default()).await.unwrap();
        assert_eq!(body(&session).await, "0");
        // A connection that reads continuously starts one idle snapshot after another, and still blocks no other
        // connection.
        stranger.execute("UPDATE notes SET body = 'x' WHERE id = 1", []).unwrap();
        let since = Instant::now();
        loop {
            settle(&session).await;
            if truncate(&stranger) {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "who reads on never lets go of the -wal");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wal_stays_short_beside_one_who_rests() {
    let test = TestEngine::in_memory(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
    let long = "x".repeat(8000);
    for round in 0..8000 {
        if round % 1000 == 0 {
            settle(&session).await;
        }
        session.write(&[changed(&long)], &WriteOptions::default()).await.unwrap();
    }
    let wal = std::fs::metadata(format!("{}-wal", test.file(&place).display())).unwrap().len();
    assert!(wal < 48 << 20, "the -wal grew to {wal} bytes");
}

struct Panics;

impl Visit for Panics {
    fn row(&mut self, _: &dyn Row) {
        panic!("on purpose");
    }
}

/// `clean-connection`: whatever happens to a reader, the next one gets a clean connection.
#[tokio::test]
async fn clean_connection_a_reader_that_panics_leaves_no_transaction() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
    settle(&session).await;
    let theirs = session.clone();
    let died = tokio::spawn(async move { theirs.get("notes", &ONE, &[], Panics).await.map(drop) }).await;
    assert!(died.unwrap_err().is_panic());
    assert_eq!(body(&session).await, "0");
    settle(&session).await;
    assert!(session.get("strangers", &ONE, &[], Collect::default()).await.is_err());
    session.write(&[changed("1")], &WriteOptions::default()).await.unwrap();
    assert_eq!(body(&session).await, "1");
    test.engine.close(&place);
    drop(session);
    test.engine.shutdown().await;
    assert_eq!(descriptors(&test), 0);
}

/// Returns the number of locks of all processes on the `-shm` file of a database.
fn locks(file: &Path) -> usize {
    let inode = std::fs::metadata(format!("{}-shm", file.display())).unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().filter(|line| line.contains(&format!(":{inode} "))).count()
}

/// Closing a descriptor drops all locks that its process has on the file.
#[tokio::test]
async fn nobodys_end_takes_the_locks_of_others_along() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
    let other = engine_at(test.dir.path(), 4);
    let theirs = other.session(&place, &schema()).await.unwrap();
    settle(&theirs).await;
    assert!(locks(&test.file(&place)) > 0);
    drop(theirs);
    other.close(&place);
    other.shutdown().await;
    assert!(locks(&test.file(&place)) > 0, "the lock that keeps the -shm file is gone");
    assert_eq!(body(&session).await, "0");
}

#[tokio::test]
async fn closed_databases_leave_no_descriptor() {
    let test = TestEngine::new(64);
    for number in 1..=40 {
        let session = open(&test, &own(&test, number).await).await;
        session.write(&[note("0")], &WriteOptions::default()).await.unwrap();
        settle(&session).await;
    }
    assert!(descriptors(&test) >= 40 * 4, "database, -wal, -shm, and -shm once more");
    test.engine.shutdown().await;
    assert_eq!(descriptors(&test), 0);
}
