//! A database is read and written only with the schema that it has (`known-schema`). Another process migrates it under
//! open sessions, and none of them returns or stores a value with the old meaning.

use crate::{
    core_session::pooled,
    core_support::{TestEngine, engine_at, tenant},
    schema_kit::{load, migration},
};
use std::sync::Arc;
use tenantry_engine::{
    Kind, SqlLimits,
    engine::Session,
    migration::{Migration, Op},
    model::Model,
    name::{FieldName, ModelName, StoreName},
    place::{Isolation, Place},
    query::{Change, Filter, RecordId, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};

fn bill(scale: u32) -> Model {
    let text = format!("store = \"tenant\"\n[fields.sum]\ntype = \"decimal\"\nscale = {scale}\n");
    load(&[("bills", &text)]).unwrap().remove(0)
}

/// Changes a field from two decimals to three, so stored values are multiplied by ten.
fn migrations() -> Vec<Migration> {
    let create = migration("0001_initial", vec![Op::CreateModel { model: Box::new(bill(2)) }]);
    let (store, model) = (StoreName::parse("tenant").unwrap(), ModelName::parse("bills").unwrap());
    let alter = Op::AlterField { store, model, field: bill(3).fields.remove(0), fill: None };
    vec![create, migration("0002_scale", vec![alter])]
}

fn schema(scale: u32) -> Arc<Schema> {
    let known = migrations();
    let known = if scale == 2 { &known[..1] } else { &known[..] };
    Arc::new(Schema::new(StoreName::parse("tenant").unwrap(), vec![Arc::new(bill(scale))], known).unwrap())
}

async fn made(test: &TestEngine, isolation: Isolation) -> Place {
    let engine = &test.engine;
    if isolation == Isolation::Database {
        let template = tenantry_engine::Template::new(&tenant(1).store, &migrations()[..1]).unwrap();
        engine.provision(&tenant(1), &template).await.unwrap();
        return tenant(1);
    }
    let pool = Place { tenant: None, ..pooled(1) };
    engine.create_system(&pool).await.unwrap();
    engine.migrate(&pool, &migrations()[..1]).await.unwrap();
    engine.enrol(&pooled(1)).await.unwrap();
    pooled(1)
}

fn insert(sum: &str) -> Change {
    let values = vec![(FieldName::parse("sum").unwrap(), Value::Decimal(sum.parse().unwrap()))];
    Change::Insert { model: ModelName::parse("bills").unwrap(), id: None, values }
}

async fn write(session: &Session, changes: Vec<Change>) -> Result<(), Kind> {
    let done = session.write(&changes, &WriteOptions::default()).await;
    done.map(drop).map_err(|error| error.kind().clone())
}

async fn get(session: &Session) -> Result<Value, Kind> {
    let fields = [FieldName::parse("sum").unwrap()];
    let found = session.get("bills", &RecordId::Integer(1), &fields, Collect::default()).await;
    found.map(|row| row.unwrap().rows[0][0].clone()).map_err(|error| error.kind().clone())
}

/// Accesses rows in every way: by id, small and large lists, counts, small and large writes, SQL.
async fn every_way(session: &Session, isolation: Isolation) -> Vec<Result<(), Kind>> {
    let kind = |error: tenantry_engine::Error| error.kind().clone();
    let many = Select { limit: 1000, ..Select::default() };
    let mut all = vec![
        get(session).await.map(drop),
        session
            .by_ids("bills", &[RecordId::Integer(1)], &[], Collect::default())
            .await
            .map(drop)
            .map_err(kind),
        session.select("bills", &Select::default(), None, Collect::default()).await.map(drop).map_err(kind),
        session.select("bills", &many, None, Collect::default()).await.map(drop).map_err(kind),
        session.count("bills", &Filter::All(vec![]), None, None).await.map(drop).map_err(kind),
        session.exists("bills", &[RecordId::Integer(1)]).await.map(drop).map_err(kind),
        session.usage().await.map(drop).map_err(kind),
        write(session, vec![insert("20.00")]).await,
        write(session, (0..100).map(|_| insert("20.00")).collect()).await,
    ];
    if isolation == Isolation::Database {
        let sql = session.sql("SELECT sum FROM bills", serde_json::Value::Null, SqlLimits::default()).await;
        all.push(sql.map(drop).map_err(kind));
    }
    all
}

#[tokio::test]
async fn a_migration_by_another_process_is_seen_by_every_read_and_write() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let test = TestEngine::new(4);
        let place = made(&test, isolation).await;
        let old = test.engine.session(&place, &schema(2)).await.unwrap();
        write(&old, vec![insert("12.50")]).await.unwrap();
        // Reads so often that the connection starts an idle snapshot.
        for _ in 0..40 {
            assert_eq!(get(&old).await, Ok(Value::Decimal("12.50".parse().unwrap())));
        }
        let early = test.engine.session(&place, &schema(3)).await.map(drop);
        assert_eq!(*early.unwrap_err().kind(), Kind::SchemaBehind, "{isolation:?}");

        let other = engine_at(test.dir.path(), 4);
        let whole = Place {
            tenant: if isolation == Isolation::Pooled { None } else { place.tenant },
            ..place.clone()
        };
        other.migrate(&whole, &migrations()).await.unwrap();

        for (way, outcome) in every_way(&old, isolation).await.into_iter().enumerate() {
            assert_eq!(outcome, Err(Kind::SchemaAhead), "{isolation:?}, way {way}");
        }
        let again = test.engine.session(&place, &schema(2)).await;
        if let Ok(again) = again {
            assert_eq!(get(&again).await, Err(Kind::SchemaAhead));
        }
        let new = test.engine.session(&place, &schema(3)).await.unwrap();
        assert_eq!(get(&new).await, Ok(Value::Decimal("12.500".parse().unwrap())), "{isolation:?}");
        assert_eq!(
            new.count("bills", &Filter::All(vec![]), None, None).await.unwrap(),
            1,
            "nothing was stored"
        );
        for (way, outcome) in every_way(&new, isolation).await.into_iter().enumerate() {
            assert_eq!(outcome, Ok(()), "{isolation:?}, way {way}");
        }
    }
}

/// No database has the schema of models that no migration creates.
#[tokio::test]
async fn models_changed_without_a_migration_are_served_by_nothing() {
    let test = TestEngine::new(4);
    let place = made(&test, Isolation::Database).await;
    let known = migrations();
    let edited = Schema::new(place.store.clone(), vec![Arc::new(bill(3))], &known[..1]).unwrap();
    let edited = Arc::new(edited.unmigrated("edited"));
    let refused = test.engine.session(&place, &edited).await.map(drop);
    assert_eq!(*refused.unwrap_err().kind(), Kind::SchemaBehind);
}
