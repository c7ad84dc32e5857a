//! What a place lacks, and what the places of a fleet usually lack.
//!
//! Places that one tenant has alone and that have the same ledger lack the same migrations. So a run over a fleet reads one
//! place, and migrates the others without reading them: the migration renames the seal that a place with this ledger
//! has, and the database refuses that in a place with another one. Such a place is read.

use crate::{
    ledger::{self as rules, Loaded},
    name::StoreName,
    postgres::{
        seal::{Lines, Seal},
        site::Site,
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// What a place has and lacks.
#[derive(Debug, Clone)]
pub(super) struct Lacking {
    /// Seal of the place; `None` if it has none.
    pub(super) seal: Option<Seal>,
    /// All lines of the ledger.
    pub(super) lines: Lines,
    /// Migrations that the place lacks, as `app/name`.
    pub(super) pending: Vec<String>,
    /// Migrations that the place has and that are not known here.
    pub(super) unknown: Vec<String>,
}

impl Lacking {
    /// Returns the lines of the ledger once the place has a migration.
    fn lines_with(&self, store: &StoreName, migration: &Loaded) -> Lines {
        let mut lines = self.lines.clone();
        let name = rules::name_in(store, &migration.name);
        lines.insert((migration.app.clone(), name), migration.checksum.clone());
        lines
    }

    /// Returns what the place lacks once it has a migration, with the seal that it has then.
    pub(super) fn after(&self, migration: &Loaded, seal: Seal, store: &StoreName) -> Self {
        let (lines, mut pending) = (self.lines_with(store, migration), self.pending.clone());
        pending.retain(|id| *id != migration.id());
        Self { seal: Some(seal), lines, pending, unknown: self.unknown.clone() }
    }

    /// Returns the seal of a place that has these lines at the same position, and the seal that it has after a migration.
    /// Returns `None` if the position is not known.
    pub(super) fn seals(&self, site: &Site, platform: &str, migration: &Loaded) -> Option<(Seal, Seal)> {
        let found = self.seal.as_ref()?;
        if site.is_pooled() {
            return Some((found.clone(), found.next_in_pool()));
        }
        let after = self.lines_with(&site.place.store, migration);
        let seal = |position, lines| Seal::expected(site, platform, position, lines);
        Some((seal(found.position, &self.lines), seal(found.position + 1, &after)))
    }
}

/// What the place lacked that was read last for a script, if only one tenant has it.
#[derive(Debug, Default)]
pub(in crate::postgres::schema) struct Usual(Mutex<Option<Arc<Lacking>>>);

impl Usual {
    /// Returns what a place is expected to lack.
    pub(super) fn of(&self, site: &Site) -> Option<Arc<Lacking>> {
        is_alone(site).then(|| self.lock().clone()).flatten()
    }

    /// Keeps what a place lacked before anything was applied to it.
    pub(super) fn learn(&self, site: &Site, lacking: &Arc<Lacking>) {
        if is_alone(site) {
            *self.lock() = (!lacking.pending.is_empty()).then(|| lacking.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Lacking>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns true if one tenant has the schema alone.
pub(super) fn is_alone(site: &Site) -> bool {
    !site.is_pooled() && site.place.tenant.is_some()
}
