//! The operation that verifies a backup: fetches it, opens it and compares everything with its manifest.
//!
//! Steps: look | record. Damage is recorded with an audit row and shown wherever backups are listed
//! (`silent-backup-failure`). The operation blocks no other operation on the tenant.

use crate::operations::{Context, Operation, Step, step};
use crate::{
    Error, Result,
    audit::By,
    backups::{self, BackupId, Verified, catalog, drills},
    control::Write,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::name::TenantId;

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct BackupVerify {
    by: By,
    id: BackupId,
    /// Tenant that was backed up; `None` for the platform's own stores.
    of: Option<TenantId>,
    found: Option<Verified>,
    /// Id of the restore drill; `None` for a mere verification.
    #[serde(default)]
    drill: Option<i64>,
    /// Reason why the drill failed although the backup is intact.
    #[serde(default)]
    failure: Option<String>,
}

impl BackupVerify {
    pub(crate) fn new(by: By, id: BackupId, of: Option<TenantId>) -> Self {
        Self { by, id, of, found: None, drill: None, failure: None }
    }

    /// Returns the state of a drill: a verification that also restores the backup to scratch.
    pub(crate) fn drill(by: By, id: BackupId, of: TenantId, drill: i64) -> Self {
        Self { drill: Some(drill), ..Self::new(by, id, Some(of)) }
    }

    /// Returns why the drill failed, or how the backup is damaged.
    fn why(&self) -> Option<&str> {
        let damage = self.found.as_ref().and_then(|found| found.damage.as_deref());
        damage.or(self.failure.as_deref())
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
        match self.drill {
            None => format!("verify backup {}", self.id),
            Some(_) => format!("restore backup {} to scratch", self.id),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        match self.drill {
            None => json!(self.found),
            Some(_) => json!({ "backup": self.id, "failed": self.why() }),
        }
    }
}

fn look<'a>(context: &'a Context, v: &'a mut BackupVerify) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if v.drill.is_none() {
            v.found = Some(backups::verify(context, v.of, &v.id).await?);
            return Ok(());
        }
        // A failed drill is recorded as failed, whatever the reason: finding failures is its purpose.
        let tried = async {
            v.found = Some(backups::verify(context, v.of, &v.id).await?);
            match v.why() {
                Some(_) => Ok(()),
                None => drills::rehearse(context, v.of, &v.id).await,
            }
        };
        match tried.await {
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) => {
                v.failure = Some(error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    })
}

fn record<'a>(write: &'a mut Write, v: &'a mut BackupVerify) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let damage = v.found.as_ref().and_then(|f| f.damage.as_deref());
        if v.found.is_some() {
            catalog::verified(write, &v.id, damage).await?;
        }
        let Some(drill) = v.drill else {
            return write
                .audit(&v.by, v.of, "backup.verify", json!({ "backup": v.id, "damage": damage }))
                .await;
        };
        if let Some(why) = v.why() {
            tracing::error!(backup = %v.id, tenant = ?v.of, why, "restore drill failed; see: tenantry backup status");
        }
        drills::finish(write, drill, v.why()).await?;
        write.audit(&v.by, v.of, "backup.drill", json!({ "backup": v.id, "failed": v.why() })).await
    })
}
