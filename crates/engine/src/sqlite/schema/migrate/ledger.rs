//! The ledger in each database: the migrations it has, per store, with their checksums.

use super::{Compiled, statement};
use crate::{error::Result, name::StoreName, sqlite::schema::Script};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Returns the applied migrations of a store, `app/name` → checksum. Empty if there is no ledger yet.
pub(crate) fn ledger(conn: &Connection, store: &StoreName) -> Result<BTreeMap<String, String>> {
    let exists: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_tenantry_ledger')",
        [],
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(BTreeMap::new());
    }
    let mut query = conn.prepare("SELECT app, migration, checksum FROM _tenantry_ledger")?;
    let mut rows = query.query([])?;
    let mut out = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (app, name): (String, String) = (row.get(0)?, row.get(1)?);
        if let Some((of, name)) = name.split_once('/')
            && of == store.as_str()
        {
            out.insert(format!("{app}/{name}"), row.get(2)?);
        }
    }
    Ok(out)
}

impl Script {
    /// Returns the name of a migration in the ledger. It includes the store, because a migration may touch several
    /// stores, and stores may share a database.
    pub(super) fn ledger_name(&self, name: &str) -> String {
        format!("{}/{name}", self.store)
    }

    /// Returns the applied migrations of this store.
    pub(super) fn ledger(&self, conn: &Connection) -> Result<BTreeMap<String, String>> {
        ledger(conn, &self.store)
    }

    /// Returns the migrations that are not in `done`.
    ///
    /// # Errors
    /// [`Kind::Statement`](crate::error::Kind::Statement) if an applied migration was changed, or comes after a missing
    /// one of the same app.
    pub(super) fn missing(&self, done: &BTreeMap<String, String>) -> Result<Vec<&Compiled>> {
        let mut missing: Vec<&Compiled> = Vec::new();
        for migration in &self.migrations {
            match done.get(&migration.id()) {
                Some(checksum) if *checksum == migration.checksum => {
                    if let Some(skipped) = missing.iter().find(|m| m.app == migration.app) {
                        return Err(statement(format!(
                            "migration {} was added before {}, which this database has already: give it a later \
                             number",
                            skipped.id(),
                            migration.id()
                        )));
                    }
                }
                Some(_) => {
                    return Err(statement(format!(
                        "migration {} was changed after it had been applied here: restore the file and put the \
                         change into a new migration",
                        migration.id()
                    )));
                }
                None => missing.push(migration),
            }
        }
        Ok(missing)
    }
}
