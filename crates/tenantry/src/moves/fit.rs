//! Databases on servers that do not fit the plan of their tenant, and their moves to servers that do.
//!
//! A change of a plan or of labels moves nothing. It shows here, and staff begin the moves.

use super::{Moves, Purpose, place_run::PlaceRun, plan::Plan};
use crate::{
    Error, Result,
    access::Actor,
    operations, plans,
    tenants::{
        self,
        databases::{
            fit::{self, PlanServers},
            placing::own_isolation,
        },
    },
    topology::{Placement, PlacementState, Policy, placement},
};
use tenantry_engine::{
    Tx,
    name::{ServerName, Slug, StoreName, TenantId},
    place::Isolation,
};

/// A database of a tenant on a server without the labels that the tenant's plan asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// Name of the store.
    pub store: StoreName,
    /// Server of the database.
    pub server: ServerName,
    /// Isolation of the rows there.
    pub isolation: Isolation,
    /// Server to which a move takes the database; `None` if no server of the store fits.
    pub fits: Option<ServerName>,
}

impl Moves<'_> {
    /// Returns the databases of a tenant on servers that do not fit its plan, ordered by store. External databases are
    /// left out: the tenant's owner chooses their server. On-demand databases that do not exist yet are left out too:
    /// they are created on a server that fits.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or there is no such tenant.
    pub async fn misplaced(&self, actor: &Actor, slug: &Slug) -> Result<Vec<Misplaced>> {
        actor.require_staff()?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let wanted = PlanServers::of_tenant(&mut tx, tenant).await?;
        self.misplaced_under(&mut tx, tenant, &wanted).await
    }

    /// Returns the number of tenants of a plan that have a database on a server that does not fit it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff.
    pub async fn misplaced_on(&self, actor: &Actor, plan: &str) -> Result<u64> {
        actor.require_staff()?;
        let mut tx = self.platform.control().snapshot().await?;
        let all = fit::labelled(&mut tx, self.platform.config()).await?;
        match all.iter().find(|known| known.code == plan) {
            Some(plan) => plan.count(&mut tx).await,
            None => Ok(0),
        }
    }

    /// Starts moving all tenants of a plan whose databases are on servers that do not fit it, `parallel` of them at the
    /// same time. Returns the operation's id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or there is no such plan; [`Error::Invalid`] if `parallel`
    /// is not allowed; [`Error::Conflict`] if all tenants of the plan are on servers that fit.
    pub async fn place(&self, actor: &Actor, plan: &str, parallel: usize) -> Result<i64> {
        actor.require_staff()?;
        let run = PlaceRun::new(actor.by(), plan.to_owned(), parallel)?;
        let mut tx = self.platform.control().snapshot().await?;
        if plans::list(&mut tx).await?.iter().all(|known| known.spec.code != plan) {
            return Err(Error::NotFound("plan"));
        }
        drop(tx);
        if self.misplaced_on(actor, plan).await? == 0 {
            return Err(Error::Conflict(format!("all tenants of plan {plan} are on servers that fit it")));
        }
        self.platform.operations().spawn(run).await
    }

    /// Returns the databases that would be on servers that do not fit if the tenant had this plan.
    pub(crate) async fn misplaced_under(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        wanted: &PlanServers,
    ) -> Result<Vec<Misplaced>> {
        let config = self.platform.config();
        let mut found = Vec::new();
        for Placement { place, policy, state, .. } in placement::of_tenant(tx, tenant).await? {
            let is_fixed = policy == Policy::External || state != PlacementState::Ready;
            if is_fixed || wanted.fit(config, &place.server) {
                continue;
            }
            let fits = match self.fitting(&place.store, place.isolation, wanted).await {
                Ok(server) => Some(server),
                Err(Error::Conflict(_) | Error::NotFound(_)) => None,
                Err(error) => return Err(error),
            };
            found.push(Misplaced {
                store: place.store,
                server: place.server,
                isolation: place.isolation,
                fits,
            });
        }
        Ok(found)
    }

    /// Checks whether the databases of a tenant can move to servers that fit `plan`, or the current plan if it is
    /// `None`.
    ///
    /// # Errors
    /// Returns the first obstacle; [`Error::Invalid`] when there is no such plan.
    pub(crate) async fn may_fit(&self, slug: &Slug, plan: Option<&str>) -> Result<()> {
        let stores = self.stores_of(slug, None).await?;
        let mut tx = self.platform.control().snapshot().await?;
        let wanted = match plan {
            Some(plan) => PlanServers::of_plan(&mut tx, plan).await?,
            None => PlanServers::of_tenant(&mut tx, stores.tenant).await?,
        };
        let is_at_work = operations::is_at_work(&mut tx, stores.tenant).await?;
        drop(tx);
        let plan = self.plan_under(slug, stores, &wanted).await?;
        match plan.legs.is_empty() {
            true => Ok(()),
            false if is_at_work => Err(Error::Occupied(format!(
                "an operation is working on {slug}, so its databases cannot move now: try again when it is over"
            ))),
            false => self.may_start(&plan).await,
        }
    }

    /// Returns the server on which rows that leave their server are placed. Rows from a pool get their own database or
    /// schema, as a pool is on one server.
    async fn fitting(&self, store: &StoreName, from: Isolation, wanted: &PlanServers) -> Result<ServerName> {
        let config = self.platform.config().tenant_store(store)?;
        let isolation = if from.is_pooled() { own_isolation(config) } else { Isolation::Database };
        self.platform.0.server_for(config, isolation, wanted).await
    }

    /// Chooses the moves to servers that fit the tenant's plan.
    pub(super) async fn plan_fit(&self, slug: &Slug, store: Option<&StoreName>) -> Result<Plan> {
        let stores = self.stores_of(slug, store).await?;
        let wanted =
            PlanServers::of_tenant(&mut self.platform.control().snapshot().await?, stores.tenant).await?;
        self.plan_under(slug, stores, &wanted).await
    }

    /// Chooses the moves to servers that would fit if the tenant had this plan.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if no server of a store fits.
    pub(super) async fn plan_under(
        &self,
        slug: &Slug,
        stores: super::verbs::Stores,
        wanted: &PlanServers,
    ) -> Result<Plan> {
        let mut legs = Vec::new();
        for from in &stores.ready {
            let place = &from.place;
            if wanted.fit(self.platform.config(), &place.server) {
                continue;
            }
            let server = self.fitting(&place.store, place.isolation, wanted).await?;
            legs.extend(match place.isolation {
                Isolation::Pooled => {
                    let config = self.platform.config().tenant_store(&place.store)?;
                    Some(self.to_own(slug, from, config, &server, own_isolation(config))?)
                }
                _ => self.on_server(slug, from, &server, None)?,
            });
        }
        let nothing = format!("{slug} is on servers that fit its plan already");
        Ok(Plan { purpose: Purpose::Move, stores, legs, nothing })
    }
}
