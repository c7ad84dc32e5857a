//! A pool is filled in batches: other writers write in between, and a caller that continues late or died midway does no
//! harm.

use crate::{records_kit::insert, transfer_kit::*};
use rusqlite::Connection;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tenantry_engine::{
    Kind,
    place::{Isolation, Place},
};

/// Number of doctors that needs several batches.
const DOCTORS: usize = 3_000;

struct Large {
    clinic: Clinic,
    old: Place,
    new: Place,
}

async fn large() -> Large {
    let clinic = Clinic::new().await;
    let (old, new) = (place(Isolation::Database, TENANT, 1), place(Isolation::Pooled, TENANT, 3));
    clinic.make(&old).await;
    let numbers: Vec<usize> = (0..DOCTORS).collect();
    for some in numbers.chunks(500) {
        let list = some.iter().map(|n| insert("doctors", &[("name", format!("Dr. {n}").into())]));
        clinic.write(&old, &list.collect::<Vec<_>>()).await.unwrap();
    }
    Large { clinic, old, new }
}

impl Large {
    fn pool(&self) -> Connection {
        let pool = Connection::open(self.clinic.test.file(&self.new)).unwrap();
        pool.busy_timeout(Duration::from_secs(5)).unwrap();
        pool
    }

    async fn fill(&self) -> tenantry_engine::Result<()> {
        self.clinic.carry(&self.old, &self.new).await.map(drop)
    }

    async fn is_whole(&self) {
        let engine = &self.clinic.test.engine;
        assert!(engine.place_info(&self.new).await.unwrap().state.is_complete());
        engine.open_filled(&self.new, 99).await.unwrap();
        assert_eq!(self.clinic.digest(&self.new).await, self.clinic.digest(&self.old).await);
        assert_eq!(self.clinic.lines(&self.new).await, self.clinic.lines(&self.old).await);
        assert_eq!(self.clinic.usage(&self.new).await.rows, self.clinic.usage(&self.old).await.rows);
        self.clinic.is_sound(&self.new);
    }
}

