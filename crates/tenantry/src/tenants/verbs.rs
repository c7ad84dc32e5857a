//! The verbs on tenants for staff and operators: `platform.tenants()`. Each verb that changes something checks its
//! actor, writes an audit row, and commits.
//!
//! The staff API and the command line call them.

use super::{
    Figures, Filter, Listed, NewTenant,
    databases::fit::{self, PlanServers},
    provision::{CreateTenant, Created},
};
use crate::{
    Platform, Result,
    access::{Actor, Operator, Tenant},
    users::NewOwner,
};
use tenantry_engine::name::Slug;

/// The tenants of an installation, as staff and operators see them.
pub struct Tenants<'a> {
    pub(super) platform: &'a Platform,
}

impl Platform {
    /// Returns the verbs on tenants: list, create, enter, rename, suspend, cancel.
    pub fn tenants(&self) -> Tenants<'_> {
        Tenants { platform: self }
    }
}

impl Tenants<'_> {
    /// Returns a page of tenants with users, plan, subscription, last backup and placements.
    ///
    /// # Errors
    /// Returns [`crate::Error::Invalid`] if the tenant that the page comes after does not exist.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        let control = self.platform.control();
        let (apps, mut tx) = (self.platform.apps(), control.snapshot().await?);
        let plans = match filter.misplaced {
            true => fit::labelled(&mut tx, self.platform.config()).await?,
            false => vec![],
        };
        super::list(&mut tx, filter, apps.stores(), &plans, control.now_us()).await
    }

    /// Returns one tenant with the columns of [`Tenants::list`].
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant.
    pub async fn show(&self, slug: &Slug) -> Result<Listed> {
        let control = self.platform.control();
        super::show(&mut control.snapshot().await?, slug, control.now_us()).await
    }

    /// Counts tenants, users and databases.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn figures(&self) -> Result<Figures> {
        let control = self.platform.control();
        super::figures::read(&mut control.snapshot().await?, control.now_us()).await
    }

    /// Returns the size of a tenant's databases on disk, in bytes. Missing databases count as 0.
    pub async fn bytes(&self, tenant: &Listed) -> u64 {
        let mut bytes = 0;
        for placement in &tenant.placements {
            bytes += self.platform.0.engine.size_bytes(&placement.place).await.unwrap_or(0);
        }
        bytes
    }

    /// Creates a tenant with its databases, its subscription and, if given, its first member: all or nothing. Without
    /// `plan`, the tenant starts on the configuration's default plan.
    ///
    /// # Errors
    /// Returns [`crate::Error::Invalid`] for invalid input; [`crate::Error::Conflict`] for a slug or address that is
    /// taken, and for a plan that fits no server.
    pub async fn create(
        &self,
        actor: &Actor,
        tenant: NewTenant,
        plan: Option<&str>,
        owner: Option<NewOwner>,
    ) -> Result<Created> {
        actor.require_staff()?;
        let by = &actor.by();
        let plan = plan.unwrap_or(self.platform.config().registration.default_plan.as_str()).to_owned();
        let wanted = PlanServers::of_plan(&mut self.platform.control().snapshot().await?, &plan).await?;
        let placements = self.placements(&tenant.slug, &wanted).await?;
        let owner = match owner {
            Some(owner) => {
                Some((owner.hashed(self.platform.access().passwords()).await?, self.platform.owner_role()?))
            }
            None => None,
        };
        let wanted = CreateTenant { tenant, placements, plan: Some(plan), owner };
        self.platform.0.operations.create_tenant(by, wanted).await
    }

    /// Creates the databases that an existing tenant lacks.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant.
    pub async fn create_databases(&self, actor: &Actor, slug: &Slug) -> Result<Created> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = super::by_slug(&mut tx, slug).await?.id;
        let wanted = PlanServers::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let placements = self.placements(slug, &wanted).await?;
        for new in &placements {
            self.platform.0.plan_again(by, tenant, &new.store).await?;
        }
        self.platform.0.operations.create_databases(by, slug, placements).await
    }

    /// Enters a tenant as the operator. No request from a network reaches this function.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant.
    pub async fn enter(&self, operator: &Operator, slug: &Slug) -> Result<Tenant> {
        self.platform.control().refresh().await?;
        let id = self.platform.0.topology.by_slug(slug).await?.id;
        self.platform.access().enter(operator, id).await
    }
}
