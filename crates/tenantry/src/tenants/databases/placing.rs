//! Chooses the server and name of a tenant's databases. Configuration and policy decide; existing databases never do
//! (`catalog-placement`).
//!
//! Called when a tenant is created, moved or restored, or attaches a database. It only proposes a placement; the
//! catalog records it and adds the generation.

use crate::{
    Error, Result,
    config::{Config, NameTemplate, Provision, Scope, StoreConfig},
    platform::databases::pool_place,
    tenants::{Tenants, databases::fit::PlanServers},
    topology::{NewPlacement, Policy},
};
use tenantry_engine::{
    name::{PhysicalName, ServerName, Slug, StoreName},
    place::{Isolation, Place},
};

impl Tenants<'_> {
    /// Returns the placement of each store of a new tenant, from configuration, plan and policy.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] for a store without a server that fits the plan.
    pub(crate) async fn placements(&self, slug: &Slug, wanted: &PlanServers) -> Result<Vec<NewPlacement>> {
        let mut placements = Vec::new();
        for store in self.platform.config().stores_of(Scope::Tenant) {
            placements.push(self.placement(store, slug, wanted).await?);
        }
        Ok(placements)
    }

    async fn placement(
        &self,
        store: &StoreConfig,
        slug: &Slug,
        wanted: &PlanServers,
    ) -> Result<NewPlacement> {
        let config = self.platform.config();
        let is_pooled = store.isolation.is_pooled() || store.provision == Provision::External;
        let pool = pool_place(config, store)?.filter(|_| is_pooled);
        // A tenant without its own database lives in the pool, and the catalog records that decision. If the pool's
        // server does not fit the plan, the tenant gets a database of its own.
        if let Some(pool) = pool.as_ref().filter(|pool| wanted.fit(config, &pool.server)) {
            let Place { server, isolation, physical: base, .. } = pool.clone();
            let (store, policy) = (store.name.clone(), Policy::Managed);
            return Ok(NewPlacement { store, server, isolation, policy, base, numbered: true });
        }
        let policy = match store.provision {
            Provision::OnDemand => Policy::OnDemand,
            Provision::External if pool.is_none() => Policy::External,
            Provision::Managed | Provision::External => Policy::Managed,
        };
        let isolation = own_isolation(store);
        // The tenant's owner chooses the server of an external database.
        let anywhere = PlanServers::default();
        let wanted = if policy == Policy::External { &anywhere } else { wanted };
        let server = self.platform.0.server_for(store, isolation, wanted).await?;
        Ok(own(config, store, slug, &server, isolation)?.with_policy(policy))
    }

    /// Returns a placement in the pool of this store. If the configuration has no pool, returns one that is created for
    /// its first tenant.
    pub(crate) fn pooled(&self, store: &StoreConfig, policy: Policy) -> Result<NewPlacement> {
        let (server, base) = match pool_place(self.platform.config(), store)? {
            Some(pool) => (pool.server, pool.physical),
            None => {
                let template = NameTemplate::default_for(&store.name, Scope::Tenant, Isolation::Pooled);
                let server = store.servers.first().cloned().ok_or(Error::NotFound("server"))?;
                (server, PhysicalName::parse(&template.base())?)
            }
        };
        let (store, isolation) = (store.name.clone(), Isolation::Pooled);
        Ok(NewPlacement { store, server, isolation, policy, base, numbered: true })
    }
}

/// Returns the isolation of a tenant of this store outside the pool.
pub(crate) fn own_isolation(store: &StoreConfig) -> Isolation {
    match store.isolation {
        Isolation::Schema => Isolation::Schema,
        Isolation::Pooled | Isolation::Database => Isolation::Database,
    }
}

/// Refuses a server on which databases of this store may not be placed.
pub(crate) fn allowed(store: &StoreConfig, server: &ServerName) -> Result<()> {
    if store.servers.contains(server) {
        return Ok(());
    }
    let names: Vec<_> = store.servers.iter().map(ServerName::as_str).collect();
    let text = format!(
        "store {} can be placed on: {}; see stores.{}.servers",
        store.name,
        names.join(", "),
        store.name
    );
    Err(Error::invalid("server", text))
}

/// Returns the placement of a tenant's own schema or database, under the configured name. The platform creates the
/// database.
pub(crate) fn own(
    config: &Config,
    store: &StoreConfig,
    slug: &Slug,
    server: &ServerName,
    isolation: Isolation,
) -> Result<NewPlacement> {
    let base = match store.template.is_per_tenant() {
        true => store.template.base_for(slug),
        // The name of a pooled store's pool does not identify the tenant.
        false => own_base(config, &store.name, slug, server),
    };
    let (name, server, base) = (store.name.clone(), server.clone(), PhysicalName::parse(&base)?);
    let (policy, numbered) = (Policy::Managed, store.numbered);
    Ok(NewPlacement { store: name, server, isolation, policy, base, numbered })
}

/// Returns the default name of a tenant's own schema or database, for stores whose configuration has none. It leaves
/// room for the server's prefix.
pub(crate) fn own_base(config: &Config, store: &StoreName, slug: &Slug, server: &ServerName) -> String {
    let prefix = config.server(server.as_str()).map_or(0, |server| server.prefix().len());
    NameTemplate::default_beside(store, prefix).base_for(slug)
}
