//! The operations on the whole backup store: `backup_prune` removes what retention gives up, and `backup_rescan` adds unknown
//! backups to the catalog.
//!
//! Each has one step, which may be repeated: it continues with what is left. What is removed or added stays, whatever becomes
//! of the operation.

use crate::{
    Error, Result,
    audit::By,
    backups::{BackupId, Rescanned, expire, rescan},
    operations::{Context, Operation, Step, step},
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::name::TenantId;

/// Number of removed backups that the outcome names. The others are only counted.
const NAMED: usize = 1000;

/// State of the operation that applies retention to all backups.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct BackupPrune {
    by: By,
    removed: u64,
    named: Vec<BackupId>,
}

impl BackupPrune {
    pub(in crate::backups) fn new(by: By) -> Self {
        Self { by, removed: 0, named: vec![] }
    }

    /// Returns the removed backups, at most 1000.
    pub(in crate::backups) fn named(self) -> Vec<BackupId> {
        self.named
    }
}

impl Operation for BackupPrune {
    const KIND: &'static str = "backup_prune";

    fn steps() -> &'static [Step<Self>] {
        &[Step::Outside { name: "remove", run: remove, undo: step::leave }]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        "remove the backups whose retention has ended".into()
    }

    fn outcome(&self) -> serde_json::Value {
        json!({ "removed": self.removed, "backups": self.named })
    }
}

fn remove<'a>(context: &'a Context, prune: &'a mut BackupPrune) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let by = prune.by.clone();
        expire::remove_all_expired(context, &by, |gone| {
            prune.removed += gone.len() as u64;
            prune.named.extend(gone.into_iter().take(NAMED.saturating_sub(prune.named.len())));
        })
        .await
    })
}

/// State of the operation that adds unknown backups to the catalog.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct BackupRescan {
    by: By,
    /// Number of days for which tenants that were purged since stay closed.
    retention_days: u32,
    found: Option<Rescanned>,
}

impl BackupRescan {
    pub(in crate::backups) fn new(by: By, retention_days: u32) -> Self {
        Self { by, retention_days, found: None }
    }

    /// Returns what was found.
    pub(in crate::backups) fn found(self) -> Result<Rescanned> {
        self.found.ok_or_else(|| Error::Internal("a rescan without a result".into()))
    }
}

impl Operation for BackupRescan {
    const KIND: &'static str = "backup_rescan";

    fn steps() -> &'static [Step<Self>] {
        &[Step::Outside { name: "scan", run: scan, undo: step::leave }]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        "add unknown backups to the catalog".into()
    }

    fn outcome(&self) -> serde_json::Value {
        json!(self.found)
    }
}

fn scan<'a>(context: &'a Context, scan: &'a mut BackupRescan) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        scan.found = Some(rescan::rescan(context, &scan.by, scan.retention_days).await?);
        Ok(())
    })
}
