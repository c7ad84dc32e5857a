//! Small writes that share a commit: each still succeeds or fails on its own, even if callers go away.

use crate::{
    core_session::{bodies, in_pool, migrations, note, open, own, schema},
    core_support::*,
};
use std::{collections::BTreeSet, time::Duration};
use tenantry_engine::{
    Kind, Result, Session,
    name::{FieldName, ModelName, StoreName},
    place::Place,
    query::{Change, RecordId},
    value::Value,
    write::{WriteOptions, Written},
};
use tokio::task::JoinHandle;

type Writing = JoinHandle<Result<Vec<Written>>>;

/// Starts a write. These tests run on a single thread, so nothing runs before the caller awaits.
fn start(session: &Session, changes: Vec<Change>, options: WriteOptions) -> Writing {
    let session = session.clone();
    tokio::spawn(async move { session.write(changes, &options).await })
}

fn write(session: &Session, body: &str) -> Writing {
    start(session, vec![note(body)], WriteOptions::default())
}

/// Returns a note without its required body.
fn wrong() -> Change {
    Change::Insert { model: ModelName::parse("notes").unwrap(), id: None, values: vec![] }
}

/// Returns a note with a given id.
fn numbered(id: i64) -> Change {
    let values = vec![(FieldName::parse("body").unwrap(), Value::from("numbered"))];
    Change::Insert { model: ModelName::parse("notes").unwrap(), id: Some(RecordId::Integer(id)), values }
}

async fn kind(writing: Writing) -> Option<Kind> {
    writing.await.unwrap().err().map(|error| error.kind().clone())
}

/// Returns the number of complete frames in the `-wal` of this database.
fn frames(test: &TestEngine, place: &Place) -> u64 {
    let wal = test.file(place).with_extension("db-wal");
    std::fs::metadata(wal).map_or(0, |meta| meta.len() / (4096 + 24))
}

/// Returns a system store with notes, whose commits are synced.
async fn synced(test: &TestEngine) -> Place {
    let place = Place { tenant: None, store: StoreName::parse("tenant").unwrap(), ..tenant(0) };
    test.engine.create_system(&place).await.unwrap();
    test.engine.migrate(&place, &migrations()).await.unwrap();
    place
}

#[tokio::test]
async fn those_that_wait_together_share_a_commit_in_the_order_they_came() {
    let test = TestEngine::new(8);
    for place in [own(&test, 1).await, in_pool(&test, 2).await, synced(&test).await] {
        let session = open(&test, &place).await;
        session.write(&[note("first")], &WriteOptions::default()).await.unwrap();
        let before = frames(&test, &place);
        let writing: Vec<_> = (0..50).map(|n| write(&session, &format!("{n:02}"))).collect();
        let mut ids = vec![];
        for writing in writing {
            ids.push(writing.await.unwrap().unwrap().remove(0).id);
        }
        assert_eq!(ids, (2..=51).map(RecordId::Integer).collect::<Vec<_>>());
        let each = frames(&test, &place) - before;
        assert!(each < 50, "{each} pages: a commit of its own writes at least two");
        assert_eq!(session.usage().await.unwrap().rows, 51);
    }
}

#[tokio::test]
async fn one_that_is_refused_takes_nobody_along() {
    let test = TestEngine::new(8);
    for place in [own(&test, 1).await, in_pool(&test, 2).await, synced(&test).await] {
        let session = open(&test, &place).await;
        let plain = WriteOptions::default;
        let mut writing = vec![];
        for n in 0..10 {
            writing.push((None, write(&session, &format!("good {n}"))));
            // The first change of this batch would succeed, the second would not.
            let half = vec![note("half"), numbered(1)];
            writing.push((Some("Unique([\"id\"])"), start(&session, half, plain())));
            writing
                .push((Some("Invalid(\"body\", \"is required\")"), start(&session, vec![wrong()], plain())));
        }
        for (expected, writing) in writing {
            let came = kind(writing).await.map(|kind| format!("{kind:?}"));
            assert_eq!(came.as_deref(), expected);
        }
        assert_eq!(bodies(&session).await.len(), 10);
        assert!(bodies(&session).await.iter().all(|body| body.starts_with("good")));
        assert_eq!(session.usage().await.unwrap().rows, 10);
    }
}

#[tokio::test]
async fn enforced_limits_a_quota_is_not_overshot_by_writes_of_one_commit() {
    let test = TestEngine::new(8);
    for place in [own(&test, 1).await, in_pool(&test, 2).await] {
        let session = open(&test, &place).await;
        let ten = WriteOptions { max_rows: Some(10), ..WriteOptions::default() };
        let writing: Vec<_> =
            (0..40).map(|n| start(&session, vec![note("x"); 1 + n % 3], ten.clone())).collect();
        let mut rows = 0;
        for (n, writing) in writing.into_iter().enumerate() {
            match kind(writing).await {
                None => rows += 1 + n as u64 % 3,
                Some(kind) => assert_eq!(kind, Kind::Limit("rows")),
            }
        }
        assert_eq!((rows, session.usage().await.unwrap().rows, bodies(&session).await.len()), (10, 10, 10));
    }
}

