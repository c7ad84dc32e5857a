//! Numbered migrations of the control store's own tables.
//!
//! Called once by `Control::open`. Several processes may start together: each takes the write lock and checks again. A
//! migration never drops what an earlier one created, and changes a table only by copying all of it.

use super::params;
use crate::{Error, Result};
use tenantry_engine::{SystemDb, Tx};

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001_schema.sql"),
    include_str!("migrations/002_credentials.sql"),
    include_str!("migrations/003_clock.sql"),
    include_str!("migrations/004_doors.sql"),
    include_str!("migrations/005_schema_versions.sql"),
    include_str!("migrations/006_accounts.sql"),
    include_str!("migrations/007_restore_drills.sql"),
    include_str!("migrations/008_lockout.sql"),
    include_str!("migrations/009_operation_codes.sql"),
    include_str!("migrations/010_backup_numbers.sql"),
    include_str!("migrations/011_operation_checks.sql"),
    include_str!("migrations/012_system_stores.sql"),
    include_str!("migrations/013_grants.sql"),
    include_str!("migrations/014_schemas.sql"),
    include_str!("migrations/015_leaving.sql"),
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS control_migrations \
    (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT";

/// Returns true if the catalog has a table with this name.
pub(crate) fn has_table(name: &str) -> bool {
    let made =
        MIGRATIONS.iter().flat_map(|sql| sql.lines()).filter_map(|line| line.strip_prefix("CREATE TABLE "));
    let mut tables = made.filter_map(|rest| rest.split([' ', '(']).next());
    name == "control_migrations" || tables.any(|table| table == name)
}

/// Returns whether all migrations of this program are applied. Writes nothing.
///
/// # Errors
/// [`Error::Internal`] when a newer program has applied more.
pub(super) async fn is_current(db: &SystemDb) -> Result<bool> {
    let mut tx = db.snapshot().await?;
    let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'control_migrations'";
    if count(&mut tx, made).await? == 0 {
        return Ok(false);
    }
    Ok(applied(&mut tx).await? == MIGRATIONS.len())
}

/// Applies missing migrations, all in one transaction.
pub(super) async fn run(db: &SystemDb, now_us: i64) -> Result<()> {
    if is_current(db).await? {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    tx.execute(LEDGER, &[]).await?;
    let applied = applied(&mut tx).await?;
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
        tx.batch(sql).await?;
        let number = i64::try_from(index + 1).unwrap_or(i64::MAX);
        tx.execute("INSERT INTO control_migrations VALUES (?, ?)", params![number, now_us]).await?;
    }
    if applied < MIGRATIONS.len() {
        tx.commit().await?;
    }
    Ok(())
}

async fn applied(tx: &mut Tx) -> Result<usize> {
    let applied = count(tx, "SELECT count(*) FROM control_migrations").await?;
    match applied > MIGRATIONS.len() {
        false => Ok(applied),
        true => Err(Error::Internal(format!(
            "the control store is at migration {applied}, this program knows {}: start a newer one",
            MIGRATIONS.len()
        ))),
    }
}

async fn count(tx: &mut Tx, sql: &str) -> Result<usize> {
    let rows = tx.query(sql, &[]).await?;
    let count = rows.first().map_or(Ok(0), |r| r.integer(0))?;
    usize::try_from(count).map_err(|e| Error::Internal(e.to_string()))
}
