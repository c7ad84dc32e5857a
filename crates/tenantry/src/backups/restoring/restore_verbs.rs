//! Restore verbs, behind `tenantry restore` and the staff API.
//!
//! A restore is staged until it is swapped in. Each verb starts an operation and returns its id.

use crate::{
    Error, Platform, Result,
    access::Actor,
    audit::By,
    backups::{
        BackupId, catalog,
        operations::{
            restore::Restore as RestoreOperation, restore_discard::RestoreDiscard, restore_swap::RestoreSwap,
        },
        restores::{self, Restore},
        verbs::whose,
    },
    operations::Context,
    tenants::{self, databases::placing::own_base},
    topology::{NewPlacement, Placement, PlacementState, Policy, placement},
};
use serde::Serialize;
use tenantry_engine::{
    ModelDiff,
    name::{PhysicalName, Slug, StoreName},
    place::{EngineKind, Isolation, Place},
};

/// Changes that a swap would make in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the store.
    pub store: StoreName,
    /// Rows that would be added, changed and removed, by model; `None` if the live database is lost.
    pub models: Option<Vec<ModelChange>>,
}

/// Changes that a swap would make in one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelChange {
    /// Name of the model.
    pub model: String,
    /// Number of rows that would be added.
    pub added: u64,
    /// Number of rows that would be changed.
    pub changed: u64,
    /// Number of rows that would be removed.
    pub removed: u64,
}

/// Restores of tenants from backups.
pub struct Restores<'a> {
    pub(super) platform: &'a Platform,
}

impl Platform {
    /// Returns the restores: start, compare, swap in, undo, discard, drill.
    pub fn restores(&self) -> Restores<'_> {
        Restores { platform: self }
    }
}

