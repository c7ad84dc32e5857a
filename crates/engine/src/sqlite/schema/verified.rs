//! Verifies that a database has the schema that this process has loaded (`known-schema`).
//!
//! The migrations of the schema are compared with the database's ledger in each write transaction, and once in each
//! state that a connection reads. The full comparison runs only if the ledger has grown: rows are only ever added to
//! the ledger, so its last row id is enough to detect that.

use super::migrate;
use crate::{
    error::Result,
    schema::{Known, Verified},
};
use rusqlite::Connection;

/// Query for the last row id of the ledger, which grows with each migration of any store in the database.
const POSITION: &str = "SELECT coalesce(max(rowid), 0) FROM _tenantry_ledger";

/// Reads the position of the ledger in an attached file. `file` is the quoted name of the attached database.
pub(crate) fn position_in(conn: &Connection, file: &str) -> Result<i64> {
    let sql = POSITION.replace("_tenantry_ledger", &format!("{file}._tenantry_ledger"));
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

/// Compares the ledger of the database with the migrations of a schema.
///
/// # Errors
/// Returns the errors of [`Known::compare`].
pub(crate) fn compare(conn: &Connection, known: &Known) -> Result<()> {
    known.compare(&migrate::ledger(conn, known.store())?.into_iter().collect())
}

impl Verified {
    /// Verifies that the state of the database that `conn` reads has the schema. Returns the position of the ledger.
    ///
    /// # Errors
    /// Returns the errors of [`Known::compare`].
    pub(crate) fn check(&self, conn: &Connection, known: &Known) -> Result<i64> {
        // The position is read before the ledger itself. If the ledger grows in between, the next check compares it
        // again.
        let position: i64 = conn.prepare_cached(POSITION)?.query_row([], |row| row.get(0))?;
        if self.position(known) != Some(position) {
            compare(conn, known)?;
            self.set(known, position);
        }
        Ok(position)
    }
}
