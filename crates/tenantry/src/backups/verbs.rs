//! Backup verbs, behind the commands, the staff API and a tenant's own API.
//!
//! Long work is an operation: the verb returns its id, and [`crate::operations::Operations::watch`] reports its
//! progress.

use super::{
    BackupId,
    catalog::{self, Filter, Listed},
    fetch::{believed, manifest_of},
    manifest::{Manifest, Reason, Whose},
    runs,
    status::{self, Status},
    verify::Verified,
};
use crate::{
    Error, Platform, Result,
    access::Actor,
    audit::By,
    backups::operations::{
        backup::Backup,
        backup_run::BackupRun,
        backup_verify::BackupVerify,
        upkeep::{BackupPrune, BackupRescan},
    },
    tenants::{self, Tenant},
};
use serde::{Deserialize, Serialize};
use tenantry_engine::name::{Slug, StoreName};

pub use super::rescan::Rescanned;

/// The backups that a run makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Slugs of the tenants to back up; `None` for all tenants.
    pub tenants: Option<Vec<Slug>>,
    /// Stores to back up; `None` for all stores.
    pub stores: Option<Vec<StoreName>>,
    /// True to include the platform's own stores.
    pub system: bool,
}

/// A requested backup, and the operation that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Id of the backup, which exists once the operation is done.
    pub backup: BackupId,
    /// Id of the operation.
    pub operation: i64,
}

/// The backups of an installation.
pub struct Backups<'a> {
    pub(super) platform: &'a Platform,
}

impl Platform {
    /// Returns the backups: start, list, verify, prune, status.
    pub fn backups(&self) -> Backups<'_> {
        Backups { platform: self }
    }
}