/// Returns the fencing token of the call that fills the place, and the number of doctors that are stored.
fn filling(pool: &Connection) -> Option<(i64, i64)> {
    let sql = "SELECT holder, (SELECT count(*) FROM doctors WHERE company_id = ?1) FROM _tenantry_place
        WHERE tenant = ?1 AND state = 'filling'";
    pool.query_row(sql, [TENANT], |row| Ok((row.get(0)?, row.get(1)?))).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_writes_between_two_batches() {
    let large = large().await;
    let (neighbour, pool) = (place(Isolation::Pooled, NEIGHBOUR, 1), large.pool());
    let mut between = 0;
    let mut filling_it = std::pin::pin!(large.fill());
    loop {
        let before = filling(&pool);
        let row = insert("hospitals", &[("name", "Meanwhile".into())]);
        let over = tokio::select! {
            biased;
            over = &mut filling_it => Some(over),
            written = large.clinic.write(&neighbour, std::slice::from_ref(&row)) => { written.unwrap(); None }
        };
        if let Some(over) = over {
            over.unwrap();
            break;
        }
        let after = filling(&pool);
        between += usize::from(before.is_some() && before.map(|b| b.0) == after.map(|a| a.0));
    }
    println!("{between} writes of a neighbour between two batches");
    assert!(between >= 2, "{between}");
    large.is_whole().await;
}

/// A statement of an operator, or a damaged index, may have left such a row.
#[tokio::test]
async fn rows_that_refer_to_nothing_are_not_let_into_a_pool() {
    let large = large().await;
    let neighbours = large.clinic.neighbours().await;
    let conn = Connection::open(large.clinic.test.file(&large.old)).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = OFF; UPDATE doctors SET mentor = 999999 WHERE id = 2900")
        .unwrap();
    drop(conn);
    let refused = large.fill().await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::Reference("doctors".into()), "{refused}");
    let engine = &large.clinic.test.engine;
    assert!(engine.open_filled(&large.new, 99).await.is_err());
    engine.withdraw(&large.new).await.unwrap();
    assert_eq!(left(&large.pool()), 0);
    assert_eq!(large.clinic.neighbours().await, neighbours);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_taken_over_midway_fails_and_the_next_one_fills_it_anew() {
    let large = large().await;
    let neighbours = large.clinic.neighbours().await;
    let engine = large.clinic.test.engine.clone();
    let pool = large.pool();
    let taken_over = std::thread::spawn(move || {
        let sql = "UPDATE _tenantry_place SET holder = 5 WHERE tenant = ?1 AND state = 'filling'
            AND (SELECT count(*) FROM doctors WHERE company_id = ?1) > 0";
        while pool.execute(sql, [TENANT]).unwrap() == 0 {}
        pool
    });
    let late = large.fill().await.unwrap_err();
    assert_eq!(*late.kind(), Kind::Fenced, "{late}");
    let pool = taken_over.join().unwrap();
    // The state that a process leaves if it dies midway.
    let (filler, there) = filling(&pool).unwrap();
    assert!(filler == 5 && there > 0, "{there}");
    assert!(!engine.place_info(&large.new).await.unwrap().state.is_complete());
    assert!(engine.open_filled(&large.new, 99).await.is_err(), "half of it is not opened");
    large.fill().await.unwrap();
    large.is_whole().await;
    assert_eq!(large.clinic.neighbours().await, neighbours);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_half_filled_is_withdrawn_and_who_comes_late_brings_nothing_back() {
    let large = large().await;
    let (engine, pool) = (large.clinic.test.engine.clone(), large.pool());
    let removed = std::thread::spawn({
        let (engine, place) = (engine.clone(), large.new.clone());
        let runtime = tokio::runtime::Handle::current();
        move || {
            while filling(&pool).is_none_or(|(_, there)| there == 0) {}
            runtime.block_on(engine.withdraw(&place)).unwrap();
            pool
        }
    });
    let late = large.fill().await.unwrap_err();
    assert_eq!(*late.kind(), Kind::Fenced, "{late}");
    let pool = removed.join().unwrap();
    let left: i64 = pool
        .query_row("SELECT count(*) FROM doctors WHERE company_id = ?1", [TENANT], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    large.clinic.is_sound(&large.new);
}

/// Creates the tenant's open place in the pool, as after a move.
async fn settled() -> Large {
    let large = large().await;
    let engine = &large.clinic.test.engine;
    large.fill().await.unwrap();
    engine.open_filled(&large.new, 99).await.unwrap();
    large
}

/// Returns the number of remaining doctors of a tenant that is being withdrawn.
fn leaving(pool: &Connection) -> Option<i64> {
    let sql = "SELECT (SELECT count(*) FROM doctors WHERE company_id = ?1) FROM _tenantry_place
        WHERE tenant = ?1 AND state = 'leaving'";
    pool.query_row(sql, [TENANT], |row| row.get(0)).ok()
}

/// Returns the number of the tenant's rows in all tables of the pool.
fn left(pool: &Connection) -> i64 {
    let sql = "SELECT (SELECT count(*) FROM doctors WHERE company_id = ?1)
        + (SELECT count(*) FROM hospitals WHERE company_id = ?1)
        + (SELECT count(*) FROM _tenantry_activity WHERE tenant = ?1)
        + (SELECT count(*) FROM _tenantry_changes WHERE tenant = ?1)
        + (SELECT count(*) FROM _tenantry_seq WHERE tenant = ?1)
        + (SELECT count(*) FROM _tenantry_place WHERE tenant = ?1)";
    pool.query_row(sql, [TENANT], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_writes_while_somebody_leaves() {
    let large = settled().await;
    let (neighbour, pool) = (place(Isolation::Pooled, NEIGHBOUR, 1), large.pool());
    let before = large.clinic.names(&neighbour).await.len();
    let engine = large.clinic.test.engine.clone();
    let mut withdrawing = std::pin::pin!(engine.withdraw(&large.new));
    let (mut between, mut written) = (0, 0);
    loop {
        let seen = leaving(&pool);
        let row = insert("doctors", &[("name", "Dr. Meanwhile".into())]);
        tokio::select! {
            biased;
            over = &mut withdrawing => break over.unwrap(),
            done = large.clinic.write(&neighbour, std::slice::from_ref(&row)) => { done.unwrap(); written += 1; }
        };
        between += usize::from(seen.is_some() && leaving(&pool).is_some());
    }
    println!("{between} writes of a neighbour between two batches");
    assert!(between >= 2, "{between}");
    assert_eq!(left(&pool), 0);
    // The outcome of the last write is unknown.
    let there = large.clinic.names(&neighbour).await.len() - before;
    assert!(there == written || there == written + 1, "{there} of {written}");
    large.clinic.is_sound(&large.new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_withdraw_the_same_place_help_each_other() {
    let large = settled().await;
    let neighbours = large.clinic.neighbours().await;
    let engine = &large.clinic.test.engine;
    let (one, other) = tokio::join!(engine.withdraw(&large.new), engine.withdraw(&large.new));
    one.and(other).unwrap();
    assert_eq!(left(&large.pool()), 0);
    assert_eq!(large.clinic.neighbours().await, neighbours);
    large.clinic.is_sound(&large.new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_withdraws_late_leaves_alone_what_is_filled_anew() {
    for _ in 0..20 {
        let large = settled().await;
        let (engine, pool, over) =
            (large.clinic.test.engine.clone(), large.pool(), Arc::new(AtomicBool::new(false)));
        let ended = over.clone();
        let filler = std::thread::spawn(move || {
            let sql = "UPDATE _tenantry_place SET state = 'filling', holder = 5 WHERE tenant = ?1 AND state = 'leaving'";
            while pool.execute(sql, [TENANT]).unwrap() == 0 && !ended.load(Relaxed) {}
            pool
        });
        let late = engine.withdraw(&large.new).await;
        over.store(true, Relaxed);
        let pool = filler.join().unwrap();
        let Err(late) = late else { continue };
        assert_eq!(*late.kind(), Kind::Fenced, "{late}");
        // The state after a crash midway: no request sees the place, and it is filled again from the start.
        assert!(left(&pool) > 1);
        assert!(!engine.place_info(&large.new).await.unwrap().state.is_complete());
        large.fill().await.unwrap();
        large.is_whole().await;
        return;
    }
    panic!("nobody ever came in between");
}

/// T11: the tenant leaves in several batches, and other tenants' words are in the same full-text index.
#[tokio::test]
async fn no_word_of_one_who_left_stays_in_the_file() {
    let large = settled().await;
    let (neighbour, file) = (place(Isolation::Pooled, NEIGHBOUR, 1), large.clinic.test.file(&large.new));
    for some in (0..1500).collect::<Vec<_>>().chunks(500) {
        let ours =
            some.iter().map(|n| insert("doctors", &[("name", format!("zebracanary{n} clinic").into())]));
        large.clinic.write(&large.new, &ours.collect::<Vec<_>>()).await.unwrap();
        let theirs =
            some.iter().map(|n| insert("doctors", &[("name", format!("ordinary{n} clinic").into())]));
        large.clinic.write(&neighbour, &theirs.collect::<Vec<_>>()).await.unwrap();
    }
    large.clinic.test.engine.withdraw(&large.new).await.unwrap();
    large.clinic.test.engine.scrub(&large.new).await.unwrap();
    let has = |word: &[u8]| {
        ["", "-wal"].iter().any(|suffix| {
            let bytes = std::fs::read(format!("{}{suffix}", file.display())).unwrap_or_default();
            bytes.windows(word.len()).any(|window| window == word)
        })
    };
    assert!(has(b"ordinary77"), "a word of who stays");
    // The index stores terms without the prefix that they share with the previous term.
    assert!(!has(b"zebracanary") && !has(b"ebracanary"), "a word of who left");
    assert_eq!(
        large.clinic.names(&neighbour).await.iter().filter(|n| n.starts_with("ordinary")).count(),
        1500
    );
    large.clinic.is_sound(&large.new);
}
