//! The operation that makes one backup: of a tenant with its stores and files, or of the platform's own stores.
//!
//! Steps: begin | take | record | expire. Until `record` the operation can go back, and the catalog then records that
//! the backup failed and why. Backups that no retention rule retains any more are removed only after the new one is
//! recorded.

mod steps;

use crate::operations::{Operation, Step, step};
use crate::{
    audit::By,
    backups::{
        BackupId,
        manifest::{Manifest, Reason, Whose},
    },
};
use tenantry_engine::name::{StoreName, TenantId};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Backup {
    pub(crate) by: By,
    pub(crate) id: BackupId,
    /// Tenant to back up; `None` for the platform's own stores.
    pub(crate) tenant: Option<Whose>,
    /// Stores to back up; `None` for all stores.
    pub(crate) stores: Option<Vec<StoreName>>,
    pub(crate) reason: Reason,
    pub(crate) schedule: Option<String>,
    /// Id of the run over many tenants to which the backup belongs, if any.
    pub(crate) run: Option<i64>,
    /// Reason why the backup could not be made.
    error: Option<String>,
    made: Option<Box<Manifest>>,
}

impl Backup {
    /// Returns the initial state, for a tenant or for the platform's own stores.
    pub(crate) fn new(by: By, id: BackupId, tenant: Option<Whose>, reason: Reason) -> Self {
        Self { by, id, tenant, stores: None, reason, schedule: None, run: None, error: None, made: None }
    }

    /// Returns the manifest of the backup, once it is made.
    pub(crate) fn made(&self) -> Option<&Manifest> {
        self.made.as_deref()
    }
}

impl Operation for Backup {
    const KIND: &'static str = "backup";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("record");

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: steps::begin, undo: Some(steps::fail) },
            Step::Outside { name: "take", run: steps::take, undo: steps::leave },
            Step::Control { name: "record", run: steps::record, undo: Some(step::nothing) },
            Step::Outside { name: "expire", run: steps::expire, undo: step::leave },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        self.tenant.as_ref().map(|t| t.id)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        match &self.tenant {
            Some(whose) => format!("back up {}", whose.slug),
            None => "back up the platform's own stores".into(),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        let made = self.made();
        serde_json::json!({
            "backup": self.id, "rows": made.map(Manifest::rows), "bytes": made.map(Manifest::raw_bytes),
            "stored_bytes": made.map(Manifest::stored_bytes),
        })
    }
}
