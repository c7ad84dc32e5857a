//! The verbs on plans: `platform.plans()`.
//!
//! The registration form, the staff API and the command line call them.

use super::{Initialized, Plan, PlanSpec, State};
use crate::{
    Error, Platform, Result,
    access::Actor,
    config::PlanConfig,
    control::Control,
    moves::{Misplaced, Wanted},
    tenants,
};
use tenantry_engine::name::Slug;

/// A change of a tenant's subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionChange {
    /// Code of the new plan; `None` leaves the plan unchanged.
    pub plan: Option<String>,
    /// New state with its end, in microseconds since 1970, UTC; `None` leaves the state unchanged.
    pub state: Option<(State, Option<i64>)>,
    /// True to move databases on servers that do not fit the plan.
    pub moves: bool,
}

impl SubscriptionChange {
    /// Returns the change to this plan.
    pub fn to_plan(plan: impl Into<String>) -> Self {
        Self { plan: Some(plan.into()), ..Self::default() }
    }

    /// Returns the change to this state with this end.
    pub fn to_state(state: State, ends_at_us: Option<i64>) -> Self {
        Self { state: Some((state, ends_at_us)), ..Self::default() }
    }
}

/// Effect of a change of a subscription on the places of the tenant's databases.
#[derive(Debug)]
pub struct Changed {
    /// Databases on servers that do not fit the plan.
    pub misplaced: Vec<Misplaced>,
    /// Id of the operation that moves them, if one began.
    pub operation: Option<i64>,
    /// Reason why the requested move did not begin.
    pub obstacle: Option<Error>,
}

/// The plans of an installation.
pub struct Plans<'a>(&'a Platform);

impl Platform {
    /// Returns the plans: list, find, write the configuration's plans to the catalog, subscribe a tenant.
    pub fn plans(&self) -> Plans<'_> {
        Plans(self)
    }
}

impl Plans<'_> {
    pub(super) fn platform(&self) -> &Platform {
        self.0
    }

    pub(super) fn control(&self) -> &Control {
        self.0.control()
    }

    /// Returns all plans, including archived ones.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn list(&self) -> Result<Vec<Plan>> {
        super::list(&mut self.0.control().snapshot().await?).await
    }

    /// Returns the plan with this code if new subscriptions may use it.
    ///
    /// # Errors
    /// Returns [`crate::Error::Invalid`] if there is no such plan; [`crate::Error::MasterDataEmpty`] if there are no
    /// plans at all.
    pub async fn by_code(&self, code: &str) -> Result<Plan> {
        super::by_code(&mut self.0.control().snapshot().await?, code).await
    }

    /// Writes the configuration's plans to the catalog, and archives plans that are no longer configured. Plans that staff
    /// changed stay as they are.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if the actor is not staff.
    pub async fn initialise(&self, actor: &Actor) -> Result<Initialized> {
        actor.require_staff()?;
        let specs = declared(self.0);
        let mut write = self.0.control().begin().await?;
        let done = super::initialize(&mut write, &actor.by(), &specs).await?;
        write.commit().await?;
        Ok(done)
    }

    /// Puts a tenant on another plan, or sets the state and end of its subscription that external billing has decided,
    /// or both in one commit. A plan does not move databases. With `moves`, the move of those that do not fit the plan
    /// begins after the commit.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if there is no such tenant, or it has no subscription;
    /// [`crate::Error::Invalid`] when there is no such plan. With `moves`, returns the obstacle that keeps the databases
    /// where they are. After an error nothing is changed.
    pub async fn change_subscription(
        &self,
        actor: &Actor,
        slug: &Slug,
        change: SubscriptionChange,
    ) -> Result<Changed> {
        actor.require_staff()?;
        let (by, moves) = (&actor.by(), self.0.moves());
        if change.moves {
            moves.may_fit(slug, change.plan.as_deref()).await?;
        }
        let mut write = self.0.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        if let Some(plan) = &change.plan {
            super::change_plan(&mut write, by, id, plan).await?;
        }
        if let Some((state, ends_at_us)) = change.state {
            super::set_state(&mut write, by, id, state, ends_at_us).await?;
        }
        write.commit().await?;
        let misplaced = moves.misplaced(actor, slug).await?;
        let mut changed = Changed { misplaced, operation: None, obstacle: None };
        if change.moves && !changed.misplaced.is_empty() {
            match moves.begin(actor, slug, &Wanted::Fit(None)).await {
                Ok(operation) => changed.operation = Some(operation),
                // The obstacle appeared after the check. The plan is changed, and the tenant is listed.
                Err(error) => changed.obstacle = Some(error),
            }
        }
        Ok(changed)
    }
}

/// Returns the plans that the configuration declares.
pub(super) fn declared(platform: &Platform) -> Vec<PlanSpec> {
    platform.config().plans.iter().map(spec).collect()
}

fn spec(plan: &PlanConfig) -> PlanSpec {
    PlanSpec {
        code: plan.name.to_string(),
        name: plan.label.clone(),
        trial_days: plan.trial_days,
        price: plan.price.clone(),
        limits: plan.limits,
        features: plan.features.iter().cloned().collect(),
        self_service: plan.self_service,
        servers: plan.servers.clone(),
    }
}
