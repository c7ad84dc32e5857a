//! Sessions on real files, in a tenant's own database and pooled: confinement, fences, limits, dropped futures.

use crate::{
    core_support::*,
    core_system::drop_after,
    schema_kit::{load, migration},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind, Session,
    migration::{Migration, Op},
    model::Model,
    name::{FieldName, ModelName, PhysicalName, StoreName},
    place::{Isolation, Place},
    query::{Change, Filter, RecordId, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testkit::{dose, tried};

const NOTES: &str = "store = \"tenant\"\n[fields.body]\ntype = \"text\"\nrequired = true\nsearch = true\n";

fn models() -> Vec<Model> {
    load(&[("notes", NOTES)]).unwrap()
}

pub fn schema() -> Arc<Schema> {
    let models = models().into_iter().map(Arc::new).collect();
    Arc::new(Schema::new(StoreName::parse("tenant").unwrap(), models, &migrations()).unwrap())
}

pub fn migrations() -> Vec<Migration> {
    let ops = models().into_iter().map(|model| Op::CreateModel { model: Box::new(model) }).collect();
    vec![migration("0001_initial", ops)]
}

/// Returns the place of the same tenant in a pool with others.
pub fn pooled(number: i64) -> Place {
    let physical = PhysicalName::parse("tenant_pool").unwrap();
    Place { isolation: Isolation::Pooled, physical, ..tenant(number) }
}

pub async fn own(test: &TestEngine, number: i64) -> Place {
    let template = tenantry_engine::Template::new(&tenant(number).store, &migrations()).unwrap();
    test.engine.provision(&tenant(number), &template).await.unwrap();
    tenant(number)
}

pub async fn in_pool(test: &TestEngine, number: i64) -> Place {
    let pool = Place { tenant: None, ..pooled(number) };
    test.engine.create_system(&pool).await.unwrap();
    test.engine.migrate(&pool, &migrations()).await.unwrap();
    test.engine.enrol(&pooled(number)).await.unwrap();
    pooled(number)
}

pub async fn open(test: &TestEngine, place: &Place) -> Session {
    test.engine.session(place, &schema()).await.unwrap()
}

pub fn note(body: &str) -> Change {
    let values = vec![(FieldName::parse("body").unwrap(), Value::from(body))];
    Change::Insert { model: ModelName::parse("notes").unwrap(), id: None, values }
}

pub async fn bodies(session: &Session) -> Vec<String> {
    let fields = vec![FieldName::parse("body").unwrap()];
    let (page, _) = session
        .select("notes", &Select { fields, limit: 1000, ..Select::default() }, None, Collect::default())
        .await
        .unwrap();
    let text = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    page.rows.into_iter().map(text).collect()
}

#[tokio::test]
async fn each_sees_only_its_own_in_both_isolations() {
    let test = TestEngine::new(8);
    for places in
        [[own(&test, 1).await, own(&test, 2).await], [in_pool(&test, 1).await, in_pool(&test, 2).await]]
    {
        let [one, two] = [open(&test, &places[0]).await, open(&test, &places[1]).await];
        let written = one.write(&[note("a"), note("b")], &WriteOptions::default()).await.unwrap();
        two.write(&[note("c")], &WriteOptions::default()).await.unwrap();
        assert_eq!(
            (bodies(&one).await, bodies(&two).await),
            (vec!["a".into(), "b".into()], vec!["c".to_owned()])
        );
        assert!(one.get("notes", &written[1].id, &[], Collect::default()).await.unwrap().is_some());
        assert!(two.get("notes", &written[1].id, &[], Collect::default()).await.unwrap().is_none());
        assert_eq!(
            two.exists("notes", &[RecordId::Integer(1), RecordId::Integer(2)]).await.unwrap(),
            [RecordId::Integer(2)]
        );
        assert_eq!(one.count("notes", &Filter::All(vec![]), None, None).await.unwrap(), 2);
        assert_eq!(one.count("notes", &Filter::All(vec![]), Some("c"), None).await.unwrap(), 0);
        assert_eq!(one.usage().await.unwrap().rows, 2);
        let ids = [RecordId::Integer(1), RecordId::Integer(2)];
        assert_eq!(two.by_ids("notes", &ids, &[], Collect::default()).await.unwrap().rows.len(), 1);
        assert!(test.engine.size_bytes(&places[0]).await.unwrap() > 0);
        let many = vec![note("many"); 100];
        assert_eq!(one.write(&many, &WriteOptions::default()).await.unwrap().len(), 100);
    }
}

/// `self-identifying`: the catalog states that the tenant has its own database, but the database has several tenants.
#[tokio::test]
async fn self_identifying_a_shared_database_is_never_handed_out_as_an_own_one() {
    let test = TestEngine::new(8);
    let shared = in_pool(&test, 1).await;
    in_pool(&test, 2).await;
    let as_own = Place { isolation: Isolation::Database, ..shared };
    for engine in [test.engine.clone(), engine_at(test.dir.path(), 8)] {
        let refused = engine.session(&as_own, &schema()).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::WrongIdentity);
        assert_eq!(*engine.verify(&as_own).await.unwrap_err().kind(), Kind::WrongIdentity);
    }
}

#[tokio::test]
async fn fenced_generation_a_fence_stops_writes_of_open_sessions_and_lets_reads_go_on() {
    let test = TestEngine::new(8);
    for place in [own(&test, 1).await, in_pool(&test, 2).await] {
        let session = open(&test, &place).await;
        session.write(&[note("before")], &WriteOptions::default()).await.unwrap();
        test.engine.fence(&place, true).await.unwrap();
        let refused = session.write(&[note("after")], &WriteOptions::default()).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::Fenced);
        assert_eq!(bodies(&session).await, ["before"]);
        test.engine.fence(&place, false).await.unwrap();
        session.write(&[note("again")], &WriteOptions::default()).await.unwrap();
        let stale = Place { generation: 9, ..place };
        assert_eq!(*test.engine.fence(&stale, true).await.unwrap_err().kind(), Kind::Fenced);
    }
}

