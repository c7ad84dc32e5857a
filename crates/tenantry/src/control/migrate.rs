//! Numbered migrations of the control store's own tables.
//!
//! `Control::open` calls it once. Several processes may start together: each takes the write lock and checks again. A
//! migration never drops what an earlier one created, and changes a table only by copying all of it.
//!
//! Every migration after the first one for PostgreSQL has a file for each database. Both files must create the same
//! columns: a backup of the store is a SQLite file, whatever its database.

use super::params;
use crate::{Error, Result};
use std::collections::HashSet;
use tenantry_engine::{SystemDb, Tx, place::EngineKind};

/// Name of the table of applied migrations.
const LEDGER: &str = "control_migrations";

/// A migration in the SQL of each database.
struct Migration {
    sqlite: &'static str,
    /// Empty for migrations before 16, which creates everything at once on PostgreSQL.
    postgres: &'static str,
}

/// Reads a migration from its files: `NAME.sql`, and `NAME.postgres.sql` unless both databases accept the first.
macro_rules! migration {
    ($name:literal) => {
        Migration { sqlite: include_str!(concat!("migrations/", $name, ".sql")), postgres: "" }
    };
    ($name:literal, both) => {
        Migration {
            sqlite: include_str!(concat!("migrations/", $name, ".sql")),
            postgres: include_str!(concat!("migrations/", $name, ".postgres.sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!("001_schema"),
    migration!("002_credentials"),
    migration!("003_clock"),
    migration!("004_doors"),
    migration!("005_schema_versions"),
    migration!("006_accounts"),
    migration!("007_restore_drills"),
    migration!("008_lockout"),
    migration!("009_operation_codes"),
    migration!("010_backup_numbers"),
    migration!("011_operation_checks"),
    migration!("012_system_stores"),
    migration!("013_grants"),
    migration!("014_schemas"),
    migration!("015_leaving"),
    migration!("016_user_id", both),
    migration!("017_members", both),
    migration!("018_exports", both),
    migration!("019_staff", both),
    migration!("020_locale", both),
    migration!("021_views", both),
    migration!("022_fleet", both),
    migration!("023_names", both),
    migration!("024_proofs", both),
    migration!("025_audit_at", both),
    migration!("026_plan_servers", both),
    migration!("027_imported_rows", both),
    migration!("028_attachments", both),
    migration!("029_sizes", both),
    migration!("030_licences", both),
    migration!("031_usage", both),
];

/// Returns the SQL of the table of applied migrations. The SQLite version can no longer be changed.
fn ledger(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Sqlite => {
            "CREATE TABLE IF NOT EXISTS control_migrations \
             (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT"
        }
        // No catalog is on MongoDB: its configuration is refused.
        EngineKind::Postgres | EngineKind::Mongo => {
            "CREATE TABLE IF NOT EXISTS control_migrations \
             (number bigint PRIMARY KEY, applied_at bigint NOT NULL)"
        }
    }
}

impl Migration {
    fn text(&self, engine: EngineKind) -> &'static str {
        match engine {
            EngineKind::Sqlite => self.sqlite,
            EngineKind::Postgres | EngineKind::Mongo => self.postgres,
        }
    }
}

/// Returns the names of the catalog's tables, without the table of applied migrations.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    let made = MIGRATIONS.iter().flat_map(|migration| migration.sqlite.lines());
    let names = made.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split([' ', '(']).next());
    let mut seen = HashSet::new();
    names.filter(move |name| seen.insert(*name))
}

/// Returns true if the catalog has a table with this name.
pub(crate) fn has_table(name: &str) -> bool {
    name == LEDGER || tables().any(|table| table == name)
}

/// Returns true if all migrations of this program are applied. Writes nothing.
///
/// # Errors
/// Returns [`Error::Internal`] if a newer program has applied more migrations.
pub(super) async fn is_current(db: &SystemDb) -> Result<bool> {
    let mut tx = db.snapshot().await?;
    if tx.columns(LEDGER).await?.is_empty() {
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
    tx.batch(ledger(db.engine())).await?;
    let applied = applied(&mut tx).await?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(applied) {
        tx.batch(migration.text(db.engine())).await?;
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
