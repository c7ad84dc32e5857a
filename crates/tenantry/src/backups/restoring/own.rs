//! Restores that a tenant's manager stages, inspects, and takes single records back from. Only staff can swap a restore
//! in.

use super::{restore_verbs::Difference, restores::Restore};
use crate::{
    Error, Result,
    backups::{BackupId, believed, manifest_of, operations::restore_discard::RestoreDiscard, put_files_back},
    records::{Differences, Records, TakenBack},
    tenants::OwnTenant,
};
use std::collections::HashSet;
use tenantry_engine::{name::StoreName, place::Place, query::RecordId};
use uuid::Uuid;

impl OwnTenant<'_> {
    /// Starts restoring a backup of the tenant into staged databases, for `backups.comparison_hours`. Returns the
    /// operation's id.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; or the errors of
    /// [`super::restore_verbs::Restores::start`].
    pub async fn stage_backup(&self, backup: &BackupId, stores: Option<Vec<StoreName>>) -> Result<i64> {
        self.tenant.require_manager()?;
        let by = self.tenant.actor().by();
        let hours = Some(self.platform.config().backups.comparison_hours).filter(|hours| *hours > 0);
        self.platform.restores().stage(&by, self.tenant.slug(), backup, stores, hours).await
    }

    /// Returns the staged restore, and the number of records that differ from the data in use.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; [`Error::Conflict`] when nothing is staged.
    pub async fn staged_backup(&self) -> Result<(Restore, Vec<Difference>)> {
        self.tenant.require_manager()?;
        self.staged().await?;
        self.platform.restores().show(self.tenant.slug()).await
    }

    /// Returns the staged restore, or `None` if nothing is staged.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant.
    pub async fn staged_restore(&self) -> Result<Option<Restore>> {
        self.tenant.require_manager()?;
        self.platform.restores().staged(self.tenant.slug()).await
    }

    async fn staged(&self) -> Result<Restore> {
        let staged = self.platform.restores().staged(self.tenant.slug()).await?;
        staged.ok_or_else(|| Error::Conflict("no backup is staged: stage one first".into()))
    }

    /// Discards the staged restore.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; [`Error::Conflict`] when nothing is staged, or
    /// another operation is open.
    pub async fn discard_staged(&self) -> Result<()> {
        self.tenant.require_manager()?;
        let discard =
            RestoreDiscard::new(self.tenant.actor().by(), self.tenant.id(), self.tenant.slug().clone());
        self.platform.operations().run(discard).await.map(drop)
    }

    /// Returns a page of the records of a model that differ from the records in the staged backup.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant and may read the model; [`Error::Conflict`] when
    /// nothing is staged.
    pub async fn differences(&self, model: &str, after: Option<&str>, limit: usize) -> Result<Differences> {
        let (records, place, _) = self.records_and_staged(model).await?;
        let after = after.map(|id| records.parse_id(id)).transpose()?;
        records.differing(&place, after, limit).await
    }

    /// Takes records of a model back from the staged backup: all of them or none.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant and may write the model; [`Error::Conflict`] when
    /// nothing is staged; or the errors of the writes.
    pub async fn take_back(&self, model: &str, ids: &[String]) -> Result<TakenBack> {
        let (records, place, backup) = self.records_and_staged(model).await?;
        let ids = ids.iter().map(|id| records.parse_id(id)).collect::<Result<Vec<RecordId>>>()?;
        let put_back = async |files: &[String]| {
            let context = self.platform.context();
            let wanted: HashSet<Uuid> = files.iter().filter_map(|id| id.parse().ok()).collect();
            let tenant = Some(self.tenant.id());
            let manifest = manifest_of(context.backups.store()?, tenant, &backup).await;
            let manifest = believed(&backup, manifest)?;
            put_files_back(&context, &manifest, tenant, move |id| wanted.contains(&id)).await.map(drop)
        };
        let taken = records.take_back(&place, &ids, put_back).await?;
        let mut write = self.platform.control().begin().await?;
        let detail = serde_json::json!({"model": model, "backup": backup.to_string(), "created": taken.created,
            "changed": taken.changed});
        write.audit(&self.tenant.actor().by(), Some(self.tenant.id()), "tenant.take_back", detail).await?;
        write.commit().await?;
        Ok(taken)
    }

    async fn records_and_staged(&self, model: &str) -> Result<(Records<'_>, Place, BackupId)> {
        self.tenant.require_manager()?;
        let records = self.platform.records(self.tenant, model)?;
        let staged = self.staged().await?;
        let store = &records.model().store;
        let pair = staged.stores.into_iter().find(|pair| pair.live.store == *store);
        let pair = pair.ok_or_else(|| Error::Conflict(format!("the staged backup has no {model}")))?;
        Ok((records, pair.other, staged.backup))
    }
}
