//! The cache of open databases: opens are coalesced, the budget holds, and no database closes while it is in use.

use crate::{
    core_support::*,
    records_kit::insert,
    transfer_kit::{Clinic, place},
};
use tenantry_engine::{Kind, place::Isolation, schema::Schema};
use tenantry_testkit::{Random, dose, tried};

/// Returns the number of open descriptors of files in the test's directory.
pub fn descriptors(test: &TestEngine) -> usize {
    descriptors_in(test.dir.path())
}

/// Returns the number of open descriptors of files under `root`.
pub fn descriptors_in(root: &std::path::Path) -> usize {
    let root = root.canonicalize().unwrap();
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    links
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path| path.starts_with(&root))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn cold_opens_of_one_database_happen_once() {
    let test = TestEngine::new(8);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let engine = test.engine.clone();
            tokio::spawn(async move { engine.verify(&tenant(1)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((test.engine.open_databases(), test.engine.opens()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_opens_are_told_to_everybody_and_leave_nothing() {
    let test = TestEngine::new(8);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let engine = test.engine.clone();
            tokio::spawn(async move { engine.verify(&tenant(1)).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(*task.await.unwrap().unwrap_err().kind(), Kind::Missing);
    }
    assert_eq!((test.engine.open_databases(), descriptors(&test)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_databases_under_load_stay_within_a_budget_of_twenty() {
    let test = TestEngine::new(20);
    for number in 1..=200 {
        test.engine.provision(&tenant(number), &bare()).await.unwrap();
    }
    let held = system(&test).await;
    let tasks: Vec<_> = (0..8)
        .map(|stream| {
            let engine = test.engine.clone();
            tokio::spawn(async move {
                let mut random = Random::new(2, stream);
                for _ in 0..250 {
                    engine.verify(&tenant(1 + random.below(200) as i64)).await?;
                }
                Ok::<(), tenantry_engine::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(test.engine.open_databases() <= 20, "{} open", test.engine.open_databases());
    let mut tx = held.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('still here')", &[]).await.unwrap();
    tx.commit().await.unwrap();
    drop(held);
    test.engine.shutdown().await;
    // Only the watched `-shm` file of the control store may stay open.
    assert!(descriptors(&test) <= 1, "{} descriptors left", descriptors(&test));
    let files = std::fs::read_dir(test.dir.path()).unwrap().flatten();
    let left = files.filter(|file| file.path().to_string_lossy().ends_with("-wal"));
    let left: Vec<_> =
        left.map(|file| (file.file_name(), file.metadata().map(|meta| meta.len()).ok())).collect();
    assert!(left.is_empty(), "closed databases are one file each: {left:?}");
}

/// There are more databases than the maintenance thread may leave unwritten while it serves requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_writes_the_wal_of_every_database_back() {
    const DATABASES: i64 = 150;
    let clinic = Clinic::again(TestEngine::in_memory(400));
    for number in 1..=DATABASES {
        clinic.make(&place(Isolation::Database, number, 1)).await;
    }
    for number in 1..=DATABASES {
        let doctor = insert("doctors", &[("name", "Ada".into())]);
        clinic.write(&place(Isolation::Database, number, 1), &[doctor]).await.unwrap();
    }
    let open = clinic.test.engine.open_databases();
    assert!(open > 80, "{open} open: fewer than the thread may owe");
    clinic.test.engine.shutdown().await;
    let files = std::fs::read_dir(clinic.test.dir.path()).unwrap().flatten();
    let left = files.filter(|file| file.path().to_string_lossy().ends_with("-wal"));
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn dropped_opens_leave_no_half_open_database() {
    let test = TestEngine::new(8);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    let rounds = u32::try_from(dose(500, 25_000)).unwrap();
    for round in 0..rounds {
        let engine = test.engine.clone();
        crate::core_system::drop_after(async move { engine.verify(&tenant(1)).await }, round % 4).await;
        if round % 3 == 0 {
            test.engine.close(&tenant(1));
        }
    }
    test.engine.verify(&tenant(1)).await.unwrap();
    tried("T2 opens", rounds.into(), "drops");
}

/// Runs random schedules: tasks open, read, close and release a dozen databases in a cache with room for four. In any
/// order, each task has the requested database, intact, for as long as it holds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_order_of_opens_and_closes_gives_anybody_another_database() {
    const DATABASES: i64 = 12;
    let test = TestEngine::new(4);
    for number in 1..=DATABASES {
        let engine = &test.engine;
        engine.provision(&tenant(number), &bare()).await.unwrap();
        // A row that identifies the database to every reader.
        let conn = rusqlite::Connection::open(test.file(&tenant(number))).unwrap();
        conn.execute_batch(&format!("CREATE TABLE canary(n); INSERT INTO canary VALUES({number})")).unwrap();
    }
    let schema = std::sync::Arc::new(Schema::new(bare_store(), vec![], &[]).unwrap());
    let seeds = dose(40, 4_000);
    for seed in 0..seeds {
        let tasks = (0..6).map(|stream| {
            let (engine, schema) = (test.engine.clone(), schema.clone());
            tokio::spawn(async move {
                let (mut random, mut held) = (Random::new(seed, stream), Vec::new());
                for _ in 0..25 {
                    let number = 1 + random.below(12) as i64;
                    match random.below(5) {
                        0 => engine.close(&tenant(number)),
                        1 if !held.is_empty() => drop(held.swap_remove(random.below(held.len()))),
                        2 => tokio::task::yield_now().await,
                        _ => held.push((number, engine.session(&tenant(number), &schema).await.unwrap())),
                    }
                    for (number, session) in held.iter().rev().take(2) {
                        let limits = tenantry_engine::SqlLimits::default();
                        let rows = session
                            .sql("SELECT n FROM canary", serde_json::Value::Null, limits)
                            .await
                            .unwrap();
                        assert_eq!(
                            format!("{:?}", rows.rows).matches(&format!("{number}")).count(),
                            1,
                            "{rows:?}"
                        );
                        assert_eq!(session.usage().await.unwrap().rows, 0);
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert!(test.engine.open_databases() <= 4 + 6, "seed {seed}: {} open", test.engine.open_databases());
    }
    tried("T2 schedules of the cache", seeds, "seeds");
}

fn bare_store() -> tenantry_engine::name::StoreName {
    tenantry_engine::name::StoreName::parse("tenant").unwrap()
}
