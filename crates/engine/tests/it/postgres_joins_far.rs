//! Shared data in tenants' own SQL on PostgreSQL if it is on another server, behind a pooler, or in another kind of
//! database.

use crate::{
    postgres_joins::{COUNT, allow_wrapper, make_shared, make_tenant, shared_at, shared_place, sql, sql_at},
    postgres_kit::*,
};
use serde_json::json;
use tempfile::TempDir;
use tenantry_engine::{
    CacheLimits, Engine, Kind, PostgresOptions, ServerSpec, name::ServerName, place::Place,
};
use tenantry_testkit::postgres::{PASSWORD, servers};
use tenantry_testservers::{Pooler, pgbouncer};

/// The configured address of a server takes precedence over the address at which connections arrive.
#[tokio::test]
async fn databases_reach_the_shared_store_by_the_configured_address() {
    on_each_server(|home| async move {
        let (host, port) = home.address();
        let at = |host: &str| {
            let join_url = Some(format!("postgresql://{}:{port}", host.replace('/', "%2F")));
            let options = PostgresOptions { join_url, ..home.options() };
            let server = ServerSpec::postgres(ServerName::parse("pg").unwrap(), options);
            let engine = Engine::open(vec![server], CacheLimits::default()).unwrap();
            engine.set_platform(PLATFORM).unwrap();
            engine
        };
        let (right, wrong) = (at(&host), at("/nowhere/at-all"));
        make_shared(&right, &shared_place()).await;
        for place in [own(1), schema(2)] {
            make_tenant(&right, &place).await;
            allow_wrapper(&home, &place).await;
            assert_eq!(sql(&right, &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
            assert_eq!(*sql(&wrong, &place, COUNT).await.unwrap_err().kind(), Kind::Unreachable, "{place}");
            assert_eq!(sql(&right, &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
        }
    })
    .await;
}

/// Returns an engine on the home, with another server of shared data.
fn with_shared(home: &Home, shared: ServerSpec) -> Engine {
    home.engine_with(vec![shared])
}

fn elsewhere() -> Place {
    Place { server: ServerName::parse("other").unwrap(), ..shared_place() }
}

#[tokio::test]
async fn shared_data_on_another_server_is_joined_while_that_answers() {
    for (here, there) in [(0, 1), (1, 0)] {
        let (home, far) = (Home::make(&servers()[here]).await, Home::make(&servers()[there]).await);
        let other = |url: String| {
            let options = PostgresOptions { url, ..far.options() };
            ServerSpec::postgres(ServerName::parse("other").unwrap(), options)
        };
        let engine = with_shared(&home, other(far.options().url));
        make_shared(&engine, &elsewhere()).await;
        for place in [own(1), schema(2)] {
            make_tenant(&engine, &place).await;
            allow_wrapper(&home, &place).await;
            assert_eq!(sql_at(&engine, &place, COUNT, elsewhere()).await.unwrap(), json!([[2]]), "{place}");
        }
        let lost = with_shared(&home, other("postgresql://me@%2Fnowhere%2Fat-all/home".into()));
        for place in [own(1), schema(2)] {
            let error = sql_at(&lost, &place, COUNT, elsewhere()).await.unwrap_err();
            assert_eq!(*error.kind(), Kind::Unreachable, "{place}");
            let own = sql_at(&lost, &place, "SELECT count(*) AS regions FROM doctors", elsewhere()).await;
            assert_eq!(own.unwrap(), json!([[0]]), "{place}");
        }
    }
}

#[tokio::test]
async fn databases_of_different_kinds_are_not_joined_and_say_so() {
    on_each_server(|home| async move {
        let dir = TempDir::new().unwrap();
        let engine =
            home.engine_with(vec![ServerSpec::sqlite(ServerName::parse("other").unwrap(), dir.path())]);
        let file = Place { server: ServerName::parse("other").unwrap(), ..own(5) };
        make_shared(&engine, &shared_place()).await;
        make_shared(&engine, &elsewhere()).await;
        for (place, shared, says) in [
            (own(1), elsewhere(), "in SQLite, and this tenant's tables are in PostgreSQL"),
            (schema(2), elsewhere(), "in SQLite, and this tenant's tables are in PostgreSQL"),
            (file, shared_place(), "in PostgreSQL, and this tenant's tables are in SQLite"),
        ] {
            make_tenant(&engine, &place).await;
            let refused = sql_at(&engine, &place, COUNT, shared.clone()).await.unwrap_err();
            let Kind::Statement(why) = refused.kind() else { panic!("{refused}") };
            assert!(why.contains(says) && why.contains("API"), "{why}");
            let own =
                sql_at(&engine, &place, "SELECT count(*) AS regions FROM doctors", shared.clone()).await;
            assert_eq!(own.unwrap(), json!([[0]]), "{place}");
            assert_eq!(engine.join_remedy(&place, &[shared_at(shared)]).await.unwrap(), None);
        }
    })
    .await;
}

/// The server is behind a pooler that knows its roles, at an address that only `join_url` names.
#[tokio::test]
async fn joins_work_behind_a_pooler_that_knows_the_roles() {
    on_each_server(|home| async move {
        let (host, port) = home.address();
        let (superuser, password) = home.superuser();
        let (program, server, superuser) = (pgbouncer().unwrap(), (&*host, port), (&*superuser, &*password));
        let pooler = Pooler::start_for_all(&program, server, &home.owner(), superuser, 3).unwrap();
        let url = format!("postgresql://{0}:{PASSWORD}@{1}/{0}", home.owner(), pooler.address());
        let join_url = Some(format!("postgresql://{}:{port}", host.replace('/', "%2F")));
        let options = PostgresOptions { url, prepares: false, join_url, ..home.options() };
        let server = ServerSpec::postgres(ServerName::parse("pg").unwrap(), options);
        let engine = Engine::open(vec![server], CacheLimits::default()).unwrap();
        engine.set_platform(PLATFORM).unwrap();
        make_shared(&engine, &shared_place()).await;
        for place in [own(1), schema(2), schema(3)] {
            make_tenant(&engine, &place).await;
            allow_wrapper(&home, &place).await;
            for _ in 0..3 {
                assert_eq!(sql(&engine, &place, COUNT).await.unwrap(), json!([[2]]), "{place}");
                let own = sql(&engine, &place, "SELECT count(*) FROM doctors").await;
                assert_eq!(own.unwrap(), json!([[0]]), "{place}");
            }
        }
        engine.shutdown().await;
    })
    .await;
}
