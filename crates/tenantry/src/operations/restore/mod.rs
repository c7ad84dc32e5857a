//! The operation that brings a backup back beside the live tenant.
//!
//! fetch | place | adopt | ready. What is fetched is verified before anything is recorded: a damaged
//! backup, another tenant's, or one with a newer schema than this program's leaves no trace. The file that was
//! fetched becomes the database itself; whoever repeats *adopt* after that fetches it anew. A restore never
//! touches what is in use; `restore_swap` does, when somebody says so.

mod steps;

pub(crate) use steps::{current, fetch_all, not_adopted};

use super::{Operation, Step, step};
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
pub struct Restore {
    by: By,
    backup: BackupId,
    tenant: Whose,
    /// None: all that are in the backup.
    stores: Option<Vec<StoreName>>,
    /// Those whose databases the tenant's owner brought: left out.
    brought: Vec<StoreName>,
    sides: Vec<Side>,
    manifest: Option<Box<Manifest>>,
    restore: Option<i64>,
}

/// One store: where it is, and where it goes.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Side {
    live: Place,
    new: NewPlacement,
    beside: Option<Place>,
    schema_version: Option<String>,
    /// Why it could not be brought to the current schema.
    #[serde(default)]
    behind: Option<String>,
}

impl Restore {
    /// `places` are the tenant's stores that are in use, with where a copy of each would go; `brought` those
    /// that the tenant's owner brought, which are left out.
    pub(crate) fn new(
        by: By,
        backup: BackupId,
        tenant: Whose,
        places: Vec<(Place, NewPlacement)>,
        brought: Vec<StoreName>,
        stores: Option<Vec<StoreName>>,
    ) -> Self {
        let side = |(live, new)| Side { live, new, beside: None, schema_version: None, behind: None };
        let sides = places.into_iter().map(side).collect();
        Self { by, backup, tenant, stores, brought, sides, manifest: None, restore: None }
    }
}

impl Operation for Restore {
    const KIND: &'static str = "restore";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "check", run: steps::check, undo: Some(step::nothing) },
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
        let beside = self.sides.iter().filter_map(|s| s.beside.as_ref()).map(|p| &p.physical);
        serde_json::json!({
            "restore": self.restore, "backup": self.backup, "databases": beside.collect::<Vec<_>>(),
            "left_out": self.brought,
            "behind": self.sides.iter().filter_map(|s| s.behind.as_ref()).collect::<Vec<_>>(),
        })
    }
}
