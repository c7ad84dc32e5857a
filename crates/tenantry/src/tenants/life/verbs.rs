//! The life of a tenant after its creation: renaming, suspension, maintenance, cancellation and its reversal.
//!
//! These are verbs of `platform.tenants()`. The staff API and the command line call them. Each verb checks its actor.

use crate::{
    Result,
    access::Actor,
    audit::By,
    tenants::{self, Retirement, Tenants, Terms},
};
use tenantry_engine::name::{Slug, TenantId};

impl Tenants<'_> {
    /// Returns the id of the tenant with this slug.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant.
    pub async fn id_of(&self, slug: &Slug) -> Result<TenantId> {
        Ok(tenants::by_slug(&mut self.platform.control().snapshot().await?, slug).await?.id)
    }

    /// Changes the slug of a tenant. Databases, files, sessions and keys stay unchanged. The old slug stays reserved,
    /// and from now on requests for it get the same answer as if it had never existed.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant; [`crate::Error::Conflict`] for a slug that is
    /// taken.
    pub async fn rename(&self, actor: &Actor, slug: &Slug, to: &Slug) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::rename(&mut write, by, id, to).await?;
        write.commit().await
    }

    /// Refuses all requests to a tenant until it is resumed.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant; [`crate::Error::Conflict`] unless it is active.
    pub async fn suspend(&self, actor: &Actor, slug: &Slug, reason: &str) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::suspend(&mut write, by, id, reason).await?;
        write.commit().await
    }

    /// Lets requests enter a suspended tenant again.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant; [`crate::Error::Conflict`] unless it is
    /// suspended.
    pub async fn resume(&self, actor: &Actor, slug: &Slug) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::resume(&mut write, by, id).await?;
        write.commit().await
    }

    /// Closes a tenant to its members, for this reason, while staff work on it, or reopens it with `None`. Operations
    /// and staff continue; nothing is stopped midway.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant; [`crate::Error::Invalid`] for an unreadable
    /// reason.
    pub async fn set_maintenance(&self, actor: &Actor, slug: &Slug, reason: Option<&str>) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::set_maintenance(&mut write, by, id, reason).await?;
        write.commit().await
    }

    /// Cancels a tenant, on the terms of the configuration if none are given. Returns the dates of its retention.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant; [`crate::Error::Conflict`] when it cannot be
    /// cancelled.
    pub async fn cancel(
        &self,
        actor: &Actor,
        id: TenantId,
        terms: Option<Terms>,
        reason: Option<&str>,
    ) -> Result<Retirement> {
        actor.require_staff()?;
        let by = &actor.by();
        self.cancel_by(by, id, terms, reason).await
    }

    pub(crate) async fn cancel_by(
        &self,
        by: &By,
        id: TenantId,
        terms: Option<Terms>,
        reason: Option<&str>,
    ) -> Result<Retirement> {
        let terms = terms.unwrap_or_else(|| Terms::from(&self.platform.config().retention));
        let mut write = self.platform.control().begin().await?;
        let ends = tenants::cancel(&mut write, by, id, terms, reason).await?;
        write.commit().await?;
        Ok(ends)
    }

    /// Revokes a cancellation. This is possible until the purge begins.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] when there is no such tenant; [`crate::Error::Conflict`] when there is no
    /// cancellation to revoke.
    pub async fn revoke_cancellation(&self, actor: &Actor, id: TenantId) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        tenants::keep(&mut write, by, id).await?;
        write.commit().await
    }
}
