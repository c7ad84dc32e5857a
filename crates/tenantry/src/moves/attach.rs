//! Attaches a database that the platform did not create to a tenant: an operator names it, and the platform checks and
//! records it.
//!
//! The command line and the staff API call it. It never creates a file and never searches for one: the operator names
//! the database once, and the catalog records it from then on.

use super::Moves;
use crate::{
    Error, Result,
    access::Actor,
    audit::By,
    config::{Provision, StoreConfig},
    control::{Subject, Write, params},
    tenants::{self, databases::placing},
    topology::{NewPlacement, Placement, PlacementState, Policy, placement, record as placements},
};
use tenantry_engine::{
    Kind,
    engine::Session,
    name::{PhysicalName, ServerName, Slug, StoreName, TenantId},
    place::{Isolation, Place},
    query::Filter,
};

/// The database to attach, and the store to which it belongs.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Name of the tenant's store.
    pub store: StoreName,
    /// Name of the database on its server; `None` for the name that the store's `name` template gives for this tenant.
    pub physical: Option<PhysicalName>,
    /// Server of the database; `None` for the first server of the store.
    pub server: Option<ServerName>,
}

/// Result of attaching a database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Attached {
    /// Name of the database.
    pub database: PhysicalName,
    /// Migrations that have not run in the database. Its owner runs them, or asks the platform to run them.
    pub pending: Vec<String>,
}

