//! The rights of places' roles on PostgreSQL, and the confinement of each tenant to its own rows in pools.

use crate::{
    postgres_kit::*,
    postgres_places::make,
    records_kit::{insert, migrations, models},
};
use std::sync::Arc;
use tenantry_engine::{
    CacheLimits, ConnectionLimits, Engine, PostgresOptions, ServerSpec, Template,
    name::{ServerName, StoreName},
    query::Filter,
    value::Value,
    write::WriteOptions,
};
use tokio_postgres::error::SqlState;

/// Returns the code of the refusal, or `None` if the statement ran.
async fn refusal(client: &Guarded, sql: &str) -> Option<SqlState> {
    let done = client.simple_query(sql).await;
    done.err().map(|error| error.code().cloned().unwrap_or_else(|| panic!("{sql}: {error:?}")))
}

#[tokio::test]
async fn a_role_of_a_place_reaches_neither_other_places_nor_the_platforms_tables() {
    on_each_server(|home| async move {
        let engine = home.engine();
        for place in [own(1), own(2), schema(3), schema(4), pool(), pooled(5)] {
            make(&engine, &place).await.unwrap();
        }
        let owner = home.sign_in(&home.owner(), &home.owner()).await.unwrap();
        for number in [3, 4] {
            let sql = format!("CREATE TABLE {}.doctors(name text)", home.name(&format!("tenant_{number}_1")));
            owner.batch_execute(&sql).await.unwrap();
        }
        for number in [1, 2] {
            let owner = home.sign_in(&home.owner(), &home.name(&format!("tenant_{number}_1"))).await.unwrap();
            owner.batch_execute("CREATE TABLE doctors(name text)").await.unwrap();
        }
        let denied = Some(SqlState::INSUFFICIENT_PRIVILEGE);
        // Readers can sign in to their own database only.
        for number in 1..=4 {
            let reader = home.name(&format!("tenant_{number}_1.sql"));
            home.let_in(&reader).await;
            for (database, may) in [
                (home.name("tenant_1_1"), number == 1),
                (home.name("tenant_2_1"), number == 2),
                (home.owner(), number > 2),
            ] {
                let connected = home.sign_in(&reader, &database).await;
                assert_eq!(connected.is_ok(), may, "{reader} in {database}");
                let Ok(reader) = connected else { continue };
                let nspname = match number {
                    1 | 2 => "public".into(),
                    _ => home.name(&format!("tenant_{number}_1")),
                };
                assert_eq!(refusal(&reader, &format!("SELECT * FROM {nspname}.doctors")).await, None);
                for sql in [
                    format!("INSERT INTO {nspname}.doctors VALUES ('x')"),
                    format!("SELECT * FROM {nspname}.doctors FOR UPDATE"),
                    format!("SELECT * FROM {nspname}._tenantry_place"),
                    format!("SELECT * FROM {nspname}._tenantry_meta"),
                    format!("CREATE TABLE {nspname}.mine(a int)"),
                    "CREATE TEMP TABLE mine(a int)".into(),
                    "CREATE SCHEMA mine".into(),
                    "CREATE TABLE public.mine(a int)".into(),
                ] {
                    assert_eq!(refusal(&reader, &sql).await, denied, "{sql}");
                }
                if number > 2 {
                    for other in [format!("tenant_{}_1", 7 - number), "pool".into()] {
                        let sql = format!("SELECT * FROM {}._tenantry_seq", home.name(&other));
                        assert_eq!(refusal(&reader, &sql).await, denied, "{sql}");
                        let role = format!("SET ROLE {}", home.name(&other));
                        assert_eq!(refusal(&reader, &role).await, denied, "{role}");
                    }
                }
            }
        }
        // Each role that the owner assumes can access its own schema only.
        for (mine, other) in [("tenant_3_1", "tenant_4_1"), ("pool", "tenant_4_1"), ("tenant_4_1", "pool")] {
            let (mine, other) = (home.name(mine), home.name(other));
            let owner = home.sign_in(&home.owner(), &home.owner()).await.unwrap();
            owner.batch_execute(&format!("SET ROLE {mine}")).await.unwrap();
            assert_eq!(refusal(&owner, &format!("SELECT * FROM {mine}._tenantry_place")).await, None);
            for sql in [
                format!("SELECT * FROM {other}._tenantry_place"),
                format!("UPDATE {mine}._tenantry_meta SET version = 9"),
                format!("DELETE FROM {mine}._tenantry_place"),
                format!("CREATE TABLE {mine}.mine(a int)"),
            ] {
                assert_eq!(refusal(&owner, &sql).await, denied, "{mine}: {sql}");
            }
            assert!(home.sign_in(&mine, &home.owner()).await.is_err(), "{mine} signs in");
        }
    })
    .await;
}

