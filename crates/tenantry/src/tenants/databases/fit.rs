//! Servers that fit a tenant's plan: a plan names labels, and the tenant's databases are placed on servers that have
//! all of them.
//!
//! `placing` and the moves choose servers here. Changing labels never moves a database: `misplaced` lists the tenants
//! whose databases are on other servers.

use crate::{
    Error, Result,
    audit::By,
    config::{Config, PlacementPolicy, Provision, Scope, ServerConfig, ServerLabels, StoreConfig},
    control::{Subject, Write, params},
    operations, plans,
    platform::{databases::pool_place, inner::Inner},
    tenants::{self, databases::placing},
    topology::{Placement, PlacementState, Policy, placement, record as placements},
};
use tenantry_engine::{
    SqlRow, Tx,
    name::{ServerName, Slug, StoreName, TenantId},
    place::{EngineKind, Isolation, Place},
    value::Value,
};

/// The servers that a plan asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PlanServers {
    /// Code of the plan; empty for a tenant without a subscription.
    pub(crate) plan: String,
    /// Labels that every server of the plan's tenants has.
    pub(crate) labels: ServerLabels,
}

impl PlanServers {
    /// Returns what a plan asks for, if new subscriptions may use it.
    ///
    /// # Errors
    /// Returns the errors of [`plans::by_code`].
    pub(crate) async fn of_plan(tx: &mut Tx, code: &str) -> Result<Self> {
        let spec = plans::by_code(tx, code).await?.spec;
        Ok(Self { plan: spec.code, labels: spec.servers })
    }

    /// Returns what the plan of a tenant asks for, even if it is archived. A tenant without a subscription fits
    /// everywhere.
    pub(crate) async fn of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<Self> {
        let sql =
            "SELECT p.code, p.servers FROM subscriptions s JOIN plans p ON p.id = s.plan WHERE s.tenant = ?";
        match tx.query(sql, params![tenant.get()]).await?.first() {
            None => Ok(Self::default()),
            Some(row) => {
                let labels = serde_json::from_str(row.text(1)?);
                let labels = labels.map_err(|e| Error::Internal(format!("labels of a plan: {e}")))?;
                Ok(Self { plan: row.text(0)?.to_owned(), labels })
            }
        }
    }

    /// Returns true if the configuration has this server, and it has the labels.
    pub(crate) fn fit(&self, config: &Config, server: &ServerName) -> bool {
        self.labels.is_empty()
            || config.server(server.as_str()).is_some_and(|server| server.labels.include(&self.labels))
    }

    /// Returns the servers of a store that can isolate rows like this and have the labels, in the order of the store's
    /// `servers`.
    pub(crate) fn of_store(
        &self,
        config: &Config,
        store: &StoreConfig,
        isolation: Isolation,
    ) -> Vec<ServerName> {
        let fits = |name: &&ServerName| is_able(config, name, isolation) && self.fit(config, name);
        store.servers.iter().filter(fits).cloned().collect()
    }

    /// Returns the error for a store without such a server.
    pub(crate) fn unmet(&self, store: &StoreName) -> Error {
        Error::Conflict(format!(
            "plan {} asks for servers with {}, and stores.{store}.servers names none: add such a server there, give \
             one of its servers these labels, or change the plan",
            self.plan, self.labels
        ))
    }
}

/// A plan that asks for labels.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    pub(crate) id: i64,
    /// Code of the plan.
    pub(crate) code: String,
    /// True if new subscriptions are refused.
    pub(crate) archived: bool,
    pub(crate) servers: PlanServers,
    /// Servers of the configuration that have the labels.
    fit: Vec<ServerName>,
}

/// Returns the plans that ask for labels, in the order of the list of plans.
pub(crate) async fn labelled(tx: &mut Tx, config: &Config) -> Result<Vec<Labelled>> {
    let plans = plans::list(tx).await?.into_iter().filter(|plan| !plan.spec.servers.is_empty());
    let plan = |plan: plans::Plan| {
        let servers = PlanServers { plan: plan.spec.code.clone(), labels: plan.spec.servers };
        let names = config.servers.iter().map(|server| &server.name);
        let fit = names.filter(|name| servers.fit(config, name)).cloned().collect();
        Labelled { id: plan.id, code: plan.spec.code, archived: plan.archived, servers, fit }
    };
    Ok(plans.map(plan).collect())
}

impl Labelled {
    /// Returns the SQL condition for tenants of the plan with a database on a server that does not fit, with its values.
    /// The statement names the table of tenants `t` and that of subscriptions `s`.
    pub(crate) fn misplaced(&self) -> (String, Vec<Value>) {
        let on_others = match self.fit.is_empty() {
            true => String::new(),
            false => format!("AND x.server NOT IN ({})", vec!["?"; self.fit.len()].join(", ")),
        };
        let sql = format!(
            "(s.plan = ? AND t.state IN ('active', 'suspended') AND EXISTS (SELECT 1 FROM placements x \
             WHERE x.tenant = t.id AND x.state = 'ready' AND x.provision <> 'external' {on_others}))"
        );
        let values = self.fit.iter().map(|server| server.as_str().into());
        (sql, std::iter::once(self.id.into()).chain(values).collect())
    }

    /// Returns the number of tenants of the plan with a database on a server that does not fit.
    pub(crate) async fn count(&self, tx: &mut Tx) -> Result<u64> {
        let (misplaced, values) = self.misplaced();
        let sql = format!(
            "SELECT count(*) FROM subscriptions s JOIN tenants t ON t.id = s.tenant WHERE {misplaced}"
        );
        Ok(u64::try_from(crate::users::count(tx, &sql, &values).await?).unwrap_or(0))
    }

