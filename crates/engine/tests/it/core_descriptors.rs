//! Descriptors of databases: the engine never opens more than allowed, and no caller is refused while others release
//! theirs.

use crate::{core_cache::descriptors, core_support::*};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec, SqlLimits,
    name::{ServerName, StoreName},
    schema::Schema,
};
use tenantry_testkit::{Random, dose, tried};

/// Descriptors for the databases of these tests, fifteen of them for reading `-shm` files.
const MOST: usize = 120;
const DATABASES: i64 = 80;

async fn narrow_bed() -> TestEngine {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let server = ServerSpec::sqlite(ServerName::parse("local").unwrap(), dir.path());
    let limits =
        CacheLimits { descriptors: Some(MOST), connections_per_database: Some(4), ..CacheLimits::default() };
    let test = TestEngine { engine: Engine::open(vec![server], limits).unwrap(), dir };
    for number in 1..=DATABASES {
        test.engine.provision(&tenant(number), &bare()).await.unwrap();
    }
    test
}

/// Runs three reads and a statement concurrently on random databases. They need several connections of both kinds, on
/// more databases than there are descriptors for.
async fn work(engine: &Engine, schema: &Arc<Schema>, random: &mut Random) -> tenantry_engine::Result<()> {
    let number = 1 + random.below(DATABASES as usize) as i64;
    let session = engine.session(&tenant(number), schema).await?;
    let sql = || session.sql("SELECT 1", serde_json::Value::Null, SqlLimits::default());
    let (a, b, c, d) = tokio::join!(session.usage(), sql(), session.activity(None, 10, 1000), sql());
    a?;
    c?;
    b.and(d).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn databases_stay_within_their_descriptors_and_nobody_is_refused() {
    let test = narrow_bed().await;
    let schema = Arc::new(Schema::new(StoreName::parse("tenant").unwrap(), vec![], &[]).unwrap());
    let (rounds, peak) = (dose(150, 10_000), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..16)
        .map(|stream| {
            let (engine, schema, peak) = (test.engine.clone(), schema.clone(), peak.clone());
            let root = test.dir.path().to_owned();
            tokio::spawn(async move {
                let mut random = Random::new(7, stream);
                for round in 0..rounds {
                    work(&engine, &schema, &mut random).await.unwrap();
                    if round % 10 == 0 {
                        peak.fetch_max(crate::core_cache::descriptors_in(&root), Relaxed);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let peak = peak.load(Relaxed);
    println!("{peak} descriptors at most, {} opens", test.engine.opens());
    // At that moment, the maintenance thread may have one more connection to write the `-wal` back.
    assert!(peak <= MOST + 2, "{peak} descriptors");
    assert!(test.engine.opens() > DATABASES as u64, "databases were closed to make room");
    test.engine.shutdown().await;
    assert!(descriptors(&test) <= MOST / 8, "{} descriptors left", descriptors(&test));
    tried("descriptors", rounds * 16, "sessions");
}

/// Sessions keep more databases open than there are descriptors for. A late session waits, and continues when another
/// session ends.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_waits_until_a_session_is_over() {
    let test = narrow_bed().await;
    let schema = Arc::new(Schema::new(StoreName::parse("tenant").unwrap(), vec![], &[]).unwrap());
    let most = (MOST - MOST / 8) / 4;
    let mut held = Vec::new();
    for number in 1..=most as i64 {
        held.push(test.engine.session(&tenant(number), &schema).await.unwrap());
    }
    let late = tokio::spawn({
        let (engine, schema) = (test.engine.clone(), schema.clone());
        async move { engine.session(&tenant(DATABASES), &schema).await.map(drop) }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!late.is_finished());
    held.pop();
    late.await.unwrap().unwrap();
}