impl Backups<'_> {
    /// Starts a backup of one tenant: its files, and all its stores or the named ones.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a tenant or store that does not exist; [`Error::Conflict`] when another
    /// operation is open.
    pub async fn start(&self, actor: &Actor, slug: &Slug, stores: Option<Vec<StoreName>>) -> Result<Asked> {
        actor.require_staff()?;
        let by = &actor.by();
        // Check the stores first: a typing error must not appear as a failed backup that alerts an operator.
        stores.iter().flatten().try_for_each(|store| self.platform.config().tenant_store(store).map(drop))?;
        let tenant = tenants::by_slug(&mut self.platform.control().snapshot().await?, slug).await?;
        self.begin(by, Some(whose(tenant)), stores, Reason::Manual).await
    }

    /// Starts a backup of the platform's own stores.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn start_system(&self, actor: &Actor) -> Result<Asked> {
        actor.require_staff()?;
        let by = &actor.by();
        self.begin(by, None, None, Reason::Manual).await
    }

    pub(super) async fn begin(
        &self,
        by: &By,
        tenant: Option<Whose>,
        stores: Option<Vec<StoreName>>,
        reason: Reason,
    ) -> Result<Asked> {
        let backup = BackupId::new(self.platform.control().now_us());
        let mut wanted = Backup::new(by.clone(), backup.clone(), tenant, reason);
        wanted.stores = stores;
        let operation = self.platform.operations().spawn(wanted).await?;
        Ok(Asked { backup, operation })
    }

    /// Makes a tenant's final backup, which retention never removes, and waits for it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when another operation is open; or
    /// the errors of the backup.
    pub async fn take_final(&self, actor: &Actor, slug: &Slug) -> Result<BackupId> {
        actor.require_staff()?;
        let by = &actor.by();
        let tenant = tenants::by_slug(&mut self.platform.control().snapshot().await?, slug).await?;
        let backup = BackupId::new(self.platform.control().now_us());
        let wanted = Backup::new(by.clone(), backup.clone(), Some(whose(tenant)), Reason::Final);
        self.platform.operations().run(wanted).await.map(|_| backup)
    }

    /// Starts a run of backups over many tenants. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a tenant or store that does not exist.
    pub async fn start_run(&self, actor: &Actor, selection: Selection) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        for store in selection.stores.iter().flatten() {
            self.platform.config().store(store.as_str()).ok_or(Error::NotFound("store"))?;
        }
        let mut tx = self.platform.control().snapshot().await?;
        for slug in selection.tenants.iter().flatten() {
            // A missing tenant must be reported now, instead of being left out silently.
            tenants::by_slug(&mut tx, slug).await?;
        }
        drop(tx);
        self.platform.operations().spawn(BackupRun::new(by.clone(), selection, None)).await
    }

    /// Returns backups, newest first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        catalog::list(&mut self.platform.control().snapshot().await?, filter).await
    }

    /// Returns the backups of a tenant, newest first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn of_tenant(&self, slug: &Slug, limit: u32) -> Result<Vec<Listed>> {
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = Some(tenants::by_slug(&mut tx, slug).await?.id);
        catalog::list(&mut tx, &Filter { tenant, limit, ..Filter::default() }).await
    }

    /// Returns the runs over many tenants, newest first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn runs(&self, limit: u32) -> Result<Vec<runs::Run>> {
        runs::list(&mut self.platform.control().snapshot().await?, limit).await
    }

    /// Returns one backup with its manifest. The manifest is `None` if the backup is not good.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such backup; [`Error::Conflict`] for a damaged manifest;
    /// [`Error::Unavailable`] when the backup store cannot be reached.
    pub async fn show(&self, id: &BackupId) -> Result<(Listed, Option<Manifest>)> {
        let listed = catalog::by_id(&mut self.platform.control().snapshot().await?, id).await?;
        if listed.state != catalog::State::Good {
            return Ok((listed, None));
        }
        let found = manifest_of(self.platform.backup_service().store()?, listed.tenant, id).await;
        Ok((listed, Some(believed(id, found)?)))
    }

    /// Fetches a backup, opens it, and compares everything with its manifest. Waits for the result.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such backup; [`Error::Conflict`] for a backup that was not made;
    /// [`Error::Unavailable`] when the backup store cannot be reached.
    pub async fn verify(&self, actor: &Actor, id: &BackupId) -> Result<Verified> {
        actor.require_staff()?;
        let by = &actor.by();
        self.platform.operations().run(self.verification(by, id).await?).await?.found()
    }

    /// Starts a verification. Returns the operation's id; its outcome has the result.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such backup; [`Error::Conflict`] for a backup that was not made.
    pub async fn start_verification(&self, actor: &Actor, id: &BackupId) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        self.platform.operations().spawn(self.verification(by, id).await?).await
    }

    async fn verification(&self, by: &By, id: &BackupId) -> Result<BackupVerify> {
        let listed = catalog::by_id(&mut self.platform.control().snapshot().await?, id).await?;
        match listed.state {
            catalog::State::Good | catalog::State::Damaged => {
                Ok(BackupVerify::new(by.clone(), id.clone(), listed.tenant))
            }
            other => Err(Error::Conflict(format!("backup {id} is {}", other.as_str()))),
        }
    }

    /// Starts the removal of the backups that no retention rule retains any more. Returns the id of the operation.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and the errors of the control store.
    pub async fn start_prune(&self, actor: &Actor) -> Result<i64> {
        actor.require_staff()?;
        self.platform.operations().spawn(BackupPrune::new(actor.by())).await
    }

    /// Removes the backups of all tenants that no retention rule retains any more. Returns the ids of the removed
    /// backups.
    ///
    /// # Errors
    /// Returns the errors of the control store. A backup that cannot be removed is not an error.
    pub async fn prune(&self, actor: &Actor) -> Result<Vec<BackupId>> {
        actor.require_staff()?;
        Ok(self.platform.operations().run(BackupPrune::new(actor.by())).await?.named())
    }

    /// Starts a scan for backups that the catalog lacks. Returns the id of the operation.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and the errors of the control store.
    pub async fn start_rescan(&self, actor: &Actor) -> Result<i64> {
        actor.require_staff()?;
        self.platform.operations().spawn(self.a_rescan(actor)).await
    }

    fn a_rescan(&self, actor: &Actor) -> BackupRescan {
        BackupRescan::new(actor.by(), self.platform.config().retention.retention_days)
    }

    /// Adds the backups that are in the backup store but not in the catalog.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] when the backup store cannot be read.
    pub async fn rescan(&self, actor: &Actor) -> Result<Rescanned> {
        actor.require_staff()?;
        self.platform.operations().run(self.a_rescan(actor)).await?.found()
    }

    /// Puts, reads and removes a small object. If that fails, returns in one line why backups cannot be stored now,
    /// with the remedy. Returns `None` on success.
    pub async fn store_trouble(&self) -> Option<String> {
        let trouble = match self.platform.backup_service().fresh_store() {
            Ok(store) => store.probe().await.err()?,
            Err(error) => error.to_string(),
        };
        Some(format!("backup store {}: {trouble}", self.platform.config().backups.target))
    }

    /// Returns the tenants that schedules name but that do not exist, each with the name of the schedule.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn unknown_tenants(&self) -> Result<Vec<(String, Slug)>> {
        let mut tx = self.platform.control().snapshot().await?;
        let mut unknown = Vec::new();
        for schedule in &self.platform.config().backups.schedules {
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

    /// Computes the current state of the backups.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn status(&self) -> Result<Status> {
        status::status(self.platform.control(), self.platform.backup_service()).await
    }

    /// Returns the state that the background pass last computed, at most about a minute ago, or `None` if no pass has
    /// run yet.
    pub fn remembered_status(&self) -> Option<Status> {
        self.platform.backup_service().remembered().get().map(|(_, status)| status)
    }
}

pub(super) fn whose(tenant: Tenant) -> Whose {
    Whose { id: tenant.id, slug: tenant.slug, name: tenant.name, created_at_us: Some(tenant.created_at_us) }
}
