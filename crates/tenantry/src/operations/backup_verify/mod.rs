//! The operation that verifies a backup: fetches it, opens it, compares everything with its manifest.
//!
//! look | record. Damage is recorded with its audit row and shown wherever backups are (threat 29). It
//! holds up nothing else that is done to the tenant.

use super::{Operation, Step, World, step};
use crate::{
    Error, Result,
    audit::By,
    backups::{self, BackupId, Verified, catalog},
    control::Write,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::name::TenantId;

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct BackupVerify {
    by: By,
    id: BackupId,
    /// Whose backup it is.
    of: Option<TenantId>,
    found: Option<Verified>,
}

impl BackupVerify {
    pub(crate) fn new(by: By, id: BackupId, of: Option<TenantId>) -> Self {
        Self { by, id, of, found: None }
    }

    pub(crate) fn found(self) -> Result<Verified> {
        self.found.ok_or_else(|| Error::Internal("verified without a finding".into()))
    }
}

impl Operation for BackupVerify {
    const KIND: &'static str = "backup_verify";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Outside { name: "look", run: look, undo: step::leave },
            Step::Control { name: "record", run: record, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        format!("verify backup {}", self.id)
    }

    fn outcome(&self) -> serde_json::Value {
        json!(self.found)
    }
}

fn look<'a>(world: &'a World, v: &'a mut BackupVerify) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        v.found = Some(backups::verify(world, v.of, &v.id).await?);
        Ok(())
    })
}

fn record<'a>(write: &'a mut Write, v: &'a mut BackupVerify) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let damage = v.found.as_ref().and_then(|f| f.damage.as_deref());
        catalog::verified(write, &v.id, damage).await?;
        write.audit(&v.by, v.of, "backup.verify", json!({ "backup": v.id, "damage": damage })).await
    })
}
