//! The migrations that a schema was made from (`known-schema`).
//!
//! Before a value is read or written under a schema, these migrations are compared with the ledger of the database.

use crate::{
    error::{Error, Kind, Result},
    migration::Migration,
    name::StoreName,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// The migrations of one store that this process has loaded.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Number that is unique among the schemas of this process, even for two schemas of the same version.
    number: u32,
    store: StoreName,
    /// Checksums by `app/name`.
    migrations: Arc<BTreeMap<String, String>>,
    /// Reason why the models differ from what the migrations produce; `None` if they do not differ.
    unmigrated: Option<String>,
}

impl Known {
    /// Stores the migrations that touch `store`.
    pub(crate) fn new(store: &StoreName, migrations: &[Migration]) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let own = migrations.iter().filter(|migration| migration.touches(store));
        Self {
            number: NUMBERS.fetch_add(1, Relaxed),
            store: store.clone(),
            migrations: Arc::new(own.map(|migration| (migration.id(), migration.checksum())).collect()),
            unmigrated: None,
        }
    }

    /// Makes every comparison fail, because the models were changed and no migration makes that change.
    pub(crate) fn refuse(&mut self, why: String) {
        self.unmigrated = Some(why);
    }

    /// Returns a number that is unique among the schemas of this process.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Returns the store that the migrations touch.
    pub(crate) fn store(&self) -> &StoreName {
        &self.store
    }

    /// Compares the ledger of a database, `app/name` → checksum, with the loaded migrations.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaAhead`] if the database has a migration that is not loaded, or is loaded with other
    /// contents, and [`Kind::SchemaBehind`] if it lacks one.
    pub(crate) fn compare(&self, applied: &BTreeMap<String, String>) -> Result<()> {
        if let Some(why) = &self.unmigrated {
            return Err(Error::new(Kind::SchemaBehind, why));
        }
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
