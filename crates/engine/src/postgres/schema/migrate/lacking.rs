//! What a place lacks, and what the places of a fleet usually lack.
//!
//! Places that one tenant has alone and that have the same ledger lack the same migrations. So a run over a fleet reads one
//! place, and migrates the others without reading them: the statement of the migration says which ledger it expects, and
//! the database refuses it in a place that has another one. Such a place is read.

use crate::{
    ledger::{self as rules, Loaded},
    name::StoreName,
    postgres::{identity, names::literal, schema::ledger, site::Site},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What a place has and lacks.
#[derive(Debug, Clone)]
pub(super) struct Lacking {
    /// Position of the ledger.
    pub(super) ledger: i64,
    /// All lines of the ledger: app and name → checksum.
    pub(super) lines: BTreeMap<(String, String), String>,
    /// Migrations that the place lacks, as `app/name`.
    pub(super) pending: Vec<String>,
    /// Migrations that the place has and that are not known here.
    pub(super) unknown: Vec<String>,
}

impl Lacking {
    /// Returns what the place lacks once it has its first missing migration.
    pub(super) fn after(&self, store: &StoreName, migration: &Loaded) -> Self {
        let mut after = self.clone();
        let name = rules::name_in(store, &migration.name);
        after.lines.insert((migration.app.clone(), name), migration.checksum.clone());
        after.pending.retain(|id| *id != migration.id());
        after.ledger += 1;
        after
    }

    /// Returns the condition, for a query of `_tenantry_place`, that one tenant has the schema alone, that it is the open place
    /// `site` of this installation, and that its ledger has these lines. Returns `None` if the text of the condition
    /// would depend on a setting.
    pub(super) fn condition(&self, site: &Site, platform: &str) -> Option<String> {
        let lines = self.lines.iter().map(|((app, name), checksum)| format!("{app} {name} {checksum}"));
        let lines = literal(&lines.collect::<Vec<_>>().join("\n"));
        let (place, found) = (identity::row(site, platform), ledger::lines(site));
        let condition =
            format!("HAVING count(*) = 1 AND bool_and({place} AND state = 'open') AND {found} = {lines}");
        (!condition.contains('\\')).then_some(condition)
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
