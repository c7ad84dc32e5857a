//! Whether a database is at the schema this process has loaded (known-schema).
//!
//! A schema carries the migrations that made it. Before a value is read or written under it, the ledger of the
//! database is compared with them: in each write transaction, and once in each state that a connection reads. The
//! comparison is done in full only when the ledger has grown: rows are only ever added to it, so its last row id
//! says whether it has.

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

/// The last row id of the ledger: grows with each migration of any store in the database.
pub(crate) const POSITION: &str = "SELECT coalesce(max(rowid), 0) FROM _tenantry_ledger";

/// The migrations of one store that this process has loaded.
#[derive(Debug)]
pub(crate) struct Known {
    /// Tells apart the schemas of this process, also two of the same version.
    number: u32,
    store: StoreName,
    /// Checksums by `app/name`.
    migrations: BTreeMap<String, String>,
    /// Why the models are not what the migrations make; none: they are.
    unmigrated: Option<String>,
}

impl Known {
    /// Those of `migrations` that touch `store`.
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

    /// Tells apart the schemas of this process.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Compares the ledger of the database with the loaded migrations.
    ///
    /// # Errors
    /// [`Kind::SchemaAhead`] when the database has a migration that is not loaded, or is loaded with other contents;
    /// [`Kind::SchemaBehind`] when it lacks one.
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

/// Where the ledger of a database stood when schemas were found to be its own. Several stores may share a
/// database, so there are a few; what is pushed out is compared again.
#[derive(Debug, Default)]
pub(crate) struct Verified([AtomicU64; 4]);

impl Verified {
    /// The position at which the schema was verified; none: it was not, or that is forgotten.
    pub(crate) fn position(&self, known: &Known) -> Option<i64> {
        let found = self
            .0
            .iter()
            .map(|slot| slot.load(Relaxed))
            .find(|slot| slot >> 32 == u64::from(known.number))?;
        Some((found & u64::from(u32::MAX)).cast_signed())
    }

    /// Makes sure that the state of the database which `conn` reads has the schema.
    ///
    /// # Errors
    /// Those of [`Known::check`].
    pub(crate) fn check(&self, conn: &Connection, known: &Known) -> Result<i64> {
        // Before the ledger itself: one that grows in between is then compared again.
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
