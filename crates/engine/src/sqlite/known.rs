//! Verifies that a database has the schema that this process has loaded (`known-schema`).
//!
//! A schema carries the migrations that made it. Before a value is read or written under it, they are compared with the
//! database's ledger: in each write transaction, and once in each state that a connection reads. The full comparison
//! runs only if the ledger has grown. Rows are only ever added to the ledger, so its last row id tells.

use super::migrate;
use crate::{
    error::{Error, Kind, Result},
    migration::Migration,
    name::StoreName,
};
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

/// Query for the last row id of the ledger, which grows with each migration of any store in the database.
pub(crate) const POSITION: &str = "SELECT coalesce(max(rowid), 0) FROM _tenantry_ledger";

/// The migrations of one store that this process has loaded.
#[derive(Debug)]
pub(crate) struct Known {
    /// Unique among the schemas of this process, even for two of the same version.
    number: u32,
    store: StoreName,
    /// Checksums by `app/name`.
    migrations: BTreeMap<String, String>,
    /// Why the models are not what the migrations make; None if they are.
    unmigrated: Option<String>,
}

impl Known {
    /// Keeps those of `migrations` that touch `store`.
    pub(crate) fn new(store: &StoreName, migrations: &[Migration]) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let own = migrations.iter().filter(|migration| migration.touches(store));
        Self {
            number: NUMBERS.fetch_add(1, Relaxed),
            store: store.clone(),
            migrations: own.map(|migration| (migration.id(), migration.checksum())).collect(),
            unmigrated: None,
        }
    }

    /// Makes every comparison fail: the models were changed and no migration makes the change.
    pub(crate) fn refuse(&mut self, why: String) {
        self.unmigrated = Some(why);
    }

    /// Returns a number that is unique among the schemas of this process.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Compares the ledger of the database with the loaded migrations.
    ///
    /// # Errors
    /// [`Kind::SchemaAhead`] if the database has a migration that is not loaded, or is loaded with other contents;
    /// [`Kind::SchemaBehind`] if it lacks one.
    pub(crate) fn check(&self, conn: &Connection) -> Result<()> {
        if let Some(why) = &self.unmigrated {
            return Err(Error::new(Kind::SchemaBehind, why));
        }
        let applied = migrate::ledger(conn, &self.store)?;
        let newer = applied.iter().find(|(id, checksum)| self.migrations.get(*id) != Some(*checksum));
        if let Some((id, _)) = newer {
            let detail =
                format!("the database of {} has migration {id}, which is not loaded here", self.store);
            return Err(Error::new(Kind::SchemaAhead, detail));
        }
        match self.migrations.keys().find(|id| !applied.contains_key(*id)) {
            Some(id) => Err(Error::new(
                Kind::SchemaBehind,
                format!("the database of {} lacks migration {id}", self.store),
            )),
            None => Ok(()),
        }
    }
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
            .find(|slot| slot >> 32 == u64::from(known.number))?;
        Some((found & u64::from(u32::MAX)).cast_signed())
    }

    /// Verifies that the state of the database which `conn` reads has the schema. Returns the position of the ledger.
    ///
    /// # Errors
    /// Those of [`Known::check`].
    pub(crate) fn check(&self, conn: &Connection, known: &Known) -> Result<i64> {
        // The position is read before the ledger itself: if the ledger grows in between, it is compared again.
        let position: i64 = conn.prepare_cached(POSITION)?.query_row([], |row| row.get(0))?;
        if self.position(known) != Some(position) {
            known.check(conn)?;
            self.set(known, position);
        }
        Ok(position)
    }

    fn set(&self, known: &Known, position: i64) {
        let Ok(position) = u32::try_from(position) else { return };
        let number = u64::from(known.number);
        let is_own = |slot: &&AtomicU64| matches!(slot.load(Relaxed) >> 32, own if own == number || own == 0);
        let slot = self.0.iter().find(is_own).or(self.0.get(known.number as usize % self.0.len()));
        if let Some(slot) = slot {
            slot.store(number << 32 | u64::from(position), Relaxed);
        }
    }
}
