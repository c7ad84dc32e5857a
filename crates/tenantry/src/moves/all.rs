//! Moves every tenant off some servers to another server. Each tenant is moved by its own operation, so an interrupted
//! run is simply started again.
//!
//! The upgrade to PostgreSQL calls it.

use super::{Moves, Purpose, plan::Plan};
use crate::{
    Error, Result,
    access::Actor,
    operations::{Listed, State},
    tenants::{Filter, Listed as Tenant},
    topology::{Placement, PlacementState, Policy},
};
use futures_util::{StreamExt, stream};
use tenantry_engine::{
    name::{ServerName, Slug, StoreName},
    place::{EngineKind, Isolation, Place},
};

/// Number of tenants moved at the same time. A move mostly waits for servers and disks.
const AT_ONCE: usize = 4;
/// Number of tenants read from the catalog in one page.
const PAGE: u32 = 200;

/// A database that is still on a server that is to be emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Slug of the tenant.
    pub slug: Slug,
    /// Name of the store.
    pub store: StoreName,
    /// Current isolation of its rows.
    pub isolation: Isolation,
    /// Size on disk in bytes; `None` if it cannot be read.
    pub bytes: Option<u64>,
    /// Reason why the database could not be moved now.
    pub obstacle: Option<Obstacle>,
}

/// Reason why a tenant would not be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The tenant's owner provides the database, and must move it.
    External,
    /// A move would be refused with this error.
    Refused(String),
}

/// Progress of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// Number of tenants that will be moved.
    Found(usize),
    /// A database stays, because the tenant's owner provides it and must move it.
    External(&'a Slug, &'a StoreName),
    /// A tenant was moved by this operation.
    Moved(&'a Slug, &'a Listed),
    /// A tenant was not moved, for this reason.
    Failed(&'a Slug, &'a str),
}

/// Result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovedAll {
    /// Number of tenants moved.
    pub moved: usize,
    /// Number of tenants that could not be moved.
    pub failed: usize,
    /// Number of databases that stay, because the tenants' owners must move them.
    pub external: usize,
}

impl Moves<'_> {
    /// Returns the databases on these servers, each with the reason why it cannot be moved to `server`, if there is
    /// one. `server` is a PostgreSQL server that this process need not know. Changes nothing.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn waiting(&self, leaves: &[ServerName], server: &ServerName) -> Result<Vec<Waiting>> {
        let mut all = Vec::new();
        for Tenant { slug, placements, .. } in self.tenants_on(leaves).await? {
            for placement in placements.iter().filter(|placement| is_on(placement, leaves)) {
                let external = (placement.policy == Policy::External).then_some(Obstacle::External);
                let refused = match external {
                    Some(_) => None,
                    None => self.refused(&slug, placement, server).await.err(),
                };
                let refused = refused.map(|error| Obstacle::Refused(error.to_string()));
                all.push(Waiting {
                    slug: slug.clone(),
                    store: placement.place.store.clone(),
                    isolation: placement.place.isolation,
                    bytes: self.platform.0.engine.size_bytes(&placement.place).await.ok(),
                    obstacle: external.or(refused),
                });
            }
        }
        Ok(all)
    }

    /// Checks the schema version and the rows of a placement as a move does.
    async fn refused(&self, slug: &Slug, placement: &Placement, server: &ServerName) -> Result<()> {
        let from = &placement.place;
        // Pooled tenants move to a pool, others to an own database or schema.
        self.refuse_other_version(slug, placement, from.isolation).await?;
        let to = Place { server: server.clone(), generation: from.generation + 1, ..from.clone() };
        self.check_contents(slug, from, (to, EngineKind::Postgres)).await
    }

    /// Moves every tenant with a database on one of the servers `leaves` to `server`, a few at the same time. Pooled
    /// tenants go to the pool on that server; other tenants get `isolation` there, if it is given. External databases
    /// stay.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if a running process does not know the server. A failure of one tenant is reported
    /// and counted.
    pub async fn all(
        &self,
        actor: &Actor,
        leaves: &[ServerName],
        server: &ServerName,
        isolation: Option<Isolation>,
        mut tell: impl FnMut(Event<'_>),
    ) -> Result<MovedAll> {
        actor.require_staff()?;
        self.refuse_unknown(server).await?;
        let (mut tenants, mut report) = (self.tenants_on(leaves).await?, MovedAll::default());
        for Tenant { slug, placements, .. } in &tenants {
            for placement in placements.iter().filter(|p| is_on(p, leaves) && p.policy == Policy::External) {
                tell(Event::External(slug, &placement.place.store));
                report.external += 1;
            }
        }
        let moves = |p: &Placement| is_on(p, leaves) && p.policy != Policy::External;
        tenants.retain(|tenant| tenant.placements.iter().any(moves));
        tell(Event::Found(tenants.len()));
        let one = |tenant: Tenant| async move {
            let moved = self.one(actor, &tenant.slug, leaves, server, isolation).await;
            (tenant.slug, moved.map_err(|error| error.to_string()))
        };
        let mut moves = stream::iter(tenants).map(one).buffer_unordered(AT_ONCE);
        while let Some((slug, moved)) = moves.next().await {
            match moved {
                Ok(operation) => {
                    report.moved += 1;
                    tell(Event::Moved(&slug, &operation));
                }
                Err(why) => {
                    report.failed += 1;
                    tell(Event::Failed(&slug, &why));
                }
            }
        }
        Ok(report)
    }

    /// Moves one tenant, and waits until the operation is over.
    async fn one(
        &self,
        actor: &Actor,
        slug: &Slug,
        leaves: &[ServerName],
        server: &ServerName,
        isolation: Option<Isolation>,
    ) -> Result<Listed> {
        let plan = self.plan_away(slug, leaves, server, isolation).await?;
        let id = self.start(&actor.by(), plan).await?;
        let over = self.platform.operations().wait(id).await?;
        match over.state {
            State::Done => Ok(over),
            _ => {
                let why = over.error.or(over.reason).unwrap_or_else(|| "no reason is recorded".into());
                Err(Error::Conflict(format!("{why} (operation {id})")))
            }
        }
    }

    /// Chooses where the stores of a tenant on the servers that are left go.
    async fn plan_away(
        &self,
        slug: &Slug,
        leaves: &[ServerName],
        server: &ServerName,
        isolation: Option<Isolation>,
    ) -> Result<Plan> {
        let stores = self.stores_of(slug, None).await?;
        let mut legs = Vec::new();
        for from in stores.ready.iter().filter(|from| leaves.contains(&from.place.server)) {
            let wanted = isolation.filter(|_| !from.place.isolation.is_pooled());
            legs.extend(self.on_server(slug, from, server, wanted)?);
        }
        let nothing = format!("{slug} has nothing that can go to {server}");
        Ok(Plan { purpose: Purpose::Move, stores, legs, nothing })
    }

    /// Returns the tenants with a database in use on one of these servers.
    async fn tenants_on(&self, leaves: &[ServerName]) -> Result<Vec<Tenant>> {
        let (mut found, mut filter) = (Vec::new(), Filter { limit: PAGE, ..Filter::default() });
        loop {
            let page = self.platform.tenants().list(&filter).await?;
            let Some(last) = page.last() else { return Ok(found) };
            filter.after = Some(last.id);
            found
                .extend(page.into_iter().filter(|tenant| tenant.placements.iter().any(|p| is_on(p, leaves))));
        }
    }
}

/// Returns true for a placement in use on one of these servers.
fn is_on(placement: &Placement, servers: &[ServerName]) -> bool {
    placement.state == PlacementState::Ready && servers.contains(&placement.place.server)
}
