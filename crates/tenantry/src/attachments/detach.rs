//! Detaches a database: the tenant's requests go to the pool again, with the rows of the database or without them.

use super::{Attachments, is_attached, row};
use crate::{
    Error, Result,
    access::Actor,
    audit::By,
    control::Subject,
    moves::attach::{give_way, refuse_operations},
    platform::databases::pool_place,
    tenants::{
        self,
        databases::placing::{own, own_isolation},
    },
    topology::{Placement, PlacementState, Policy, placement, record as placements, swap},
};
use serde_json::json;
use tenantry_engine::{
    name::{Slug, StoreName, TenantId},
    place::Place,
};

/// What becomes of the rows in a database that is detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// They are moved into the pool, by an operation, while the tenant works.
    TakeData,
    /// They stay in the database, where its owner has them. The tenant begins without rows.
    LeaveData,
}

impl Attachments<'_> {
    /// Detaches the database of the tenant's store. With [`Leaving::TakeData`], an operation moves its rows into the
    /// pool first; returns the operation's id. With [`Leaving::LeaveData`], the tenant begins anew in the pool, or has
    /// no database if the store has no pool; that also works while the database does not answer. The platform's own
    /// tables are removed from the database, and its other tables stay.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser or the operator; [`Error::NotFound`] if there is no
    /// such tenant or attachment; [`Error::Conflict`] if the store has no pool to which rows could be moved, an
    /// operation is open, or rows of the tenant are still retained in the pool.
    pub async fn detach(
        &self,
        actor: &Actor,
        slug: &Slug,
        store: &StoreName,
        leaving: Leaving,
    ) -> Result<Option<i64>> {
        Self::require_superuser(actor)?;
        let config = self.platform.config().tenant_store(store)?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let all = placement::of_tenant(&mut tx, tenant).await?;
        let retained = swap::retained(&mut tx, tenant).await?;
        drop(tx);
        let of = |p: &&Placement| p.place.store == *store && p.state == PlacementState::Ready;
        let from = all.iter().find(of).filter(|p| is_attached(&p.place.server));
        let from = from.ok_or(Error::NotFound("attachment"))?;
        let pool = pool_place(self.platform.config(), config)?;
        match (leaving, pool) {
            (Leaving::TakeData, None) => Err(Error::Conflict(format!(
                "store {store} has no pool for the rows: leave them with --leave-data, or set stores.{store}.pooled_in"
            ))),
            (Leaving::TakeData, Some(_)) => {
                let new = self.platform.tenants().pooled(config, Policy::Managed)?;
                let leg = (from.clone(), new);
                self.platform.moves().detaching(&actor.by(), (slug, tenant), leg).await.map(Some)
            }
            (Leaving::LeaveData, pool) => {
                let in_pool = |old: &Placement| old.place.store == *store && old.place.isolation.is_pooled();
                if pool.is_some() && retained.iter().any(in_pool) {
                    return Err(Error::Conflict(format!(
                        "rows from before the attachment are retained in the pool: remove them with tenantry tenant \
                         release {slug} --store {store}, or move the present rows with --take-data"
                    )));
                }
                self.leave(&actor.by(), (slug, tenant), &from.place, pool.is_some()).await?;
                Ok(None)
            }
        }
    }

    /// Routes the tenant to the pool, or to nothing, in one commit. Then takes the identity out of the database.
    async fn leave(
        &self,
        by: &By,
        (slug, tenant): (&Slug, TenantId),
        from: &Place,
        has_pool: bool,
    ) -> Result<()> {
        let (platform, engine) = (self.platform, &self.platform.0.engine);
        let config = platform.config().tenant_store(&from.store)?;
        // A database that does not answer takes no writes either.
        if let Err(error) = engine.fence(from, true).await {
            tracing::warn!(%error, place = %from, "detached without a fence");
        }
        let new = match has_pool {
            true => platform.tenants().pooled(config, Policy::Managed)?,
            false => {
                let server = config.servers.first().ok_or(Error::NotFound("server"))?;
                let new = own(platform.config(), config, slug, server, own_isolation(config))?;
                new.with_policy(Policy::External)
            }
        };
        let mut trial = platform.control().begin().await?;
        let place = give_way(&mut trial, tenant, &new).await?;
        trial.roll_back().await?;
        let version = match has_pool {
            true => Some(self.enter_pool(&place).await?),
            false => None,
        };
        let mut write = platform.control().begin().await?;
        let ready = swap::ready(&mut write, tenant, &from.store).await?;
        if ready.is_none_or(|ready| ready.place != *from) {
            return Err(Error::Conflict("the tenant's databases were changed meanwhile: look again".into()));
        }
        refuse_operations(&mut write, tenant).await?;
        placements::set_gone(&mut write, from).await?;
        placements::insert_made(&mut write, &new, &place).await?;
        if let Some(version) = &version {
            placements::set_ready(&mut write, &place, Some(version)).await?;
        }
        let detail = json!({ "store": from.store, "server": from.server, "left_data": true });
        write.audit(by, Some(tenant), "tenant.detach", detail).await?;
        write.invalidate(&Subject::Tenant(tenant)).await?;
        write.commit().await?;
        // Nothing routes to the database any more. If this process ends here, a background pass forgets its address.
        if let Err(error) = engine.drop_database(from).await {
            tracing::warn!(%error, place = %from, "the platform's own tables stay in a detached database");
        }
        let mut write = platform.control().begin().await?;
        row::leave_unneeded(&mut write, &from.server).await?;
        write.commit_unaudited().await
    }

    /// Gives the tenant an empty place in the pool. Removes what an interrupted attempt left there: the catalog has no
    /// place of the tenant in this pool.
    async fn enter_pool(&self, place: &Place) -> Result<String> {
        let engine = &self.platform.0.engine;
        if let Some(left) = engine.generation_in(place).await? {
            let generation = u64::try_from(left).unwrap_or(0);
            engine.withdraw(&Place { generation, ..place.clone() }).await?;
        }
        self.platform.loaded().databases.make(place).await
    }
}
