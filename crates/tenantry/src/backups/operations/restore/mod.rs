//! The operation that restores a backup into staged databases.
//!
//! Steps: check | fetch | place | adopt | ready. Fetched data is verified before anything is recorded. A backup of
//! another tenant, or with a newer schema than this program's, leaves no trace; a damaged backup leaves only a record
//! of its damage. The fetched file becomes the database itself, so a repeated `adopt` fetches it again. A restore never
//! changes the databases in use; only `restore_swap` does, at an operator's request.

mod damage;
mod steps;

pub(crate) use damage::Damage;
pub(crate) use steps::{current, fetch_all, not_adopted};

use crate::operations::{Operation, Step, step};
use crate::{
    audit::By,
    backups::{
        BackupId,
        manifest::{Manifest, Whose},
    },
    topology::NewPlacement,
};
use tenantry_engine::{
    name::{StoreName, TenantId},
    place::Place,
};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Restore {
    by: By,
    backup: BackupId,
    tenant: Whose,
    /// Stores to restore; `None` for all stores in the backup.
    stores: Option<Vec<StoreName>>,
    /// Stores with external databases, which are not restored.
    brought: Vec<StoreName>,
    sides: Vec<Side>,
    manifest: Option<Box<Manifest>>,
    restore: Option<i64>,
    /// Number of hours after which the platform discards the staged restore; `None` for never.
    #[serde(default)]
    hours: Option<u32>,
    /// Damage found in the backup.
    #[serde(default)]
    damage: Damage,
}

/// The databases of one store: the one in use and the staged one.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Side {
    live: Place,
    new: NewPlacement,
    #[serde(rename = "beside")]
    staged: Option<Place>,
    schema_version: Option<String>,
    /// Reason why the copy could not be migrated to the current schema.
    #[serde(default)]
    behind: Option<String>,
}

impl Restore {
    /// Returns the initial state. `places` are the tenant's stores in use, each with the placement for its copy.
    /// `brought` are its external stores, which are not restored.
    pub(crate) fn new(
        by: By,
        backup: BackupId,
        tenant: Whose,
        places: Vec<(Place, NewPlacement)>,
        brought: Vec<StoreName>,
        stores: Option<Vec<StoreName>>,
    ) -> Self {
        let side = |(live, new)| Side { live, new, staged: None, schema_version: None, behind: None };
        let sides = places.into_iter().map(side).collect();
        Self {
            by,
            backup,
            tenant,
            stores,
            brought,
            sides,
            manifest: None,
            restore: None,
            hours: None,
            damage: Damage::default(),
        }
    }
}

impl Restore {
    /// Sets the number of hours after which the platform discards the staged restore.
    pub(crate) fn expiring(mut self, hours: Option<u32>) -> Self {
        self.hours = hours;
        self
    }
}

impl Operation for Restore {
    const KIND: &'static str = "restore";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "check", run: steps::check, undo: Some(steps::record_damage) },
            Step::Outside { name: "fetch", run: steps::fetch, undo: step::leave },
            Step::Control { name: "place", run: steps::place, undo: Some(steps::unplace) },
            Step::Outside { name: "adopt", run: steps::adopt, undo: steps::remove },
            Step::Control { name: "ready", run: steps::ready, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant.id)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        format!("restore {} beside {}", self.backup, self.tenant.slug)
    }

    fn outcome(&self) -> serde_json::Value {
        let staged = self.sides.iter().filter_map(|s| s.staged.as_ref()).map(|p| &p.physical);
        serde_json::json!({
            "restore": self.restore, "backup": self.backup, "databases": staged.collect::<Vec<_>>(),
            "left_out": self.brought,
            "behind": self.sides.iter().filter_map(|s| s.behind.as_ref()).collect::<Vec<_>>(),
        })
    }
}
