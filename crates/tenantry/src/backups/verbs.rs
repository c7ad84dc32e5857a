//! Backup verbs, behind the commands, the staff API and a tenant's own API.
//!
//! The caller has already authorised the actor. Long work is an operation: the verb returns its id, and
//! [`crate::operations::Operations::watch`] reports its progress.

use super::{
    BackupId,
    catalog::{self, Filter, Listed},
    expire::{expired, remove_expired},
    fetch::{believed, manifest_of},
    manifest::{Manifest, Reason, TableSum, Whose},
    rescan, runs,
    status::{self, Status},
    verify::Verified,
};
use crate::{
    Error, Platform, Result,
    access::{Actor, Tenant as Entered},
    audit::By,
    backups::operations::{backup::Backup, backup_run::BackupRun, backup_verify::BackupVerify},
    clock::SECOND_US,
    control::params,
    tenants::{self, Tenant},
    topology::{PlacementState, placement},
};
use serde::{Deserialize, Serialize};
use tenantry_engine::name::{Slug, StoreName, TenantId};

pub use super::rescan::Rescanned;

/// Shortest time between two backups that a tenant starts itself.
const OWN_EVERY_US: i64 = 600 * SECOND_US;

/// Which backups a run makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// `None`: all tenants.
    pub tenants: Option<Vec<Slug>>,
    /// `None`: all stores.
    pub stores: Option<Vec<StoreName>>,
    /// Includes the platform's own stores.
    pub system: bool,
}

/// A requested backup, and the operation that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Id of the backup, which exists when the operation is done.
    pub backup: BackupId,
    /// The operation.
    pub operation: i64,
}

impl Platform {
    /// Starts a backup of one tenant: its files, and all its stores or those named.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a tenant or store that does not exist; [`Error::Conflict`] when another operation is
    /// open.
    pub async fn start_backup(
        &self,
        actor: &Actor,
        slug: &Slug,
        stores: Option<Vec<StoreName>>,
    ) -> Result<Asked> {
        actor.require_staff()?;
        let by = &actor.by();
        // A typing error must not appear as a failed backup that alerts an operator.
        stores.iter().flatten().try_for_each(|store| self.tenant_store(store).map(drop))?;
        let tenant = tenants::by_slug(&mut self.control().snapshot().await?, slug).await?;
        self.begin_backup(by, Some(whose(tenant)), stores, Reason::Manual).await
    }

    /// Returns the backups of the entered tenant, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`] unless the actor manages the tenant.
    pub async fn own_backups(&self, tenant: &Entered) -> Result<Vec<Listed>> {
        tenant.require_manager()?;
        let filter = Filter { tenant: Some(tenant.id()), limit: 1000, ..Filter::default() };
        self.list_backups(&filter).await
    }

    /// Starts a backup of the entered tenant. At most one every few minutes, because backups take the platform's space.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when the last backup is too recent; [`Error::Denied`] unless the actor manages the tenant.
    pub async fn start_own_backup(&self, tenant: &Entered) -> Result<Asked> {
        tenant.require_manager()?;
        let mut tx = self.control().snapshot().await?;
        let filter = Filter { tenant: Some(tenant.id()), limit: 1, ..Filter::default() };
        let newest = catalog::list(&mut tx, &filter).await?.into_iter().next();
        let again_us = newest.map_or(0, |b| b.at_us + OWN_EVERY_US - self.control().now_us());
        // Further ahead: a wrong clock dated the newest backup.
        if (1..=OWN_EVERY_US).contains(&again_us) {
            let retry_after_seconds = u64::try_from(again_us / SECOND_US).unwrap_or(0) + 1;
            return Err(Error::RateLimited { retry_after_seconds });
        }
        let whose = whose(tenants::by_id(&mut tx, tenant.id()).await?);
        drop(tx);
        self.begin_backup(&tenant.actor().by(), Some(whose), None, Reason::Manual).await
    }

