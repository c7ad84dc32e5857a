//! The ledger in each database: the migrations it has, per store, with their checksums.

use crate::{error::Result, ledger, name::StoreName, sqlite::schema::Script};
use rusqlite::{Connection, params};

/// Returns the applied migrations of a store, as `app/name` with their checksums, in the order in which they were
/// applied. Empty if there is no ledger yet.
pub(crate) fn ledger(conn: &Connection, store: &StoreName) -> Result<Vec<(String, String)>> {
    let exists: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_tenantry_ledger')",
        [],
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(vec![]);
    }
    let mut query = conn.prepare("SELECT app, migration, checksum FROM _tenantry_ledger ORDER BY rowid")?;
    let mut rows = query.query([])?;
    let mut applied = vec![];
    while let Some(row) = rows.next()? {
        let (app, name): (String, String) = (row.get(0)?, row.get(1)?);
        if let Some(id) = ledger::id_of(store, &app, &name) {
            applied.push((id, row.get(2)?));
        }
    }
    Ok(applied)
}

impl Script {
    /// Returns the applied migrations of this store.
    pub(super) fn applied(&self, conn: &Connection) -> Result<ledger::Applied> {
        Ok(ledger(conn, &self.store)?.into_iter().collect())
    }

    /// Adds a migration to the ledger.
    pub(super) fn enter(&self, conn: &Connection, migration: &ledger::Loaded) -> Result<()> {
        conn.execute(
            "INSERT INTO _tenantry_ledger(app, migration, checksum, applied_at) \
             VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))",
            params![migration.app, ledger::name_in(&self.store, &migration.name), migration.checksum],
        )?;
        Ok(())
    }
}
