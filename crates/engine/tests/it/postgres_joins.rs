//! Shared data in tenants' own SQL on PostgreSQL: the rights of roles, and how views are created and removed.

use crate::{
    joins::all_models,
    postgres_kit::*,
    records_kit::{insert, migrations},
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tenantry_engine::{
    CacheLimits, Engine, Kind, PostgresOptions, Result, ServerSpec, SharedStore, SqlLimits, Template,
    name::{ModelName, ServerName, StoreName},
    place::{Isolation, Place},
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tokio_postgres::error::SqlState;

pub(crate) const COUNT: &str = "SELECT count(*) FROM regions";

pub(crate) fn shared_place() -> Place {
    place("shared", Isolation::Database, "shared", None, 1)
}

fn known(store: &str) -> Arc<Schema> {
    let (store, all) = (StoreName::parse(store).unwrap(), all_models());
    let migrations = migrations(&all);
    Arc::new(Schema::new(store, all, &migrations).unwrap())
}

pub(crate) fn shared_at(place: Place) -> SharedStore {
    let models = ["rates", "regions"].map(|model| ModelName::parse(model).unwrap()).into();
    SharedStore { place, schema: known("shared"), models }
}

/// Creates the shared store with two regions.
pub(crate) async fn make_shared(engine: &Engine, place: &Place) {
    match place.tenant {
        None => engine.create_system(place).await.unwrap(),
        Some(_) => unreachable!(),
    }
    engine.migrate(place, &migrations(&all_models())).await.unwrap();
    let session = engine.session(place, &known("shared")).await.unwrap();
    let by = WriteOptions { actor: "ann".into(), ..Default::default() };
    for region in ["north", "south"] {
        session.write(vec![insert("regions", &[("name", Value::Text(region.into()))])], &by).await.unwrap();
    }
}

pub(crate) async fn make_tenant(engine: &Engine, place: &Place) {
    let template = Template::new(&place.store, &migrations(&all_models())).unwrap();
    engine.provision(place, &template).await.unwrap();
}

/// Returns the database of a place.
fn database(home: &Home, place: &Place) -> String {
    match place.isolation {
        Isolation::Database => home.name(place.physical.as_str()),
        _ => home.owner(),
    }
}

/// Grants the owner the use of `postgres_fdw`, as an administrator of the server does once for each database.
pub(crate) async fn allow_wrapper(home: &Home, place: &Place) {
    let sql = format!(
        "CREATE EXTENSION IF NOT EXISTS postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {}",
        home.owner()
    );
    home.admin(&database(home, place)).await.batch_execute(&sql).await.unwrap();
}

pub(crate) async fn sql(engine: &Engine, place: &Place, text: &str) -> Result<Json> {
    sql_at(engine, place, text, shared_place()).await
}

pub(crate) async fn sql_at(engine: &Engine, place: &Place, text: &str, shared: Place) -> Result<Json> {
    let session = engine.session(place, &known("tenant")).await?;
    let done = engine.sql(&session, text, Json::Null, SqlLimits::default(), &[shared_at(shared)]).await;
    done.map(|answer| json!(answer.rows))
}

/// Returns the schemas of shared data in the database of a place.
async fn views(home: &Home, place: &Place) -> Vec<String> {
    let sql = format!(
        "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, '{}') OR starts_with(nspname, '{}') ORDER BY 1",
        home.name(".shared."),
        home.name(".remote.")
    );
    home.texts(&database(home, place), &sql).await
}

#[tokio::test]
async fn a_tenants_role_reaches_its_own_schema_and_the_shared_views_only() {
    on_each_server(|home| async move {
        let engine = home.engine();
        make_shared(&engine, &shared_place()).await;
        for place in [own(1), schema(2), schema(3)] {
            make_tenant(&engine, &place).await;
            allow_wrapper(&home, &place).await;
            assert_eq!(sql(&engine, &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
        }
        for place in [own(1), schema(2)] {
            let reader = home.name(&format!("{}.sql", place.physical));
            home.let_in(&reader).await;
            let client = home.sign_in(&reader, &database(&home, &place)).await.unwrap();
            let reach = "SELECT DISTINCT n.nspname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND has_schema_privilege(n.oid, 'USAGE') \
                  AND has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') \
                  AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
            let reached: Vec<String> =
                client.query(reach, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
            let schemas = views(&home, &place).await;
            let [foreign, shown] = &schemas[..] else { panic!("{schemas:?}") };
            let own = if place.isolation == Isolation::Database { "public".into() } else { home.name("tenant_2_1") };
            let mut expected = vec![shown.clone(), own];
            expected.sort();
            assert_eq!(reached, expected, "{place}");
            // The views can be read. The objects behind them allow nothing.
            assert!(client.query(&format!("SELECT * FROM \"{shown}\".regions"), &[]).await.is_ok());
            for text in [
                format!("INSERT INTO \"{shown}\".regions(name) VALUES ('x')"),
                format!("SELECT * FROM \"{foreign}\".regions"),
                format!("CREATE USER MAPPING FOR CURRENT_USER SERVER \"{foreign}\""),
                format!("CREATE TABLE \"{shown}\".mine(a int)"),
                "SELECT * FROM pg_user_mapping".into(),
            ] {
                let refused = client.simple_query(&text).await.expect_err(&text);
                assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{text}");
            }
            let shown = "SELECT count(*) FROM pg_user_mappings WHERE umoptions IS NOT NULL";
            assert_eq!(client.query_one(shown, &[]).await.unwrap().get::<_, i64>(0), 0, "{place}");
        }
        // The role that reads the shared store can read the shared models, and only there.
        let source = home.name("shared.sql");
        home.let_in(&source).await;
        for other in [home.owner(), home.name("tenant_1_1")] {
            assert!(home.sign_in(&source, &other).await.is_err(), "{other}");
        }
        let client = home.sign_in(&source, &home.name("shared")).await.unwrap();
        for (text, may) in [
            ("SELECT * FROM regions", true),
            ("SELECT * FROM rates", true),
            ("SELECT * FROM deals", false),
            ("SELECT * FROM _tenantry_place", false),
            ("DELETE FROM regions", false),
        ] {
            assert_eq!(client.simple_query(text).await.is_ok(), may, "{text}");
        }
        // This test has changed the password; the next statement sets it again.
        for place in [own(1), schema(2)] {
            assert_eq!(sql(&engine, &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
        }
    })
    .await;
}

#[tokio::test]
async fn without_the_extension_only_joins_fail_and_say_the_remedy() {
    on_each_server(|home| async move {
        let engine = home.engine();
        make_shared(&engine, &shared_place()).await;
        for place in [own(1), schema(2)] {
            make_tenant(&engine, &place).await;
            let Kind::Statement(why) = sql(&engine, &place, COUNT).await.unwrap_err().kind().clone() else {
                panic!("{place}")
            };
            assert!(why.contains("postgres_fdw") && why.contains("tenantry check"), "{why}");
            let own = "WITH regions AS (SELECT count(*) AS n FROM doctors) SELECT n FROM regions";
            assert_eq!(sql(&engine, &place, own).await.unwrap(), json!([[0]]), "{place}");
            let shared = [shared_at(shared_place())];
            let (database, remedy) = engine.join_remedy(&place, &shared).await.unwrap().unwrap();
            home.admin(&database).await.batch_execute(&remedy).await.unwrap();
            assert_eq!(engine.join_remedy(&place, &shared).await.unwrap(), None, "{place}");
            assert_eq!(sql(&engine, &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
        }
    })
    .await;
}

#[tokio::test]
async fn new_databases_begin_with_what_an_administrator_prepared() {
    on_each_server(|home| async move {
        let engine = home.engine();
        make_tenant(&engine, &own(1)).await;
        let base = home.name(".base");
        let make = format!(
            "CREATE DATABASE \"{base}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' OWNER {}",
            home.owner()
        );
        home.admin("postgres").await.batch_execute(&make).await.unwrap();
        let allow = format!(
            "CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {}",
            home.owner()
        );
        home.admin(&base).await.batch_execute(&allow).await.unwrap();
        make_shared(&engine, &shared_place()).await;
        make_tenant(&engine, &own(2)).await;
        assert_eq!(sql(&engine, &own(2), COUNT).await.unwrap(), json!([[2]]));
        let remedies = [own(1), own(2)].map(|place| (engine.clone(), place));
        for ((engine, place), is_needed) in remedies.into_iter().zip([true, false]) {
            let remedy = engine.join_remedy(&place, &[shared_at(shared_place())]).await.unwrap();
            assert_eq!(remedy.is_some(), is_needed, "{place}");
        }
        // When the installation is removed, objects of others stay.
        for place in [own(1), own(2), shared_place()] {
            engine.drop_database(&place).await.unwrap();
        }
        engine.leave(&ServerName::parse("pg").unwrap()).await.unwrap();
        assert_eq!(home.leftovers().await, [format!("database {base}")]);
    })
    .await;
}

#[tokio::test]
async fn views_are_made_once_healed_and_removed() {
    on_each_server(|home| async move {
        let engines = [home.engine(), home.engine()];
        make_shared(&engines[0], &shared_place()).await;
        for place in [own(1), schema(2), schema(3)] {
            make_tenant(&engines[0], &place).await;
            allow_wrapper(&home, &place).await;
            // Two processes run their first statements at the same time.
            let (one, other) =
                tokio::join!(sql(&engines[0], &place, COUNT), sql(&engines[1], &place, COUNT));
            assert_eq!((one.unwrap(), other.unwrap()), (json!([[2]]), json!([[2]])), "{place}");
            let made = views(&home, &place).await;
            assert_eq!(made.len(), 2, "{place}: {made:?}");
            // Views of a former version are removed when a process creates new ones.
            let admin = home.admin(&database(&home, &place)).await;
            let former = home.name(".shared.shared.0123456789abcdef");
            let sql_text = format!(
                "CREATE SCHEMA \"{former}\" AUTHORIZATION {}; DROP SCHEMA \"{}\" CASCADE; DROP SERVER \"{}\" CASCADE; \
                 DROP SCHEMA \"{}\" CASCADE",
                home.owner(),
                made[1],
                made[0],
                made[0]
            );
            admin.batch_execute(&sql_text).await.unwrap();
            // The processes believe that the views exist.
            assert_eq!(sql(&engines[1], &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
            assert_eq!(views(&home, &place).await, made, "{place}");
        }
        // The rights of the role that reads the shared store are restored, too.
        let role = home.name("shared.sql");
        home.admin(&home.name("shared"))
            .await
            .batch_execute(&format!(
                "REVOKE ALL ON regions FROM \"{role}\"; GRANT SELECT ON deals TO \"{role}\"; \
                 REVOKE ALL ON DATABASE \"{}\" FROM \"{role}\"",
                home.name("shared")
            ))
            .await
            .unwrap();
        assert_eq!(sql(&engines[0], &own(1), COUNT).await.unwrap(), json!([[2]]));
        let may = format!("SELECT 1 FROM pg_class WHERE relname = 'deals' AND has_table_privilege('{role}', oid, 'SELECT')");
        assert_eq!(home.rows(&home.name("shared"), &may).await.len(), 0);
        // The views are not tables of the tenant, and are removed with the installation.
        for place in [own(1), schema(2)] {
            let found = engines[0].inspect(&place, &migrations(&all_models())).await.unwrap();
            assert!(found.undeclared.is_empty() && found.drift.is_empty(), "{place}: {found:?}");
        }
        for place in [own(1), schema(2), schema(3), shared_place()] {
            engines[0].drop_database(&place).await.unwrap();
        }
        engines[0].leave(&ServerName::parse("pg").unwrap()).await.unwrap();
        assert_eq!(home.leftovers().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn installations_in_one_database_have_views_of_their_own() {
    on_each_server(|home| async move {
        for (number, letter) in [(1, "a"), (2, "b")] {
            let options = PostgresOptions { prefix: home.name(letter), ..home.options() };
            let server = ServerSpec::postgres(ServerName::parse("pg").unwrap(), options);
            let engine = Engine::open(vec![server], CacheLimits::default()).unwrap();
            engine.set_platform(&format!("platform {letter}")).unwrap();
            make_shared(&engine, &shared_place()).await;
            make_tenant(&engine, &schema(number)).await;
            allow_wrapper(&home, &schema(number)).await;
            if letter == "b" {
                let session = engine.session(&shared_place(), &known("shared")).await.unwrap();
                let west = insert("regions", &[("name", Value::Text("west".into()))]);
                session.write(vec![west], &WriteOptions::default()).await.unwrap();
            }
            assert_eq!(sql(&engine, &schema(number), COUNT).await.unwrap(), json!([[1 + number]]));
        }
        let reader = home.name("atenant_1_1.sql");
        home.let_in(&reader).await;
        let client = home.sign_in(&reader, &home.owner()).await.unwrap();
        let reached = "SELECT nspname::text FROM pg_namespace WHERE has_schema_privilege(oid, 'USAGE') AND nspname LIKE $1";
        let rows = client.query(reached, &[&format!("{}%", home.name("b"))]).await.unwrap();
        assert!(rows.is_empty());
    })
    .await;
}