#[tokio::test]
async fn the_limit_of_bytes_holds_and_can_be_lifted() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let limited = WriteOptions { max_bytes: Some(100_000), ..WriteOptions::default() };
    let session = test.engine.session(&place, &schema()).await.unwrap();
    let big = "x".repeat(10_000);
    let mut written = 0;
    let refused = loop {
        match session.write(&[note(&big)], &limited).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100);
    };
    assert_eq!((refused.kind(), written), (&Kind::Limit("bytes"), 9));
    let again = test.engine.session(&place, &schema()).await.unwrap();
    again.write(&[note(&big)], &WriteOptions::default()).await.unwrap();
    assert!(again.usage().await.unwrap().bytes > 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_in_another_process_is_waited_for() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    let other = rusqlite::Connection::open(test.file(&place)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writing = tokio::spawn({
        let session = session.clone();
        async move { session.write(&[note("patient")], &WriteOptions::default()).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!writing.is_finished());
    other.execute_batch("COMMIT").unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(bodies(&session).await, ["patient"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_requests_leave_whole_batches_and_clean_connections() {
    let test = TestEngine::new(8);
    let places = [own(&test, 1).await, in_pool(&test, 2).await];
    let rounds = u32::try_from(dose(625, 12_500)).unwrap();
    for round in 0..rounds {
        for place in &places {
            let session = open(&test, place).await;
            // 40 changes go to a blocking thread, 2 run on the async thread.
            let batch = vec![note("x"); if round % 2 == 0 { 40 } else { 2 }];
            drop_after(async { session.write(&batch, &WriteOptions::default()).await }, round % 5).await;
            drop_after(async { session.count("notes", &Filter::All(vec![]), None, None).await }, round % 4)
                .await;
            assert_eq!(
                open(&test, place).await.usage().await.unwrap().rows % 2,
                0,
                "half a batch in round {round}"
            );
        }
    }
    for place in &places {
        let session = open(&test, place).await;
        // This write waits behind a dropped batch that its blocking thread is still writing.
        session.write(&[note("last")], &WriteOptions::default()).await.unwrap();
        let counted = session.count("notes", &Filter::All(vec![]), None, None).await.unwrap();
        assert_eq!(session.usage().await.unwrap().rows, counted);
        assert_eq!(counted % 2, 1, "whole batches and the last one");
    }
    tried("T2 requests", u64::from(rounds) * 4, "drops");
}

#[tokio::test(flavor = "multi_thread")]
async fn growing_wal_the_wal_stays_bounded_under_writes() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let session = open(&test, &place).await;
    let body = "y".repeat(4000);
    for _ in 0..400 {
        session.write(&vec![note(&body); 30], &WriteOptions::default()).await.unwrap();
    }
    let wal = std::fs::metadata(test.dir.path().join("tenant_1_1.db-wal")).unwrap().len();
    assert!(wal < 64 << 20, "{wal} bytes of -wal after 48 MB of rows");
    test.engine.close(&place);
    drop(session);
    test.engine.shutdown().await;
    assert!(!test.dir.path().join("tenant_1_1.db-wal").exists());
}

#[tokio::test]
async fn a_withdrawn_tenant_is_gone_from_the_files() {
    let test = TestEngine::new(8);
    let (leaver, stayer) = (in_pool(&test, 1).await, in_pool(&test, 2).await);
    open(&test, &leaver)
        .await
        .write(&[note("zebracanary secretword")], &WriteOptions::default())
        .await
        .unwrap();
    open(&test, &stayer).await.write(&[note("ordinary")], &WriteOptions::default()).await.unwrap();
    test.engine.withdraw(&leaver).await.unwrap();
    test.engine.withdraw(&leaver).await.unwrap();
    assert_eq!(bodies(&open(&test, &stayer).await).await, ["ordinary"]);
    let cold = engine_at(test.dir.path(), 8);
    assert_eq!(*cold.session(&leaver, &schema()).await.unwrap_err().kind(), Kind::WrongIdentity);
    for suffix in ["", "-wal"] {
        let bytes =
            std::fs::read(test.dir.path().join(format!("tenant_pool.db{suffix}"))).unwrap_or_default();
        for word in [&b"zebracanary"[..], b"secretword"] {
            assert!(
                !bytes.windows(word.len()).any(|window| window == word),
                "canary in tenant_pool.db{suffix}"
            );
        }
    }
}

#[tokio::test]
async fn templates_are_current_and_databases_from_them_need_no_migration() {
    let test = TestEngine::new(8);
    let place = own(&test, 1).await;
    let report = test.engine.migrate(&place, &migrations()).await.unwrap();
    assert!(report.applied.is_empty() && report.unknown.is_empty());
    let inspection = test.engine.inspect(&place, &migrations()).await.unwrap();
    assert!(inspection.pending.is_empty() && inspection.drift.is_empty());
    assert_eq!(*test.engine.migrate(&tenant(2), &migrations()).await.unwrap_err().kind(), Kind::Missing);
}

/// This is no benchmark: it detects a change of threads or many allocations on the warm path.
#[tokio::test]
async fn the_warm_path_is_short() {
    let test = TestEngine::new(8);
    let (place, schema) = (own(&test, 1).await, schema());
    let session = open(&test, &place).await;
    session.write(&[note("warm")], &WriteOptions::default()).await.unwrap();
    let id = RecordId::Integer(1);
    let started = Instant::now();
    for _ in 0..10_000 {
        std::hint::black_box(test.engine.session(&place, &schema).await.unwrap());
    }
    let each = started.elapsed() / 10_000;
    let started = Instant::now();
    for _ in 0..10_000 {
        session.get("notes", &id, &[], Collect::default()).await.unwrap();
    }
    let read = started.elapsed() / 10_000;
    println!("warm session {each:?}, point read {read:?}, {} file opened", test.engine.opens());
    assert!(each < Duration::from_micros(20) && read < Duration::from_micros(400), "{each:?} {read:?}");
    assert_eq!(test.engine.opens(), 1);
}

/// The memory of a request's future moves with it, so the part that opens another database is boxed.
#[tokio::test]
async fn the_future_of_a_read_stays_small() {
    let test = TestEngine::new(4);
    let place = own(&test, 7).await;
    let session = test.engine.session(&place, &schema()).await.unwrap();
    let (id, select) = (RecordId::Integer(1), Select::default());
    let get = session.get("notes", &id, &[], Collect::default());
    let list = session.select("notes", &select, None, Collect::default());
    assert!(size_of_val(&get) <= 2_600, "{} bytes", size_of_val(&get));
    assert!(size_of_val(&list) <= 4_000, "{} bytes", size_of_val(&list));
    drop((get, list));
}
