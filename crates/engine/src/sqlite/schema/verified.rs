//! Verifies that a database has the schema that this process has loaded (`known-schema`).
//!
//! The migrations of the schema are compared with the database's ledger: in each write transaction, and once in each
//! state that a connection reads. The full comparison runs only if the ledger has grown. Rows are only ever added to the
//! ledger, so its last row id tells.

use super::migrate;
use crate::{error::Result, schema::Known};
use rusqlite::Connection;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Query for the last row id of the ledger, which grows with each migration of any store in the database.
pub(crate) const POSITION: &str = "SELECT coalesce(max(rowid), 0) FROM _tenantry_ledger";

/// Compares the ledger of the database with the migrations of a schema.
///
/// # Errors
/// Those of [`Known::compare`].
pub(crate) fn compare(conn: &Connection, known: &Known) -> Result<()> {
    known.compare(&migrate::ledger(conn, known.store())?.into_iter().collect())
}

/// Ledger positions at which schemas were verified. A few slots, because several stores may share a database; a schema
/// that lost its slot is compared again.
#[derive(Debug, Default)]
pub(crate) struct Verified([AtomicU64; 4]);

impl Verified {
    /// Returns the ledger position at which the schema was verified; None if it was not, or no longer has a slot.
    pub(crate) fn position(&self, known: &Known) -> Option<i64> {
        let found = self
            .0
            .iter()
            .map(|slot| slot.load(Relaxed))
            .find(|slot| slot >> 32 == u64::from(known.number()))?;
        Some((found & u64::from(u32::MAX)).cast_signed())
    }

    /// Verifies that the state of the database which `conn` reads has the schema. Returns the position of the ledger.
    ///
    /// # Errors
    /// Those of [`Known::compare`].
    pub(crate) fn check(&self, conn: &Connection, known: &Known) -> Result<i64> {
        // The position is read before the ledger itself: if the ledger grows in between, it is compared again.
        let position: i64 = conn.prepare_cached(POSITION)?.query_row([], |row| row.get(0))?;
        if self.position(known) != Some(position) {
            compare(conn, known)?;
            self.set(known, position);
        }
        Ok(position)
    }

    fn set(&self, known: &Known, position: i64) {
        let Ok(position) = u32::try_from(position) else { return };
        let number = u64::from(known.number());
        let is_own = |slot: &&AtomicU64| matches!(slot.load(Relaxed) >> 32, own if own == number || own == 0);
        let slot = self.0.iter().find(is_own).or(self.0.get(known.number() as usize % self.0.len()));
        if let Some(slot) = slot {
            slot.store(number << 32 | u64::from(position), Relaxed);
        }
    }
}