#[tokio::test]
async fn a_limit_of_bytes_refuses_a_write_that_does_not_fit_and_keeps_the_others() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let limited = WriteOptions { max_bytes: Some(60_000), ..WriteOptions::default() };
    let session = test.engine.session(&place, &schema()).await.unwrap();
    let big = "x".repeat(20_000);
    let bodies_of = |n: usize| if n.is_multiple_of(2) { "small".into() } else { big.clone() };
    let writing: Vec<_> =
        (0..20).map(|n| start(&session, vec![note(&bodies_of(n))], limited.clone())).collect();
    let mut done = 0;
    for (n, writing) in writing.into_iter().enumerate() {
        match kind(writing).await {
            None => done += 1,
            Some(kind) => assert_eq!((kind, n % 2), (Kind::Limit("bytes"), 1), "write {n}"),
        }
    }
    assert!((11..20).contains(&done), "{done} of 20");
    assert_eq!(bodies(&session).await.len(), done);
    assert_eq!(session.usage().await.unwrap().rows, done as u64);
}

#[tokio::test]
async fn fenced_generation_a_fenced_tenant_is_refused_among_others_of_its_pool() {
    let test = TestEngine::new(8);
    let places = [in_pool(&test, 1).await, in_pool(&test, 2).await, in_pool(&test, 3).await];
    let mut sessions = vec![];
    for place in &places {
        sessions.push(open(&test, place).await);
    }
    test.engine.fence(&places[1], true).await.unwrap();
    let writing: Vec<_> = (0..30).map(|n| (n % 3, write(&sessions[n % 3], "x"))).collect();
    for (who, writing) in writing {
        assert_eq!(kind(writing).await, (who == 1).then_some(Kind::Fenced));
    }
    for (who, session) in sessions.iter().enumerate() {
        assert_eq!(bodies(session).await.len(), if who == 1 { 0 } else { 10 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_connection_who_goes_away_takes_nobody_along() {
    let test = TestEngine::new(8);
    for place in [own(&test, 1).await, in_pool(&test, 2).await, synced(&test).await] {
        let session = open(&test, &place).await;
        let mut kept = BTreeSet::new();
        for round in 0..60_u64 {
            let writing: Vec<_> =
                (0..8).map(|n| (format!("{round}-{n}"), write(&session, &format!("{round}-{n}")))).collect();
            if round % 3 == 0 {
                tokio::time::sleep(Duration::from_micros(round * 7)).await;
            }
            for (n, (body, writing)) in writing.into_iter().enumerate() {
                if n as u64 % 3 == round % 3 {
                    writing.abort();
                } else {
                    writing.await.unwrap().unwrap();
                    kept.insert(body);
                }
            }
        }
        session.write(&[note("last")], &WriteOptions::default()).await.unwrap();
        let all = bodies(&session).await;
        let distinct: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(all.len(), distinct.len(), "none twice");
        assert!(distinct.is_superset(&kept), "none lost that was told to be there");
        assert_eq!(session.usage().await.unwrap().rows, all.len() as u64);
    }
}

#[tokio::test]
async fn a_large_write_gets_its_turn_between_small_ones() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move {
                loop {
                    session.write(&[note("small")], &WriteOptions::default()).await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let large = start(&session, vec![note("large"); 100], WriteOptions::default());
        tokio::time::timeout(Duration::from_secs(20), large).await.expect("its turn").unwrap().unwrap();
    }
    busy.iter().for_each(JoinHandle::abort);
    let all = session.usage().await.unwrap().rows;
    assert!(all > 500, "small ones went on: {all}");
}

#[tokio::test]
async fn a_writer_in_another_process_is_waited_for_by_all_and_not_for_ever() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    let other = rusqlite::Connection::open(test.file(&place)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let early: Vec<_> = (0..5).map(|n| write(&session, &format!("early {n}"))).collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let late: Vec<_> = (0..5).map(|n| write(&session, &format!("late {n}"))).collect();
    for writing in early {
        assert_eq!(kind(writing).await, Some(Kind::Busy));
    }
    assert!(late.iter().all(|writing| !writing.is_finished()), "they have not waited five seconds yet");
    other.execute_batch("COMMIT").unwrap();
    for writing in late {
        assert_eq!(kind(writing).await, None);
    }
    assert_eq!(bodies(&session).await.len(), 5);
}
