//! Life of a tenant after its creation: renaming, suspension, maintenance, cancellation and its reversal.
//!
//! Verbs of [`Platform`], called by the owner's pages, the staff API and the command line. Each checks
//! its actor.

use crate::{
    Error, Platform, Result,
    access::{Actor, Tenant},
    audit::By,
    purges::operation::Survey,
    tenants::{self, Retirement, State, Terms},
};
use tenantry_engine::name::{Slug, TenantId};

impl Platform {
    /// Returns the id of the tenant with this slug.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn tenant_id(&self, slug: &Slug) -> Result<TenantId> {
        Ok(tenants::by_slug(&mut self.control().snapshot().await?, slug).await?.id)
    }

    /// Changes the slug of a tenant. Databases, files, sessions and keys stay unchanged. The old slug stays reserved
    /// and from now on looks as if it had never existed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] for a slug that is taken.
    pub async fn rename_tenant(&self, actor: &Actor, slug: &Slug, to: &Slug) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::rename(&mut write, by, id, to).await?;
        write.commit().await
    }

    /// Changes the display name of a tenant.
    ///
    /// # Errors
    /// [`Error::Denied`] unless the actor manages it; [`Error::Invalid`] for an invalid name.
    pub async fn set_tenant_name(&self, tenant: &Tenant, name: &str) -> Result<()> {
        tenant.require_manager()?;
        let mut write = self.control().begin().await?;
        tenants::set_name(&mut write, &tenant.actor().by(), tenant.id(), name).await?;
        write.commit().await?;
        self.control().refresh().await
    }

    /// Refuses all requests to a tenant until it is resumed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] unless it is active.
    pub async fn suspend_tenant(&self, actor: &Actor, slug: &Slug, reason: &str) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::suspend(&mut write, by, id, reason).await?;
        write.commit().await
    }

    /// Lets requests enter a suspended tenant again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] unless it is suspended.
    pub async fn resume_tenant(&self, actor: &Actor, slug: &Slug) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::resume(&mut write, by, id).await?;
        write.commit().await
    }

    /// Closes a tenant to its members, for this reason, while staff work on it. `None` opens it again. Operations and
    /// staff continue; nothing is stopped midway.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Invalid`] for an unreadable reason.
    pub async fn set_maintenance(&self, actor: &Actor, slug: &Slug, reason: Option<&str>) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::set_maintenance(&mut write, by, id, reason).await?;
        write.commit().await
    }

    /// Cancels a tenant, on the terms of the configuration if none are given. Returns the dates of its retention.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when it cannot be cancelled.
    pub async fn cancel_tenant(
        &self,
        actor: &Actor,
        id: TenantId,
        terms: Option<Terms>,
        reason: Option<&str>,
    ) -> Result<Retirement> {
        actor.require_staff()?;
        let by = &actor.by();
        self.cancel(by, id, terms, reason).await
    }

    /// Cancels a tenant for its own manager, on the terms of the configuration. Returns the dates of its retention.
    ///
    /// # Errors
    /// [`Error::NotFound`] for strangers; [`Error::Denied`] unless the actor manages it; [`Error::Conflict`] when it
    /// cannot be cancelled.
    pub async fn cancel_own_tenant(
        &self,
        actor: &Actor,
        id: TenantId,
        reason: Option<&str>,
    ) -> Result<Retirement> {
        self.access().managed(actor, id).await?;
        self.cancel(&actor.by(), id, None, reason).await
    }

    async fn cancel(
        &self,
        by: &By,
        id: TenantId,
        terms: Option<Terms>,
        reason: Option<&str>,
    ) -> Result<Retirement> {
        let terms = terms.unwrap_or_else(|| Terms::from(&self.config().retention));
        let mut write = self.control().begin().await?;
        let ends = tenants::cancel(&mut write, by, id, terms, reason).await?;
        write.commit().await?;
        Ok(ends)
    }

    /// Lists every place that holds data of a tenant, and what a purge does to it: the dry run.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn survey_tenant(&self, slug: &Slug) -> Result<Survey> {
        let id = self.tenant_id(slug).await?;
        self.operations().survey(id).await
    }

    /// Revokes a cancellation, at any moment before the purge.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when there is no cancellation to revoke.
    pub async fn keep_tenant(&self, actor: &Actor, id: TenantId) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        tenants::keep(&mut write, by, id).await?;
        write.commit().await
    }

    /// Revokes a cancellation for the tenant's own manager, which is possible until the tenant is closed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; [`Error::Conflict`] when it is closed or was not cancelled.
    pub async fn keep_own_tenant(&self, actor: &Actor, id: TenantId) -> Result<()> {
        self.access().managed(actor, id).await?;
        let by = &actor.by();
        let mut write = self.control().begin().await?;
        let closed = match Retirement::of(&mut write, id).await? {
            Some(ends) => ends.closes_at_us <= write.at_us(),
            None => false,
        };
        if closed || tenants::by_id(&mut write, id).await?.state == State::Cancelled {
            return Err(Error::Conflict("the account is closed: staff can take that back".into()));
        }
        tenants::keep(&mut write, by, id).await?;
        write.commit().await
    }
}