    /// Starts a backup of the platform's own stores.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn start_system_backup(&self, actor: &Actor) -> Result<Asked> {
        actor.require_staff()?;
        let by = &actor.by();
        self.begin_backup(by, None, None, Reason::Manual).await
    }

    async fn begin_backup(
        &self,
        by: &By,
        tenant: Option<Whose>,
        stores: Option<Vec<StoreName>>,
        reason: Reason,
    ) -> Result<Asked> {
        let backup = BackupId::new(self.control().now_us());
        let mut wanted = Backup::new(by.clone(), backup.clone(), tenant, reason);
        wanted.stores = stores;
        let operation = self.operations().spawn(wanted).await?;
        Ok(Asked { backup, operation })
    }

    /// Takes a tenant's final backup, which retention leaves alone, and waits for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when another operation is open; those of
    /// the backup.
    pub async fn final_backup(&self, actor: &Actor, slug: &Slug) -> Result<BackupId> {
        actor.require_staff()?;
        let by = &actor.by();
        let tenant = tenants::by_slug(&mut self.control().snapshot().await?, slug).await?;
        let backup = BackupId::new(self.control().now_us());
        let wanted = Backup::new(by.clone(), backup.clone(), Some(whose(tenant)), Reason::Final);
        self.operations().run(wanted).await.map(|_| backup)
    }

    /// Starts a run over many tenants. Returns the operation's id.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a tenant or store that does not exist.
    pub async fn start_backup_run(&self, actor: &Actor, selection: Selection) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        for store in selection.stores.iter().flatten() {
            self.config().store(store.as_str()).ok_or(Error::NotFound("store"))?;
        }
        let mut tx = self.control().snapshot().await?;
        for slug in selection.tenants.iter().flatten() {
            // A missing tenant must be reported now, not silently left out.
            tenants::by_slug(&mut tx, slug).await?;
        }
        drop(tx);
        self.operations().spawn(BackupRun::new(by.clone(), selection, None)).await
    }

    /// Lists backups, newest first.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn list_backups(&self, filter: &Filter) -> Result<Vec<Listed>> {
        catalog::list(&mut self.control().snapshot().await?, filter).await
    }

    /// Lists backups of a tenant, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn tenant_backups(&self, slug: &Slug, limit: u32) -> Result<Vec<Listed>> {
        let mut tx = self.control().snapshot().await?;
        let tenant = Some(tenants::by_slug(&mut tx, slug).await?.id);
        catalog::list(&mut tx, &Filter { tenant, limit, ..Filter::default() }).await
    }

    /// Returns the newest good backup of a tenant.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the tenant has no good backup.
    pub async fn newest_good_backup(&self, slug: &Slug) -> Result<BackupId> {
        let mut tx = self.control().snapshot().await?;
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

    /// Lists runs over many tenants, newest first.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn backup_runs(&self, limit: u32) -> Result<Vec<runs::Run>> {
        runs::list(&mut self.control().snapshot().await?, limit).await
    }

    /// Returns one backup with its manifest. The manifest is `None` if the backup is not good.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such backup; [`Error::Conflict`] for a damaged manifest;
    /// [`Error::Unavailable`] when the backup store cannot be reached.
    pub async fn show_backup(&self, id: &BackupId) -> Result<(Listed, Option<Manifest>)> {
        let listed = catalog::by_id(&mut self.control().snapshot().await?, id).await?;
        if listed.state != catalog::State::Good {
            return Ok((listed, None));
        }
        let found = manifest_of(self.backups().store()?, listed.tenant, id).await;
        Ok((listed, Some(believed(id, found)?)))
    }

    /// Fetches a backup, opens it and compares everything with its manifest. Waits for the result.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such backup; [`Error::Conflict`] for a backup that was not made;
    /// [`Error::Unavailable`] when the backup store cannot be reached.
    pub async fn verify_backup(&self, actor: &Actor, id: &BackupId) -> Result<Verified> {
        actor.require_staff()?;
        let by = &actor.by();
        self.operations().run(self.verification(by, id).await?).await?.found()
    }

    /// Starts a verification. Returns the operation's id; its outcome has the result.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such backup; [`Error::Conflict`] for a backup that was not made.
    pub async fn start_verify_backup(&self, actor: &Actor, id: &BackupId) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        self.operations().spawn(self.verification(by, id).await?).await
    }

    async fn verification(&self, by: &By, id: &BackupId) -> Result<BackupVerify> {
        let listed = catalog::by_id(&mut self.control().snapshot().await?, id).await?;
        match listed.state {
            catalog::State::Good | catalog::State::Damaged => {
                Ok(BackupVerify::new(by.clone(), id.clone(), listed.tenant))
            }
            other => Err(Error::Conflict(format!("backup {id} is {}", other.as_str()))),
        }
    }

    /// Removes backups that retention no longer wants, of all tenants. Returns the removed ones.
    ///
    /// # Errors
    /// Those of the control store. A backup that cannot be removed is not an error.
    pub async fn prune_backups(&self, actor: &Actor) -> Result<Vec<BackupId>> {
        actor.require_staff()?;
        let by = &actor.by();
        let (world, mut gone, mut after) = (self.world(), Vec::new(), -1);
        loop {
            // The platform's own backups count as tenant 0, an id that no tenant has.
            let sql =
                "SELECT DISTINCT coalesce(tenant, 0) AS t FROM backups WHERE t > ? ORDER BY t LIMIT 100";
            let rows = self.control().snapshot().await?.query(sql, params![after]).await?;
            if rows.is_empty() {
                return Ok(gone);
            }
            for row in rows {
                after = row.integer(0)?;
                let tenant = (after > 0).then(|| TenantId::from_raw(after));
                let expired = expired(self.control(), self.backups(), tenant).await?;
                gone.extend(remove_expired(&world, by, &expired).await?);
            }
        }
    }

    /// Adds backups that are in the backup store but not in the catalog.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the backup store cannot be read.
    pub async fn rescan_backups(&self, actor: &Actor) -> Result<Rescanned> {
        actor.require_staff()?;
        let by = &actor.by();
        rescan::rescan(&self.world(), by, self.config().retention.retention_days).await
    }

    /// Returns rows and checksums of all data of a tenant, as in manifests. The same content has the same checksums in
    /// every isolation.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Engine`] for a database that cannot be read.
    pub async fn tenant_checksums(&self, slug: &Slug) -> Result<Vec<(StoreName, Vec<TableSum>)>> {
        let mut tx = self.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let placements = placement::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let (mut all, databases) = (Vec::new(), self.loaded().databases.clone());
        for place in placements.into_iter().filter(|p| p.state == PlacementState::Ready).map(|p| p.place) {
            let schema = databases.schema(&place.store)?;
            let digest = databases.engine().digest(&place, &schema).await?;
            all.push((place.store, digest.tables.into_iter().map(TableSum::of).collect()));
        }
        Ok(all)
    }

    /// Explains in one line, with the remedy, why backups cannot be stored now. `None`: a small object was put, read
    /// and removed.
    pub async fn backup_store_trouble(&self) -> Option<String> {
        let trouble = match self.backups().fresh_store() {
            Ok(store) => store.probe().await.err()?,
            Err(error) => error.to_string(),
        };
        Some(format!("backup store {}: {trouble}", self.config().backups.target))
    }

    /// Returns the tenants that schedules name and that do not exist, each with its schedule.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn unknown_scheduled_tenants(&self) -> Result<Vec<(String, Slug)>> {
        let mut tx = self.control().snapshot().await?;
        let mut unknown = Vec::new();
        for schedule in &self.config().backups.schedules {
            for slug in schedule.tenants.iter().flatten() {
                match tenants::by_slug(&mut tx, slug).await {
                    Ok(tenant) if tenant.state != tenants::State::Gone => {}
                    Ok(_) | Err(Error::NotFound(_)) => {
                        unknown.push((schedule.name.to_string(), slug.clone()))
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(unknown)
    }

    /// Computes the state of backups now.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn backup_status(&self) -> Result<Status> {
        status::status(self.control(), self.backups()).await
    }

    /// Returns the state that the background pass computed, at most about a minute ago. `None`: no pass has run yet.
    pub fn remembered_backup_status(&self) -> Option<Status> {
        self.backups().remembered().get().map(|(_, status)| status)
    }
}

pub(super) fn whose(tenant: Tenant) -> Whose {
    Whose { id: tenant.id, slug: tenant.slug, name: tenant.name, created_at_us: Some(tenant.created_at_us) }
}
