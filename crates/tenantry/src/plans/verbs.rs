//! The verbs on plans: `platform.plans()`.
//!
//! The registration form, the staff API and the command line call them.

use super::{Initialized, Plan, PlanSpec, State};
use crate::{Platform, Result, access::Actor, config::PlanConfig, control::Control, tenants};
use tenantry_engine::name::Slug;

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
    /// or both in one commit.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if there is no such tenant, or it has no subscription;
    /// [`crate::Error::Invalid`] when there is no such plan.
    pub async fn change_subscription(
        &self,
        actor: &Actor,
        slug: &Slug,
        plan: Option<&str>,
        state: Option<(State, Option<i64>)>,
    ) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.0.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        if let Some(plan) = plan {
            super::change_plan(&mut write, by, id, plan).await?;
        }
        if let Some((state, ends_at_us)) = state {
            super::set_state(&mut write, by, id, state, ends_at_us).await?;
        }
        write.commit().await
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
    }
}
