//! The operation that makes a new tenant from a backup, its own or another's, beside what is live.
//!
//! fetch | record | adopt, files | subscribe, own, activate. The rows become the new tenant's: the identity
//! inside each database is rewritten when it is taken over. Stores that the backup does not have are
//! made empty.

mod steps;

use super::{Operation, Operations, Step};
use crate::{
    Result,
    audit::By,
    backups::{BackupId, manifest::Manifest},
    tenants::{self, NewTenant},
    topology::{NewPlacement, Policy},
};
use tenantry_engine::{
    name::{RoleName, TenantId, UserId},
    place::Place,
};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct RestoreAs {
    by: By,
    backup: BackupId,
    /// Whose backup it is.
    of: TenantId,
    new: NewTenant,
    plan: String,
    /// Members who come along: those of the tenant it was of, where it still is.
    members: Vec<(UserId, RoleName)>,
    placements: Vec<NewPlacement>,
    tenant: Option<TenantId>,
    placed: Vec<Placed>,
    manifest: Option<Box<Manifest>>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Placed {
    place: Place,
    policy: Policy,
    schema_version: Option<String>,
}

/// A tenant to be made from a backup.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) backup: BackupId,
    pub(crate) of: TenantId,
    pub(crate) new: NewTenant,
    pub(crate) plan: String,
    pub(crate) members: Vec<(UserId, RoleName)>,
    pub(crate) placements: Vec<NewPlacement>,
}

impl Operations {
    /// Starts it; its id in the journal.
    pub(crate) async fn restore_as(&self, by: &By, wish: Wish) -> Result<i64> {
        tenants::check(&wish.new)?;
        let Wish { backup, of, new, plan, members, placements } = wish;
        let (by, tenant, placed, manifest) = (by.clone(), None, vec![], None);
        self.spawn(RestoreAs { by, backup, of, new, plan, members, placements, tenant, placed, manifest })
            .await
    }
}

impl Operation for RestoreAs {
    const KIND: &'static str = "restore_as";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "check", run: steps::check, undo: Some(steps::nothing) },
            Step::Outside { name: "fetch", run: steps::fetch, undo: steps::leave },
            Step::Control { name: "record", run: steps::record, undo: Some(steps::unrecord) },
            Step::Outside { name: "adopt", run: steps::adopt, undo: steps::remove },
            Step::Outside { name: "files", run: steps::files, undo: steps::unfile },
            Step::Control { name: "subscribe", run: steps::subscribe, undo: None },
            Step::Control { name: "activate", run: steps::activate, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        format!("restore {} as {}", self.backup, self.new.slug)
    }

    fn outcome(&self) -> serde_json::Value {
        let names = self.placed.iter().filter(|p| p.schema_version.is_some()).map(|p| &p.place.physical);
        let names: Vec<_> = names.collect();
        serde_json::json!({ "tenant": self.tenant, "slug": self.new.slug, "databases": names })
    }
}
