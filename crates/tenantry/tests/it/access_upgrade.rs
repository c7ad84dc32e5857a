//! A control store of an earlier release, with a user whom wrong passwords locked out.

use super::access_kit::{ADA, BOB, EVE, PASSWORD, TestAccess, attempt_from, control_place, hash};
use std::sync::Arc;
use tenantry::internals::user;
use tenantry_engine::{CacheLimits, Engine, ServerSpec, name::ServerName};

/// Migrations of the release before failures were counted per network.
const OLDER: [&str; 7] = [
    include_str!("../../src/control/migrations/001_schema.sql"),
    include_str!("../../src/control/migrations/002_credentials.sql"),
    include_str!("../../src/control/migrations/003_clock.sql"),
    include_str!("../../src/control/migrations/004_doors.sql"),
    include_str!("../../src/control/migrations/005_schema_versions.sql"),
    include_str!("../../src/control/migrations/006_accounts.sql"),
    include_str!("../../src/control/migrations/007_restore_drills.sql"),
];

/// Creates the store of that release: ada is locked for a long time, and has signed in from two addresses.
async fn older_store(root: std::path::PathBuf) {
    let spec = ServerSpec::sqlite(ServerName::parse("local").unwrap(), root);
    let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
    engine.create_system(&control_place()).await.unwrap();
    let mut tx = engine.system(&control_place()).await.unwrap().begin().await.unwrap();
    tx.batch(
        "CREATE TABLE control_migrations (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
    )
    .await
    .unwrap();
    for (index, sql) in OLDER.iter().enumerate() {
        tx.batch(sql).await.unwrap();
        let number = i64::try_from(index + 1).unwrap();
        tx.execute("INSERT INTO control_migrations VALUES (?, 1)", &[number.into()]).await.unwrap();
    }
    for (name, failed, until) in [("ada", 30, "9000000000000000"), ("bob", 3, "NULL")] {
        let sql = format!(
            "INSERT INTO users (email, address, verified_at, name, password_hash, created_at, credentials_at, \
             failed_logins, locked_until) VALUES ('{name}@x.org', '{name}@x.org', 1, '{name}', ?, 1, 1, {failed}, {until})"
        );
        tx.execute(&sql, &[hash().await.into()]).await.unwrap();
    }
    for (token, address, staff) in
        [("a", "10.0.0.1", "NULL"), ("b", "2001:db8::1", "NULL"), ("c", "10.0.0.9", "2")]
    {
        let sql = format!(
            "INSERT INTO sessions (token_hash, user, created_at, expires_at, seen_at, address, impersonator, reason) \
             VALUES ('{token}', 1, 1, 2, 1, '{address}', {staff}, iif({staff} IS NULL, NULL, 'why'))"
        );
        tx.execute(&sql, &[]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_upgrade_opens_accounts_that_were_closed_to_everybody() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    older_store(dir.path().to_owned()).await;
    let w = TestAccess::process(dir, false).await;
    let mut tx = w.control.snapshot().await.unwrap();
    for id in [ADA, BOB] {
        let user = user(&mut tx, id).await.unwrap();
        assert_eq!((user.failed_logins, user.locked_until_us), (0, None), "{user:?}");
    }
    let rows = tx.query("SELECT user_id, network FROM known_networks", &[]).await.unwrap();
    let known: Vec<_> = rows.iter().map(|r| (r.integer(0).unwrap(), r.text(1).unwrap())).collect();
    assert_eq!(known, [(1, "10.0.0.1")], "where ada signed in, not the staff who acted as ada");
    assert!(user(&mut tx, EVE).await.is_err());
    drop(tx);
    w.access.login(attempt_from("10.7.7.7", "ada", PASSWORD)).await.expect("no longer locked");
    // The columns remain for servers of the older release that run at the same time.
    let older = "UPDATE users SET failed_logins = 10, locked_until = 9000000000000000 WHERE id = 1";
    w.change(older, &[], tenantry::internals::Subject::User(ADA)).await;
    w.access.login(attempt_from("10.7.7.7", "ada", PASSWORD)).await.expect("theirs is not looked at");
}
