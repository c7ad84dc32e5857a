//! The operation that creates a new tenant from a backup of any tenant, without changing existing tenants.
//!
//! It is an arrival whose copies are fetched from the backup store. The rows become the new tenant's rows: adopting a
//! copy rewrites the identity inside the database. Stores that the backup lacks are created empty.

use crate::{
    Error, Result,
    audit::By,
    backups::{self, BackupId, believed, manifest::Manifest},
    control::Write,
};
use crate::{
    arrivals::operation::{CopyOf, Source},
    backups::operations::restore::{Damage, current, fetch_all, not_adopted},
    operations::Context,
};
use serde::{Deserialize, Serialize};
use tenantry_engine::{
    name::{Slug, StoreName, TenantId},
    place::Place,
};

/// The backup to restore.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FromBackup {
    pub(super) backup: BackupId,
    /// Id of the tenant that was backed up.
    pub(super) of: TenantId,
    /// Manifest of the backup, once it was fetched.
    pub(super) manifest: Option<Box<Manifest>>,
    /// Damage found in the backup. Operations of older versions have none.
    #[serde(default)]
    pub(super) damage: Damage,
}

impl Source for FromBackup {
    const KIND: &'static str = "restore_as";
    const BRING: &'static str = "fetch";
    const ACTION: &'static str = "tenant.restore_as";

    fn what(&self, new: &Slug) -> String {
        format!("restore {} as {new}", self.backup)
    }

    fn detail(&self) -> serde_json::Value {
        serde_json::json!({ "backup": self.backup, "of": self.of })
    }

    async fn bring(&mut self, context: &Context, stores: &[StoreName]) -> Result<Vec<CopyOf>> {
        let manifest = backups::manifest_of(context.backups.store()?, Some(self.of), &self.backup).await;
        let manifest = believed(&self.backup, manifest)?;
        let fetched = fetch_all(context, &manifest, |store| stores.contains(store)).await?;
        current(&manifest, &fetched)?;
        self.manifest = Some(Box::new(manifest));
        Ok(fetched.into_iter().map(|f| CopyOf { store: f.copy.store, of: self.of }).collect())
    }

    async fn files(&self, context: &Context, _: &[CopyOf], tenant: TenantId) -> Result<u64> {
        let manifest =
            self.manifest.as_deref().ok_or_else(|| Error::Internal("nothing was fetched".into()))?;
        backups::put_files_back(context, manifest, Some(tenant), |_| true).await
    }

    fn note(&mut self, context: &Context, error: &Error) -> Result<()> {
        self.damage.note(context, error)
    }

    async fn undone(&self, write: &mut Write, by: &By) -> Result<()> {
        self.damage.record(write, by, &self.backup, self.of).await
    }

    fn refused(&self, place: &Place, error: tenantry_engine::Error) -> Error {
        match &self.manifest {
            Some(manifest) => not_adopted(manifest, place, error),
            None => error.into(),
        }
    }
}
