//! Damage that a restore finds in its backup. The undo of the operation records it, so the next restore uses an older
//! backup (`good-means-restorable`).

use crate::{
    Error, Result,
    audit::By,
    backups::{BackupId, catalog},
    control::Write,
    operations::Context,
};
use serde_json::json;
use tenantry_engine::name::TenantId;

/// Description of the damage found in a backup; `None` if no damage was found.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Damage(Option<String>);

impl Damage {
    /// Notes the damage that made a step fail. An unreachable backup store says nothing about its contents.
    pub(crate) fn note(&mut self, context: &Context, error: &Error) -> Result<()> {
        if let Error::BackupDamaged { how, .. } = error {
            context.backups.fresh_store()?;
            self.0 = Some(how.clone());
        }
        Ok(())
    }

    /// Marks the backup as damaged if damage was noted.
    pub(crate) async fn record(
        &self,
        write: &mut Write,
        by: &By,
        backup: &BackupId,
        of: TenantId,
    ) -> Result<()> {
        let Some(damage) = &self.0 else { return Ok(()) };
        catalog::verified(write, backup, Some(damage)).await?;
        write.audit(by, Some(of), "backup.verify", json!({ "backup": backup, "damage": damage })).await
    }
}
