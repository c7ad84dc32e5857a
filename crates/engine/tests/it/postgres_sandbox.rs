//! A tenant's own SQL on PostgreSQL: it reads the tenant's models and nothing else, whatever the statement is.

use crate::postgres_kit::*;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    Engine, Kind, Result, Script, SqlLimits, SqlRows, Template,
    name::StoreName,
    place::{Isolation, Place},
};
use tenantry_testkit::tried;

const CANARY: &str = "canary-of-the-neighbour";

fn store() -> StoreName {
    StoreName::parse("tenant").unwrap()
}

/// Creates two tenants of each isolation with a table each. The row of the second tenant is the canary.
async fn neighbours(home: &Home) -> Engine {
    let engine = home.engine();
    for (place, name) in [(own(1), "mine"), (own(2), CANARY), (schema(3), "mine"), (schema(4), CANARY)] {
        engine.provision(&place, &Template::bare(store())).await.unwrap();
        let (database, nspname) = match place.isolation {
            Isolation::Database => (home.name(place.physical.as_str()), "public".into()),
            _ => (home.owner(), home.name(place.physical.as_str())),
        };
        let owner = home.sign_in(&home.owner(), &database).await.unwrap();
        owner
            .batch_execute(&format!(
                "CREATE TABLE {nspname}.doctors(id bigint PRIMARY KEY, name text, fee numeric(18, 2), born date, \
                   seen timestamptz, data json, photo bytea); \
                 INSERT INTO {nspname}.doctors VALUES (1, '{name}', 12.50, '2001-02-03', \
                   '2026-01-02 03:04:05.5+00', '{{\"b\": 1, \"a\": 1e2}}', '\\x0102')"
            ))
            .await
            .unwrap();
    }
    engine
}

async fn sql(engine: &Engine, place: &Place, text: &str) -> Result<SqlRows> {
    limited(engine, place, text, SqlLimits::default()).await
}

async fn limited(engine: &Engine, place: &Place, text: &str, limits: SqlLimits) -> Result<SqlRows> {
    let script = Arc::new(Script::new(&store(), &[]).unwrap());
    engine.operator_sql(place, &script, text, limits, &[]).await
}