impl Restores<'_> {
    /// Starts restoring a backup into staged databases. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the tenant, backup or store does not exist; [`Error::Conflict`] for another
    /// tenant's backup, external stores, or a tenant without databases.
    pub async fn start(
        &self,
        actor: &Actor,
        slug: &Slug,
        backup: &BackupId,
        stores: Option<Vec<StoreName>>,
    ) -> Result<i64> {
        actor.require_staff()?;
        self.stage(&actor.by(), slug, backup, stores, None).await
    }

    /// Starts a restore like [`Restores::start`], without checking the actor, which the caller has done. With a number
    /// of hours, the platform discards the staged restore after that time.
    pub(super) async fn stage(
        &self,
        by: &By,
        slug: &Slug,
        backup: &BackupId,
        stores: Option<Vec<StoreName>>,
        hours: Option<u32>,
    ) -> Result<i64> {
        stores.iter().flatten().try_for_each(|store| self.platform.config().tenant_store(store).map(drop))?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?;
        if catalog::by_id(&mut tx, backup).await?.tenant != Some(tenant.id) {
            return Err(Error::Conflict(format!(
                "backup {backup} is not of {slug}: make a new tenant of it with --as"
            )));
        }
        let (mut places, mut brought) = (Vec::new(), Vec::new());
        for placement in placement::of_tenant(&mut tx, tenant.id).await? {
            match (placement.state, placement.policy) {
                (PlacementState::Ready, Policy::External) => brought.push(placement.place.store),
                (PlacementState::Ready, _) => {
                    places.push((placement.place.clone(), self.own(&placement, slug)?))
                }
                _ => {}
            }
        }
        drop(tx);
        refuse_brought(&brought, stores.as_deref(), places.is_empty())?;
        if places.is_empty() {
            return Err(Error::Conflict(format!(
                "{slug} has no databases: run tenantry tenant create-database {slug} first"
            )));
        }
        let operation =
            RestoreOperation::new(by.clone(), backup.clone(), whose(tenant), places, brought, stores);
        self.platform.operations().spawn(operation.expiring(hours)).await
    }

    /// Returns the staged restore of a tenant, and the changes that swapping it in would make.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when nothing is staged.
    pub async fn show(&self, slug: &Slug) -> Result<(Restore, Vec<Difference>)> {
        let nothing = || {
            Error::Conflict(format!(
                "no restore is staged for {slug}; start with: tenantry restore create {slug}"
            ))
        };
        let restore = self.staged(slug).await?.ok_or_else(nothing)?;
        let mut differences = Vec::new();
        for pair in &restore.stores {
            differences.push(compare(&self.platform.context(), &pair.live, &pair.other).await?);
        }
        Ok((restore, differences))
    }

    /// Returns the staged restore of a tenant, or `None` if nothing is staged.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn staged(&self, slug: &Slug) -> Result<Option<Restore>> {
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        restores::latest(&mut tx, tenant, restores::State::Staged).await
    }

    /// Starts swapping the staged restore in. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when nothing is staged, or another
    /// operation is open.
    pub async fn swap(&self, actor: &Actor, slug: &Slug) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        self.turn(by, slug, false).await
    }

    /// Starts undoing the last swap. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when there is no swap to undo, or
    /// another operation is open.
    pub async fn undo(&self, actor: &Actor, slug: &Slug) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        self.turn(by, slug, true).await
    }

    async fn turn(&self, by: &By, slug: &Slug, back: bool) -> Result<i64> {
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let mut keepers = Vec::new();
        for placement in placement::of_tenant(&mut tx, tenant).await? {
            if placement.place.isolation.is_pooled() {
                keepers.push(self.own(&placement, slug)?);
            }
        }
        drop(tx);
        let keep_us = self.platform.config().operations.keep_moved_us();
        let swap = RestoreSwap::new(by.clone(), tenant, slug.clone(), back, keep_us, keepers);
        self.platform.operations().spawn(swap).await
    }

    /// Returns the placement of the tenant's own schema or database, on the server where its rows are now. The catalog
    /// adds the generation.
    fn own(&self, placement: &Placement, slug: &Slug) -> Result<NewPlacement> {
        let (place, config) = (&placement.place, self.platform.config());
        let is_postgres =
            config.server(place.server.as_str()).is_some_and(|s| s.engine() == EngineKind::Postgres);
        let (isolation, base) = match place.isolation {
            // The rows of one tenant in a pool are few: on PostgreSQL, a schema costs less than a database.
            Isolation::Pooled if is_postgres => {
                (Isolation::Schema, own_base(config, &place.store, slug, &place.server))
            }
            Isolation::Pooled => (Isolation::Database, own_base(config, &place.store, slug, &place.server)),
            isolation => (isolation, placement.base.clone()),
        };
        Ok(NewPlacement {
            store: place.store.clone(),
            server: place.server.clone(),
            isolation,
            policy: Policy::Managed,
            base: PhysicalName::parse(&base)?,
            numbered: config.tenant_store(&place.store)?.numbered,
        })
    }

    /// Discards the staged restore of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when nothing is staged, or another
    /// operation is open.
    pub async fn discard(&self, actor: &Actor, slug: &Slug) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let tenant = self.platform.tenants().id_of(slug).await?;
        let discard = RestoreDiscard::new(by.clone(), tenant, slug.clone());
        self.platform.operations().run(discard).await.map(drop)
    }

    /// Discards at most `most` staged restores that have expired. A restore that another operation uses is left for the
    /// next pass. The reconciler calls this.
    pub(crate) async fn discard_expired(&self, most: u32) -> Result<()> {
        let control = self.platform.control();
        let expired = restores::expired(&mut control.snapshot().await?, control.due_us(), most).await?;
        for restore in expired {
            let slug = tenants::by_id(&mut control.snapshot().await?, restore.tenant).await?.slug;
            let discard = RestoreDiscard::new(By::system(), restore.tenant, slug).only(restore.id);
            match self.platform.operations().run(discard).await {
                Ok(_) | Err(Error::Conflict(_) | Error::Occupied(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Refuses external stores, which only their owner can replace. A restore leaves them out unless the request names
/// them, or the tenant has no other stores.
fn refuse_brought(brought: &[StoreName], wanted: Option<&[StoreName]>, no_other: bool) -> Result<()> {
    let named = brought.iter().filter(|store| wanted.is_some_and(|wanted| wanted.contains(store)));
    let refused: Vec<_> =
        if no_other && wanted.is_none() { brought.iter().collect() } else { named.collect() };
    if refused.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = refused.iter().map(|store| store.as_str()).collect();
    Err(Error::Conflict(format!(
        "the database of {} was brought by its owner, who restores it too: make a new tenant of the backup, or take \
         the database out of it",
        names.join(", ")
    )))
}

async fn compare(context: &Context, live: &Place, other: &Place) -> Result<Difference> {
    let schema = context.databases.schema(&live.store)?;
    let found = match context.databases.engine().compare(live, other, &schema).await {
        Ok(found) => Some(found),
        // Either database may be the cause, but only the one in use can be lost here.
        Err(error) => match context.databases.engine().lost(live).await? {
            Some(_) => None,
            None => return Err(error.into()),
        },
    };
    let change = |d: ModelDiff| ModelChange {
        model: d.model.to_string(),
        added: d.added,
        changed: d.changed,
        removed: d.removed,
    };
    let models = found.map(|all| all.into_iter().map(change).collect());
    Ok(Difference { store: live.store.clone(), models })
}