impl Moves<'_> {
    /// Attaches an existing database as the tenant's own, in a store whose databases the platform does not create. This
    /// writes the tenant's identity into the database, so that it is never taken for another tenant's database; the
    /// tables stay unchanged. Attaching the same database again succeeds. A tenant in the pool leaves the pool if it
    /// has no rows there.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser or the operator, because attaching a database decides
    /// who can read it; [`Error::NotFound`] if there is no such tenant or store; [`Error::Invalid`] if there is no such
    /// database; [`Error::Conflict`] if the platform creates the databases of this store, the tenant already has a
    /// database or rows, or the database belongs to another tenant.
    pub async fn attach(&self, actor: &Actor, slug: &Slug, wanted: &Attach) -> Result<Attached> {
        if !actor.is_superuser() {
            return Err(Error::Denied(format!("{actor:?} may not say whose a database is")));
        }
        let by = &actor.by();
        let store = self.attachable(&wanted.store)?;
        let new = new_placement(store, slug, wanted)?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let all = placement::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let old = all.into_iter().find(|p| p.place.store == new.store);
        match old.filter(|old| old.state == PlacementState::Ready) {
            None => self.take(by, tenant, &new, None).await,
            Some(old) if old.place.isolation.is_pooled() => {
                self.leave_pool(by, tenant, &new, &old.place).await
            }
            Some(old) if old.place.physical == new.base && old.place.server == new.server => {
                self.give_identity(&old.place).await?;
                self.report(&old.place).await
            }
            Some(old) => Err(Error::Conflict(format!("{slug} has the database {}", old.place.physical))),
        }
    }

    fn attachable(&self, store: &StoreName) -> Result<&StoreConfig> {
        let config = self.platform.config().tenant_store(store)?;
        match config.provision {
            Provision::External => Ok(config),
            _ => Err(Error::Conflict(format!(
                "the platform makes the databases of {store}: use tenantry tenant create-database"
            ))),
        }
    }

    /// Moves the tenant out of the pool. The tenant's writes to the pool wait until it is clear whether it has rows
    /// there.
    async fn leave_pool(
        &self,
        by: &By,
        tenant: TenantId,
        new: &NewPlacement,
        pool: &Place,
    ) -> Result<Attached> {
        let engine = &self.platform.0.engine;
        engine.fence(pool, true).await?;
        let taken = match self.is_empty(pool).await {
            Ok(true) => self.take(by, tenant, new, Some(pool)).await,
            Ok(false) => Err(Error::Conflict(format!(
                "its rows of {} lie in the pool: they are moved, not left behind",
                pool.store
            ))),
            Err(error) => Err(error),
        };
        match &taken {
            // The tenant stays in the pool, so its writes continue there.
            Err(_) => engine.fence(pool, false).await?,
            Ok(_) => engine.withdraw(pool).await?,
        }
        taken
    }

    async fn is_empty(&self, pool: &Place) -> Result<bool> {
        let loaded = self.platform.loaded();
        let schema = &loaded.databases.schema(&pool.store)?;
        let session: Session = self.platform.0.engine.session(pool, schema).await?;
        for model in loaded.apps.models().iter().filter(|model| model.store == pool.store) {
            if session.count(model.name.as_str(), &Filter::All(vec![]), None, None).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Records the identity inside the database first, then the placement in the catalog. A crash in between leaves a
    /// database that can be attached again, but only to this tenant.
    async fn take(
        &self,
        by: &By,
        tenant: TenantId,
        new: &NewPlacement,
        pool: Option<&Place>,
    ) -> Result<Attached> {
        let mut trial = self.platform.control().begin().await?;
        let place = give_way(&mut trial, tenant, new).await?;
        drop(trial);
        self.give_identity(&place).await?;
        let attached = self.report(&place).await?;
        let apps = self.platform.apps();
        let version = match (attached.pending.is_empty(), apps.store(&place.store)) {
            (true, Some(schema)) => Some(schema.fingerprint.as_str()),
            _ => None,
        };
        let mut write = self.platform.control().begin().await?;
        if give_way(&mut write, tenant, new).await? != place {
            return Err(Error::Conflict("somebody else attached it at the same time".into()));
        }
        placements::set_ready(&mut write, &place, version).await?;
        let detail = serde_json::json!({ "store": place.store, "server": place.server,
            "database": place.physical, "left_pool": pool.map(|pool| &pool.physical) });
        write.audit(by, Some(tenant), "tenant.attach_database", detail).await?;
        write.invalidate(&Subject::Tenant(tenant)).await?;
        write.commit().await?;
        Ok(attached)
    }

    async fn give_identity(&self, place: &Place) -> Result<()> {
        self.platform.0.engine.attach(place).await.map_err(|error| match error.kind() {
            Kind::Missing => Error::invalid(
                "physical",
                format!("there is no database {} on server {}", place.physical, place.server),
            ),
            Kind::WrongIdentity | Kind::Fenced => {
                Error::Conflict(format!("{} is the database of somebody else", place.physical))
            }
            _ => error.into(),
        })
    }

    async fn report(&self, place: &Place) -> Result<Attached> {
        let found = self.platform.0.engine.inspect(place, self.platform.apps().migrations()).await?;
        Ok(Attached { database: place.physical.clone(), pending: found.pending })
    }
}

fn new_placement(store: &StoreConfig, slug: &Slug, wanted: &Attach) -> Result<NewPlacement> {
    let server = match &wanted.server {
        Some(server) => server,
        None => store.servers.first().ok_or(Error::NotFound("server"))?,
    };
    placing::allowed(store, server)?;
    let base = match &wanted.physical {
        Some(physical) => physical.clone(),
        None => PhysicalName::parse(&store.template.base_for(slug))?,
    };
    let (server, isolation, policy) = (server.clone(), Isolation::Database, Policy::External);
    Ok(NewPlacement { store: store.name.clone(), server, isolation, policy, base, numbered: true })
}

/// Refuses a change of a tenant's places while an operation works on the tenant.
pub(crate) async fn refuse_operations(write: &mut Write, tenant: TenantId) -> Result<()> {
    let open = "SELECT count(*) FROM operations WHERE tenant = ? AND state IN ('running','unwinding')";
    match crate::users::count(write, open, params![tenant.get()]).await? {
        0 => Ok(()),
        _ => Err(Error::Occupied("an operation is working on this tenant".into())),
    }
}

/// Replaces the tenant's placement in the store with the new placement.
pub(crate) async fn give_way(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    refuse_operations(write, tenant).await?;
    for Placement { place, .. } in placement::of_tenant(write, tenant).await? {
        if place.store == new.store {
            placements::set_gone(write, &place).await?;
        }
    }
    placements::insert(write, tenant, new).await
}