    /// Returns at most `limit` of these tenants after the one with this id, ordered by id.
    pub(crate) async fn page(&self, tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<(TenantId, Slug)>> {
        let (misplaced, mut values) = self.misplaced();
        values.extend([after.into(), limit.into()]);
        let sql = format!(
            "SELECT t.id, t.slug FROM subscriptions s JOIN tenants t ON t.id = s.tenant \
             WHERE {misplaced} AND t.id > ? ORDER BY t.id LIMIT ?"
        );
        let read = |row: &SqlRow| Ok((TenantId::from_raw(row.integer(0)?), Slug::parse(row.text(1)?)?));
        tx.query(&sql, &values).await?.iter().map(read).collect()
    }

    /// Returns the stores in which a new tenant of the plan would find no server.
    pub(crate) fn unmet(&self, config: &Config) -> Vec<StoreName> {
        let is_external =
            |store: &StoreConfig| store.provision == Provision::External && store.pooled_in.is_none();
        let stores = config.stores_of(Scope::Tenant).filter(|store| !is_external(store));
        let none = |store: &&StoreConfig| {
            let is_pooled = store.isolation.is_pooled() || store.provision == Provision::External;
            let pool = pool_place(config, store).ok().flatten().filter(|_| is_pooled);
            !pool.is_some_and(|pool| self.servers.fit(config, &pool.server))
                && self.servers.of_store(config, store, placing::own_isolation(store)).is_empty()
        };
        stores.filter(none).map(|store| store.name.clone()).collect()
    }
}

/// Returns true if the server supports this isolation.
pub(crate) fn is_able(config: &Config, server: &ServerName, isolation: Isolation) -> bool {
    let engine = || config.server(server.as_str()).map(ServerConfig::engine);
    isolation != Isolation::Schema || engine() == Some(EngineKind::Postgres)
}

impl Inner {
    /// Returns the server on which the next database of a store is placed. Of the servers that fit, those that do not
    /// answer or are nearly full count only if all are like that; `registration.placement` chooses among the rest. The
    /// same state gives the same server.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if no server of the store fits.
    pub(crate) async fn server_for(
        &self,
        store: &StoreConfig,
        isolation: Isolation,
        wanted: &PlanServers,
    ) -> Result<ServerName> {
        let servers = self.usable(wanted.of_store(&self.config, store, isolation));
        match self.config.registration.placement {
            PlacementPolicy::Fewest if servers.len() > 1 => {
                placement::emptiest(&self.control, &servers).await
            }
            _ => servers.into_iter().next().ok_or_else(|| wanted.unmet(&store.name)),
        }
    }

    /// Leaves out servers that do not answer or are nearly full, unless all of them are like that.
    pub(crate) fn usable(&self, servers: Vec<ServerName>) -> Vec<ServerName> {
        if servers.len() < 2 {
            return servers;
        }
        let reserve = self.config.limits.disk_reserve;
        let silent =
            self.engine.reachable().into_iter().filter(|(_, answers)| !answers).map(|(name, _)| name);
        let full = self.engine.free_bytes().into_iter().filter(|(_, free)| free.is_some_and(|n| n < reserve));
        let mut out: Vec<_> = silent.chain(full.map(|(name, _)| name)).collect();
        let rooms = self.rooms.load();
        out.extend(rooms.iter().filter(|room| room.is_low(reserve)).map(|room| room.server.clone()));
        let usable: Vec<_> = servers.iter().filter(|name| !out.contains(name)).cloned().collect();
        if usable.is_empty() { servers } else { usable }
    }

    /// Chooses the place of an on-demand database again if the labels changed since it was planned. Nothing is at the
    /// planned place yet. Does nothing if the database exists, or an operation is creating it.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if no server fits the tenant's plan.
    pub(crate) async fn plan_again(&self, by: &By, tenant: TenantId, store: &StoreName) -> Result<()> {
        let mut tx = self.control.snapshot().await?;
        let wanted = PlanServers::of_tenant(&mut tx, tenant).await?;
        let Some(planned) = self.planned_elsewhere(&mut tx, tenant, store, &wanted).await? else {
            return Ok(());
        };
        let slug = tenants::by_id(&mut tx, tenant).await?.slug;
        drop(tx);
        let config = self.config.tenant_store(store)?;
        let isolation = placing::own_isolation(config);
        let server = self.server_for(config, isolation, &wanted).await?;
        let new = placing::own(&self.config, config, &slug, &server, isolation)?.with_policy(planned.policy);
        let mut write = self.control.begin().await?;
        if operations::is_at_work(&mut write, tenant).await?
            || self.planned_elsewhere(&mut write, tenant, store, &wanted).await?.as_ref() != Some(&planned)
        {
            return Ok(());
        }
        placements::set_gone(&mut write, &planned.place).await?;
        let place = placements::insert(&mut write, tenant, &new).await?;
        replanned(&mut write, by, &planned, &place).await?;
        write.commit().await
    }

    /// Returns the placement of an on-demand database that is planned on a server that does not fit.
    async fn planned_elsewhere(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        store: &StoreName,
        wanted: &PlanServers,
    ) -> Result<Option<Placement>> {
        let all = placement::of_tenant(tx, tenant).await?;
        Ok(all.into_iter().find(|p| {
            p.place.store == *store
                && (p.state, p.policy) == (PlacementState::Planned, Policy::OnDemand)
                && !wanted.fit(&self.config, &p.place.server)
        }))
    }
}

async fn replanned(write: &mut Write, by: &By, planned: &Placement, place: &Place) -> Result<()> {
    let Some(tenant) = place.tenant else { return Ok(()) };
    let detail =
        serde_json::json!({ "store": place.store, "from": planned.place.server, "to": place.server });
    write.audit(by, Some(tenant), "tenant.plan_database", detail).await?;
    write.invalidate(&Subject::Tenant(tenant)).await
}
