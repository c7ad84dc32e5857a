//! The verbs on plans: `platform.plans()`.
//!
//! Called by the registration form, the staff API and the command line.

use super::{Initialized, Plan, PlanSpec};
use crate::{Platform, Result, access::Actor, config::PlanConfig};

/// The plans of an installation.
pub struct Plans<'a>(&'a Platform);

impl Platform {
    /// Plans: list, find, write those of the configuration to the catalog.
    pub fn plans(&self) -> Plans<'_> {
        Plans(self)
    }
}

impl Plans<'_> {
    /// Lists all plans, also archived ones.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn list(&self) -> Result<Vec<Plan>> {
        super::list(&mut self.0.control().snapshot().await?).await
    }

    /// Returns the plan with this code if new subscriptions may use it.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when there is no such plan; [`crate::Error::MasterDataEmpty`] when there are none at all
    ///.
    pub async fn by_code(&self, code: &str) -> Result<Plan> {
        super::by_code(&mut self.0.control().snapshot().await?, code).await
    }

    /// Writes the configuration's plans to the catalog, and archives plans that are no longer configured.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if the actor is not staff.
    pub async fn initialise(&self, actor: &Actor) -> Result<Initialized> {
        actor.require_staff()?;
        let specs: Vec<PlanSpec> = self.0.config().plans.iter().map(spec).collect();
        let mut write = self.0.control().begin().await?;
        let done = super::initialize(&mut write, &actor.by(), &specs).await?;
        write.commit().await?;
        Ok(done)
    }
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
