//! Chooses the new place of a tenant's rows for a move, a promotion or a demotion, from the configuration and the
//! caller's request. Changes nothing.

use super::Moves;
use crate::{
    Error, Result,
    config::{ServerConfig, StoreConfig},
    platform::databases::pool_place,
    tenants::{
        self,
        databases::{
            fit,
            placing::{allowed, own, own_isolation},
        },
    },
    topology::{NewPlacement, Placement, placement},
};
use tenantry_engine::{
    name::{ServerName, Slug, StoreName},
    place::{EngineKind, Isolation, Place},
};

/// Stores to move, and their new place.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Store to move; `None` for all stores of the tenant.
    pub store: Option<StoreName>,
    /// Target server; `None` lets the configuration choose.
    pub server: Option<ServerName>,
    /// Isolation of the rows at the target; `None` for the configured isolation.
    pub isolation: Option<Isolation>,
}

impl Target {
    /// Returns the target for moving all of the tenant's stores to this server.
    pub fn to(server: ServerName) -> Self {
        Self { server: Some(server), ..Self::default() }
    }
}

/// The current place of rows, and their new placement.
pub(super) type Leg = (Place, NewPlacement);

impl Moves<'_> {
    /// Returns the leg that moves the rows to another server. Returns `None` if they stay, because they are already
    /// there or in a pool on another server.
    pub(super) fn on_server(
        &self,
        slug: &Slug,
        from: &Placement,
        server: &ServerName,
        wanted: Option<Isolation>,
    ) -> Result<Option<Leg>> {
        let config = self.platform.config().tenant_store(&from.place.store)?;
        if from.place.isolation.is_pooled() {
            let pool = pool_place(self.platform.config(), config)?.filter(|pool| pool.server == *server);
            let is_other = pool.is_some() && from.place.server != *server && wanted.is_none();
            let pooled = || self.platform.tenants().pooled(config, from.policy);
            return is_other.then(|| Ok((from.place.clone(), pooled()?))).transpose();
        }
        let isolation = match wanted {
            Some(Isolation::Pooled) => {
                return Err(Error::invalid("isolation", "to put it into the pool, demote it instead"));
            }
            Some(isolation) => isolation,
            None => match (self.engine_of(&from.place.server), self.engine_of(server)) {
                (from_engine, to_engine) if from_engine == to_engine => from.place.isolation,
                (_, Some(EngineKind::Postgres)) => own_isolation(config),
                _ => Isolation::Database,
            },
        };
        if (&from.place.server, from.place.isolation) == (server, isolation) {
            return Ok(None);
        }
        self.to_own(slug, from, config, server, isolation).map(Some)
    }

    /// Returns the leg that gives the rows a stronger isolation. Returns `None` if their isolation is already that
    /// strong.
    pub(super) async fn up(&self, slug: &Slug, from: &Placement, target: &Target) -> Result<Option<Leg>> {
        let config = self.platform.config().tenant_store(&from.place.store)?;
        let isolation = match (target.isolation, from.place.isolation) {
            (Some(Isolation::Pooled), _) => {
                return Err(Error::invalid("isolation", "to put it into the pool, demote it instead"));
            }
            (Some(isolation), _) => isolation,
            (None, Isolation::Pooled) => own_isolation(config),
            (None, _) => Isolation::Database,
        };
        if rank(from.place.isolation) >= rank(isolation) {
            return Ok(None);
        }
        let server = match &target.server {
            Some(server) => server.clone(),
            None if from.place.isolation == Isolation::Schema => from.place.server.clone(),
            None => {
                if !config.servers.iter().any(|name| self.is_able(name, isolation)) {
                    return Err(no_postgres(config));
                }
                let mut tx = self.platform.control().snapshot().await?;
                let tenant = tenants::by_slug(&mut tx, slug).await?.id;
                let wanted = fit::PlanServers::of_tenant(&mut tx, tenant).await?;
                drop(tx);
                let able = wanted.of_store(self.platform.config(), config, isolation);
                match able.is_empty() {
                    true => return Err(wanted.unmet(&config.name)),
                    false => {
                        let able = self.platform.0.usable(able);
                        placement::emptiest(self.platform.control(), &able).await?
                    }
                }
            }
        };
        self.to_own(slug, from, config, &server, isolation).map(Some)
    }

    /// Returns the leg that gives the rows a weaker isolation. Returns `None` if their isolation is already that weak.
    pub(super) fn down(&self, slug: &Slug, from: &Placement, target: &Target) -> Result<Option<Leg>> {
        let config = self.platform.config().tenant_store(&from.place.store)?;
        let isolation = target.isolation.unwrap_or(Isolation::Pooled);
        if isolation == Isolation::Database {
            return Err(Error::invalid("isolation", "to give it a database, promote it instead"));
        }
        if rank(from.place.isolation) <= rank(isolation) {
            return Ok(None);
        }
        if isolation.is_pooled() {
            return Ok(Some((from.place.clone(), self.platform.tenants().pooled(config, from.policy)?)));
        }
        let here = Some(&from.place.server).filter(|server| self.is_able(server, isolation));
        let first = || config.servers.iter().find(|server| self.is_able(server, isolation));
        let server = target.server.as_ref().or(here).or_else(first).ok_or_else(|| no_postgres(config))?;
        self.to_own(slug, from, config, server, isolation).map(Some)
    }

    /// Returns the leg that moves the rows back to a placement like the place before the last move.
    pub(super) fn like(&self, slug: &Slug, from: &Placement, last: &Place) -> Result<Option<Leg>> {
        if (last.isolation, &last.server) == (from.place.isolation, &from.place.server) {
            return Ok(None);
        }
        let config = self.platform.config().tenant_store(&from.place.store)?;
        let new = match last.isolation {
            Isolation::Pooled => NewPlacement {
                store: last.store.clone(),
                server: last.server.clone(),
                isolation: last.isolation,
                policy: from.policy,
                base: last.physical.clone(),
                numbered: true,
            },
            isolation => {
                own(self.platform.config(), config, slug, &last.server, isolation)?.with_policy(from.policy)
            }
        };
        Ok(Some((from.place.clone(), new)))
    }

    pub(super) fn to_own(
        &self,
        slug: &Slug,
        from: &Placement,
        config: &StoreConfig,
        server: &ServerName,
        isolation: Isolation,
    ) -> Result<Leg> {
        allowed(config, server)?;
        if !self.is_able(server, isolation) {
            let text = format!("server {server} has no schemas: name a PostgreSQL server, or \"database\"");
            return Err(Error::invalid("isolation", text));
        }
        let new = own(self.platform.config(), config, slug, server, isolation)?;
        Ok((from.place.clone(), new.with_policy(from.policy)))
    }

    fn engine_of(&self, server: &ServerName) -> Option<EngineKind> {
        self.platform.config().server(server.as_str()).map(ServerConfig::engine)
    }

    /// Returns true if the server supports this isolation.
    fn is_able(&self, server: &ServerName, isolation: Isolation) -> bool {
        fit::is_able(self.platform.config(), server, isolation)
    }
}

/// Returns the rank of an isolation: a higher number separates rows more strongly.
fn rank(isolation: Isolation) -> u8 {
    match isolation {
        Isolation::Pooled => 0,
        Isolation::Schema => 1,
        Isolation::Database => 2,
    }
}

fn no_postgres(store: &StoreConfig) -> Error {
    let text = format!("schemas need PostgreSQL, and no server in stores.{}.servers is one", store.name);
    Error::invalid("isolation", text)
}
