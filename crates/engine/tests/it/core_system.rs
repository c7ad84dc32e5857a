//! The handle of the control store: transactions, dropped futures, other processes, the commit mark.

use crate::core_support::*;
use std::time::Duration;
use tenantry_engine::{Kind, value::Value};
use tenantry_testkit::{dose, tried};

#[tokio::test]
async fn a_transaction_is_seen_after_its_commit_and_never_after_its_drop() {
    let test = TestEngine::new(4);
    let db = system(&test).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.execute("INSERT INTO t(name) VALUES(?1)", &["kept".into()]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES(?1)", &["dropped".into()]).await.unwrap();
    drop(tx);
    let rows = db.query("SELECT name, id, NULL FROM t", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].text(0).unwrap(), rows[0].integer(1).unwrap(), rows[0].opt_text(2).unwrap()),
        ("kept", 1, None)
    );
    assert!(rows[0].integer(0).is_err() && rows[0].text(9).is_err());
}

#[tokio::test]
async fn a_snapshot_does_not_see_later_commits() {
    let test = TestEngine::new(4);
    let db = system(&test).await;
    let mut snapshot = db.snapshot().await.unwrap();
    assert!(snapshot.query("SELECT * FROM t", &[]).await.unwrap().is_empty());
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('x')", &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(snapshot.query("SELECT * FROM t", &[]).await.unwrap().is_empty());
    drop(snapshot);
    assert_eq!(db.query("SELECT * FROM t", &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_tenant_place_is_no_system_store() {
    let test = TestEngine::new(4);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    assert_eq!(*test.engine.system(&tenant(1)).await.unwrap_err().kind(), Kind::Internal);
}

#[tokio::test]
async fn the_mark_moves_with_commits_of_anybody_and_only_then() {
    let test = TestEngine::new(4);
    let db = system(&test).await;
    let mark = db.mark();
    db.query("SELECT * FROM t", &[]).await.unwrap();
    drop(db.begin().await.unwrap());
    assert!(!db.changed(mark), "reads and roll-backs are no commits");

    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('mine')", &[]).await.unwrap();
    assert!(!db.changed(mark), "not committed yet");
    tx.commit().await.unwrap();
    assert!(db.changed(mark));

    // Another engine in this process behaves like a CLI next to the server.
    let mark = db.mark();
    let other = engine_at(test.dir.path(), 4);
    let theirs = other.system(&control()).await.unwrap();
    assert!(!db.changed(mark));
    let mut tx = theirs.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('theirs')", &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(db.changed(mark));
    drop(theirs);
    other.shutdown().await;

    // The mark still works after the other engine closed all its connections.
    let mark = db.mark();
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('again')", &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(db.changed(mark));
}

/// Not a test: the process that the next test starts. The environment names the directory.
#[tokio::test]
async fn child_process_writes() {
    let Ok(root) = std::env::var("TENANTRY_TEST_CHILD_ROOT") else { return };
    let engine = engine_at(root.as_ref(), 4);
    let db = engine.system(&control()).await.unwrap();
    for _ in 0..50 {
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t(name) VALUES('child')", &[]).await.unwrap();
        tx.commit().await.unwrap();
    }
    drop(db);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_write_at_once_and_each_sees_the_others_commits() {
    let test = TestEngine::new(4);
    let db = system(&test).await;
    let mark = db.mark();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "core_system::child_process_writes", "--nocapture"])
        .env("TENANTRY_TEST_CHILD_ROOT", test.dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !db.changed(mark) {
        assert!(
            child.try_wait().unwrap().is_none() || db.changed(mark),
            "the child wrote nothing that is seen"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..50 {
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t(name) VALUES('parent')", &[]).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert!(child.wait().unwrap().success());
    let rows = db.query("SELECT name, count(*) FROM t GROUP BY name ORDER BY name", &[]).await.unwrap();
    assert_eq!((rows[0].integer(1).unwrap(), rows[1].integer(1).unwrap()), (50, 50));
    // The child closed its connections, but they were not the last ones, so the mark still works.
    let mark = db.mark();
    let mut tx = db.begin().await.unwrap();
    tx.execute("DELETE FROM t WHERE id > ?1", &[Value::Integer(5)]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(db.changed(mark));
}

#[tokio::test]
async fn transactions_dropped_anywhere_leave_clean_connections() {
    let test = TestEngine::new(4);
    let db = system(&test).await;
    let work = |db: tenantry_engine::SystemDb| async move {
        let mut tx = db.begin().await?;
        tx.execute("INSERT INTO t(name) VALUES('half')", &[]).await?;
        tokio::task::yield_now().await;
        tx.query("SELECT * FROM t", &[]).await?;
        tokio::task::yield_now().await;
        tx.execute("UPDATE t SET name = 'other half'", &[]).await?;
        tokio::task::yield_now().await;
        tx.rollback().await
    };
    let rounds = u32::try_from(dose(1250, 25_000)).unwrap();
    for round in 0..rounds {
        drop_after(work(db.clone()), round % 5).await;
        drop_after(read(db.clone()), round % 4).await;
        let mut tx = db.begin().await.unwrap();
        assert!(tx.query("SELECT * FROM t", &[]).await.unwrap().is_empty(), "round {round}");
        tx.rollback().await.unwrap();
    }
    tried("T2 transactions", u64::from(rounds) * 2, "drops");
}

async fn read(db: tenantry_engine::SystemDb) -> tenantry_engine::Result<()> {
    let mut tx = db.snapshot().await?;
    tokio::task::yield_now().await;
    tx.query("SELECT * FROM t", &[]).await?;
    tokio::task::yield_now().await;
    tx.commit().await
}

/// Polls `future` that many times, then drops it.
pub async fn drop_after(future: impl Future, polls: u32) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_ready()))
                .await;
        if polled {
            return;
        }
        tokio::task::yield_now().await;
    }
}