#[tokio::test]
async fn a_query_reads_the_tenants_own_models_exactly() {
    on_each_server(|home| async move {
        let engine = neighbours(&home).await;
        for place in [own(1), schema(3)] {
            let answer = sql(&engine, &place, "SELECT *, id AS id FROM doctors -- all;\n;").await.unwrap();
            assert_eq!(answer.columns, ["id", "name", "fee", "born", "seen", "data", "photo", "id"]);
            let row = json!([
                1,
                "mine",
                "12.50",
                "2001-02-03",
                "2026-01-02T03:04:05.5+00:00",
                "{\"b\": 1, \"a\": 1e2}",
                "AQI=",
                1
            ]);
            assert_eq!(json!(answer.rows), json!([row]));
            assert!(!answer.truncated);
            let rows = "SELECT i FROM generate_series(1, 100000) AS i ORDER BY i DESC";
            let answer = sql(&engine, &place, rows).await.unwrap();
            assert_eq!((answer.rows.len(), answer.truncated), (1000, true));
            assert_eq!(json!(answer.rows[999]), json!([99001]));
            let few = SqlLimits { bytes: 1000, ..SqlLimits::default() };
            let text = "SELECT string_agg('x', '') FROM generate_series(1, 1000000)";
            let answer = limited(&engine, &place, text, few).await.unwrap();
            assert_eq!((answer.rows.len(), answer.truncated), (0, true));
            let began = Instant::now();
            let short = SqlLimits { deadline: Duration::from_millis(300), ..SqlLimits::default() };
            let endless = "SELECT count(*) FROM generate_series(1, 1000000000000)";
            let error = limited(&engine, &place, endless, short).await.unwrap_err();
            assert_eq!(*error.kind(), Kind::Deadline);
            assert!(began.elapsed() < Duration::from_secs(10));
        }
        // Another process knows the password too.
        let other = home.engine();
        assert_eq!(sql(&other, &own(1), "SELECT name FROM doctors").await.unwrap().rows.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn no_statement_of_the_corpus_leaves_the_place() {
    on_each_server(|home| async move {
        let engine = neighbours(&home).await;
        let mut count = 0;
        for (place, other) in [(own(1), "tenant_2_1"), (schema(3), "tenant_4_1")] {
            let other = home.name(other);
            let corpus = [
                "SELECT * FROM _tenantry_place".into(),
                "SELECT * FROM \"_tenantry_meta\"".into(),
                format!("SELECT * FROM {other}.doctors"),
                format!("SELECT * FROM \"{other}\".\"doctors\""),
                format!("SELECT * FROM {other}.public.doctors"),
                format!("SELECT * FROM {}.secret", home.name(".platform")),
                "SELECT datname FROM pg_database".into(),
                "SELECT rolname FROM pg_catalog.pg_roles".into(),
                "SELECT nspname FROM \"pg_namespace\"".into(),
                "SELECT * FROM information_schema.schemata".into(),
                "SELECT query_to_xml('SELECT * FROM pg_database', true, true, '')".into(),
                "SELECT DISTINCT ON (1) database_to_xml(true, true, '')".into(),
                "SELECT pg_read_file('/etc/passwd')".into(),
                "SELECT pg_sleep(60)".into(),
                "SELECT set_config('role', 'postgres', false)".into(),
                "SELECT 10::regrole".into(),
                "SELECT CAST(10 AS \"regrole\")".into(),
                "SELECT U&\"\\0070g_sleep\"(60)".into(),
                "SELECT lo_creat(1)".into(),
                "SELECT 1; SELECT 2".into(),
                "SELECT 1) AS x; DELETE FROM doctors; SELECT (1".into(),
                "SELECT * FROM doctors FOR UPDATE".into(),
                "WITH x AS (DELETE FROM doctors RETURNING *) SELECT * FROM x".into(),
                "SELECT * INTO mine FROM doctors".into(),
                "DELETE FROM doctors".into(),
                "SET ROLE postgres".into(),
                "COPY doctors TO PROGRAM 'cat'".into(),
                "DO $$BEGIN END$$".into(),
                "EXPLAIN ANALYZE SELECT 1".into(),
                "COMMIT".into(),
                "LOCK doctors".into(),
                "SELECT nextval('x')".into(),
                "SELECT $1".into(),
            ];
            for text in corpus {
                let answer = sql(&engine, &place, &text).await;
                let kind = answer.map_err(|error| error.kind().clone());
                assert!(matches!(kind, Err(Kind::Denied(_) | Kind::Statement(_))), "{text}: {kind:?}");
                assert!(!format!("{kind:?}").contains(CANARY), "{text}");
                count += 1;
            }
            let answer = sql(&engine, &place, "SELECT name FROM doctors").await.unwrap();
            assert_eq!(json!(answer.rows), json!([["mine"]]), "{place}");
        }
        tried("tenants' SQL on PostgreSQL", count, "statements");
    })
    .await;
}

#[tokio::test]
async fn an_operator_sees_the_rows_of_a_pooled_tenant_alone() {
    on_each_server(|home| async move {
        let engine = home.engine();
        for place in [pool(), pooled(1), pooled(2)] {
            engine.enrol(&place).await.unwrap();
        }
        let owner = home.sign_in(&home.owner(), &home.owner()).await.unwrap();
        let pool_name = home.name("pool");
        owner
            .batch_execute(&format!(
                "SET search_path = {pool_name}; CREATE TABLE doctors(company bigint, name text); \
                 INSERT INTO doctors VALUES (1, 'mine'), (2, '{CANARY}'); \
                 ALTER TABLE doctors ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
                 CREATE POLICY tenantry_tenant ON doctors \
                   USING (company = nullif(current_setting('tenantry.tenant', true), '')::bigint); \
                 GRANT SELECT ON doctors TO {pool_name}"
            ))
            .await
            .unwrap();
        let answer = sql(&engine, &pooled(1), "SELECT name FROM doctors").await.unwrap();
        assert_eq!(json!(answer.rows), json!([["mine"]]));
        let all = sql(&engine, &pool(), "SELECT name FROM doctors").await.unwrap_err();
        assert!(matches!(all.kind(), Kind::Denied(_)));
    })
    .await;
}
