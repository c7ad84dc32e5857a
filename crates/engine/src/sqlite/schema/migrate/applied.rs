//! The ledger in each database: its applied migrations per store, with their checksums.

use crate::{
    error::Result,
    ledger::{self, Applied, Loaded},
    name::StoreName,
    schema::Script,
};
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

/// Returns the applied migrations of a store.
pub(crate) fn applied(conn: &Connection, store: &StoreName) -> Result<Applied> {
    Ok(ledger(conn, store)?.into_iter().collect())
}

/// Returns the script with only the migrations that a database has. See [`Script::as_applied`].
pub(crate) fn as_applied(conn: &Connection, script: &Script) -> Result<Script> {
    script.as_applied(&applied(conn, script.store())?)
}

/// Adds a migration of a store to the ledger.
pub(super) fn enter(conn: &Connection, store: &StoreName, migration: &Loaded) -> Result<()> {
    conn.execute(
        "INSERT INTO _tenantry_ledger(app, migration, checksum, applied_at) \
         VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))",
        params![migration.app, ledger::name_in(store, &migration.name), migration.checksum],
    )?;
    Ok(())
}