#[tokio::test]
async fn a_pool_shows_nothing_to_a_transaction_that_does_not_say_of_which_tenant() {
    on_each_server(|home| async move {
        let engine = home.engine();
        for place in [pool(), pooled(1), pooled(2)] {
            make(&engine, &place).await.unwrap();
        }
        let owner = home.sign_in(&home.owner(), &home.owner()).await.unwrap();
        let places = format!("SELECT tenant FROM {}._tenantry_place ORDER BY 1", home.name("pool"));
        let seen = || async {
            let rows = owner.query(&places, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>()
        };
        for (settings, tenants) in [
            ("", vec![]),
            ("SET LOCAL tenantry.tenant = '1'", vec![1]),
            ("SET LOCAL tenantry.tenant = ''", vec![]),
            ("SET LOCAL tenantry.\"all\" = 'on'", vec![0, 1, 2]),
            ("SET LOCAL tenantry.\"all\" = 'off'", vec![]),
            ("SET LOCAL ROLE #; SET LOCAL tenantry.tenant = '2'", vec![2]),
            // Only the owner sees the rows of all tenants.
            ("SET LOCAL ROLE #; SET LOCAL tenantry.\"all\" = 'on'", vec![]),
        ] {
            let settings = settings.replace('#', &home.name("pool"));
            owner.batch_execute(&format!("BEGIN; {settings}")).await.unwrap();
            assert_eq!(seen().await, tenants, "{settings}");
            owner.batch_execute("ROLLBACK").await.unwrap();
        }
        // A row for another tenant cannot be inserted either.
        owner.batch_execute("BEGIN; SET LOCAL tenantry.tenant = '1'").await.unwrap();
        let sql = format!("INSERT INTO {}._tenantry_seq VALUES (2, 'doctors', 1)", home.name("pool"));
        assert_eq!(refusal(&owner, &sql).await, Some(SqlState::INSUFFICIENT_PRIVILEGE));
    })
    .await;
}

#[tokio::test]
async fn every_table_of_a_pool_is_confined_and_no_database_is_open_to_all() {
    on_each_server(|home| async move {
        let engine = home.engine();
        for place in [own(1), schema(2), pool(), pooled(3)] {
            make(&engine, &place).await.unwrap();
        }
        assert_eq!(lint(&home).await, Vec::<String>::new());
        // The lint detects an unconfined table.
        let table = format!("CREATE TABLE {}.open(tenant bigint)", home.name("pool"));
        home.admin(&home.owner()).await.batch_execute(&table).await.unwrap();
        assert_eq!(lint(&home).await, ["open: forced f, policies 0"]);
    })
    .await;
}

/// Returns the objects that are less confined than they should be.
async fn lint(home: &Arc<Home>) -> Vec<String> {
    let tables = format!(
        "SELECT format('%s: forced %s, policies %s', relname, relrowsecurity AND relforcerowsecurity, \
           (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid AND polname IN ('tenantry_tenant', 'tenantry_all'))) \
         FROM pg_class AS c WHERE relkind IN ('r', 'p') AND relnatts > 0 AND relnamespace = '{}'::regnamespace \
           AND relname NOT IN ('_tenantry_meta', '_tenantry_ledger') \
           AND (NOT relrowsecurity OR NOT relforcerowsecurity OR 2 <> \
             (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid AND polname IN ('tenantry_tenant', 'tenantry_all')))",
        home.name("pool")
    );
    let databases = format!(
        "SELECT format('%s lets %s do %s', datname, grantee::regrole, privilege_type) \
         FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) \
         WHERE starts_with(datname, '{}') AND datallowconn AND grantee = 0",
        home.prefix
    );
    let mut found = home.texts(&home.owner(), &tables).await;
    found.extend(home.texts("postgres", &databases).await);
    found
}

/// A role cannot even prepare a statement on the schema of another role.
#[tokio::test]
async fn a_connection_serves_one_schema_after_another() {
    on_each_server(|home| async move {
        let (store, known) = (StoreName::parse("tenant").unwrap(), crate::records_kit::schema());
        let template = Template::new(&store, &migrations(&models())).unwrap();
        let all = home.engine();
        for number in [1, 2] {
            all.provision(&schema(number), &template).await.unwrap();
        }
        let options = home.options();
        let connections = ConnectionLimits { most: 1, per_database: 1, ..options.connections };
        let server = ServerName::parse("pg").unwrap();
        let spec = ServerSpec::postgres(server, PostgresOptions { connections, ..options });
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        engine.set_platform(PLATFORM).unwrap();
        let (one, two) = (schema(1), schema(2));
        let one = engine.session(&one, &known).await.unwrap();
        let two = engine.session(&two, &known).await.unwrap();
        let by = WriteOptions { actor: "ann".into(), ..Default::default() };
        let hospital = |name: &str| vec![insert("hospitals", &[("name", Value::Text(name.into()))])];
        for name in ["first", "second"] {
            for session in [&one, &two] {
                session.write(hospital(name), &by).await.unwrap();
                session.exists("hospitals", &[]).await.unwrap();
            }
        }
        for session in [&one, &two] {
            assert_eq!(session.count("hospitals", &Filter::All(vec![]), None, None).await.unwrap(), 2);
        }
    })
    .await;
}
