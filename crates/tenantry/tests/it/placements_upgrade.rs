//! A control store of the release before PostgreSQL schemas: its placements stay unchanged.

use super::access_kit::{TestAccess, control_place};
use std::sync::Arc;
use tenantry_engine::{CacheLimits, Engine, ServerSpec, SqlRow, Tx, name::ServerName};

/// Migrations of that release.
const OLDER: [&str; 13] = [
    include_str!("../../src/control/migrations/001_schema.sql"),
    include_str!("../../src/control/migrations/002_credentials.sql"),
    include_str!("../../src/control/migrations/003_clock.sql"),
    include_str!("../../src/control/migrations/004_doors.sql"),
    include_str!("../../src/control/migrations/005_schema_versions.sql"),
    include_str!("../../src/control/migrations/006_accounts.sql"),
    include_str!("../../src/control/migrations/007_restore_drills.sql"),
    include_str!("../../src/control/migrations/008_lockout.sql"),
    include_str!("../../src/control/migrations/009_operation_codes.sql"),
    include_str!("../../src/control/migrations/010_backup_numbers.sql"),
    include_str!("../../src/control/migrations/011_operation_checks.sql"),
    include_str!("../../src/control/migrations/012_system_stores.sql"),
    include_str!("../../src/control/migrations/013_grants.sql"),
];

const ALL: &str = "SELECT id || ' ' || tenant || ' ' || store || ' ' || server || ' ' || isolation || ' ' || provision || ' ' || \
    base || ' ' || physical || ' ' || generation || ' ' || state || ' ' || coalesce(schema_version, '-') || ' ' || \
    coalesce(migration_error, '-') || ' ' || coalesce(source_version, '-') || ' ' || coalesce(until, '-') || ' ' || \
    coalesce(kept_at, '-') FROM placements ORDER BY id";

async fn older_store(root: std::path::PathBuf) {
    let spec = ServerSpec::sqlite(ServerName::parse("local").unwrap(), root);
    let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
    engine.create_system(&control_place()).await.unwrap();
    let mut tx = engine.system(&control_place()).await.unwrap().begin().await.unwrap();
    let ledger =
        "CREATE TABLE control_migrations (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT";
    tx.batch(ledger).await.unwrap();
    for (index, sql) in OLDER.iter().enumerate() {
        tx.batch(sql).await.unwrap();
        let number = i64::try_from(index + 1).unwrap();
        tx.execute("INSERT INTO control_migrations VALUES (?, 1)", &[number.into()]).await.unwrap();
    }
    let rows = "INSERT INTO placements VALUES \
        (4, 7, 'tenant', 'main', 'database', 'managed', 'tenant_a', 'tenant_a_1', 1, 'kept', 'f', 'why', 'g', 5, 6), \
        (5, 7, 'tenant', 'disk', 'database', 'external', 'a', 'a', 2, 'ready', 'f', NULL, NULL, NULL, NULL), \
        (9, 8, 'tenant', 'main', 'pooled', 'on_demand', 'pool', 'pool', 1, 'planned', NULL, NULL, NULL, NULL, NULL)";
    tx.batch(rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn texts(tx: &mut Tx) -> Vec<String> {
    let text = |row: &SqlRow| row.text(0).unwrap().to_owned();
    tx.query(ALL, &[]).await.unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn placements_survive_the_upgrade_and_may_be_schemas() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    older_store(dir.path().to_owned()).await;
    let w = TestAccess::process(dir, false).await;
    let mut write = w.control.begin().await.unwrap();
    assert_eq!(
        texts(&mut write).await,
        [
            "4 7 tenant main database managed tenant_a tenant_a_1 1 kept f why g 5 6",
            "5 7 tenant disk database external a a 2 ready f - - - -",
            "9 8 tenant main pooled on_demand pool pool 1 planned - - - - -",
        ]
    );
    let insert = |values: &str| {
        format!(
            "INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, state) \
             VALUES ({values})"
        )
    };
    write
        .execute(&insert("9, 'tenant', 'pg', 'schema', 'managed', 'b', 'b_1', 1, 'ready'"), &[])
        .await
        .unwrap();
    for (values, why) in [
        ("9, 'tenant', 'pg', 'database', 'managed', 'c', 'c_2', 2, 'ready'", "two places in use"),
        ("9, 'tenant', 'pg', 'database', 'managed', 'c', 'c_1', 1, 'beside'", "a generation twice"),
        ("10, 'tenant', 'pg', 'database', 'managed', 'b', 'b_1', 1, 'ready'", "a name twice"),
        ("11, 'tenant', 'pg', 'table', 'managed', 'd', 'd_1', 1, 'ready'", "an unknown isolation"),
    ] {
        assert!(write.execute(&insert(values), &[]).await.is_err(), "{why}");
    }
}
