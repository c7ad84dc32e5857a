//! Restores the newest good backup of a tenant. If a backup turns out to be damaged, the restore records its damage,
//! and the next older backup is tried.
//!
//! `tenantry restore create`, `swap` and `clone` call it, and so does `restore_all`.

use crate::backups::{
    BackupId, Restores,
    catalog::{self, Filter},
};
use crate::{
    Error, Result,
    access::Actor,
    operations::{Listed, State},
    tenants,
};
use std::future::Future;
use tenantry_engine::name::{Slug, StoreName};

/// Largest number of good backups that are tried.
const TRIED: u32 = 5;

/// A backup that was restored.
#[derive(Debug, Clone)]
pub struct Newest {
    /// Id of the backup.
    pub backup: BackupId,
    /// Newer backups that are damaged, each with a description of its damage.
    pub passed_over: Vec<(BackupId, String)>,
    /// The finished operation that restored the backup.
    pub operation: Listed,
}

impl Restores<'_> {
    /// Stages a restore of the newest good backup of a tenant, and skips damaged backups. `follow` waits for the end of
    /// an operation and returns it.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the tenant has no good backup, or a restore fails although the backup is intact.
    pub async fn newest<E, F>(
        &self,
        actor: &Actor,
        slug: &Slug,
        stores: Option<Vec<StoreName>>,
        follow: impl Fn(i64) -> F,
    ) -> Result<Newest, E>
    where
        E: From<Error>,
        F: Future<Output = Result<Listed, E>>,
    {
        let start = async |backup: &BackupId| self.start(actor, slug, backup, stores.clone()).await;
        self.newest_whole(slug, start, follow).await
    }

    /// Starts an operation for the newest good backup of a tenant. As long as the operation records that its backup is
    /// damaged, continues with the next older backup.
    ///
    /// # Errors
    /// Returns the errors of [`Restores::newest`].
    pub(crate) async fn newest_whole<E, F>(
        &self,
        slug: &Slug,
        start: impl AsyncFn(&BackupId) -> Result<i64>,
        follow: impl Fn(i64) -> F,
    ) -> Result<Newest, E>
    where
        E: From<Error>,
        F: Future<Output = Result<Listed, E>>,
    {
        let mut passed_over = Vec::new();
        for backup in self.good_backups(slug).await? {
            let operation = follow(start(&backup).await?).await?;
            if operation.state == State::Done {
                return Ok(Newest { backup, passed_over, operation });
            }
            let found = catalog::by_id(&mut self.platform.control().snapshot().await?, &backup).await?;
            if found.state != catalog::State::Damaged {
                let why = operation.error.unwrap_or_else(|| "no reason is recorded".into());
                return Err(Error::Conflict(format!("{}: {why}", operation.what)).into());
            }
            passed_over.push((backup, found.error.unwrap_or_default()));
        }
        let told = |(id, how): &(BackupId, String)| format!("; {id} is damaged: {how}");
        let damaged: String = passed_over.iter().map(told).collect();
        Err(Error::Conflict(format!(
            "{slug} has no good backup{damaged}; make one with: tenantry backup create {slug}; or, for an empty database: tenantry tenant \
             create-database {slug}"
        ))
        .into())
    }

    /// Returns the newest good backup of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when the tenant has no good backup.
    pub async fn newest_good(&self, slug: &Slug) -> Result<BackupId> {
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = Some(tenants::by_slug(&mut tx, slug).await?.id);
        let good = Filter { tenant, state: Some(catalog::State::Good), limit: 1, ..Filter::default() };
        let newest = catalog::list(&mut tx, &good).await?.into_iter().next();
        let none = || {
            Error::Conflict(format!(
                "{slug} has no good backup; make one with: tenantry backup create {slug}"
            ))
        };
        Ok(newest.ok_or_else(none)?.id)
    }

    /// Returns the ids of the newest good backups of a tenant, newest first.
    async fn good_backups(&self, slug: &Slug) -> Result<Vec<BackupId>> {
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = Some(tenants::by_slug(&mut tx, slug).await?.id);
        let good = Filter { tenant, state: Some(catalog::State::Good), limit: TRIED, ..Filter::default() };
        Ok(catalog::list(&mut tx, &good).await?.into_iter().map(|backup| backup.id).collect())
    }
}
