//! What becomes of a tenant after it was made: its name, whether it may be entered, its end, and the way back
//! from it.
//!
//! Verbs of [`Platform`], called by the owner's pages, staff and the command line. Whether the caller
//! may was decided by its door, as for `operator`.

use crate::{
    Error, Platform, Result,
    audit::By,
    operations::purge::Survey,
    tenants::{self, Retirement, State, Terms},
};
use tenantry_engine::name::{Slug, TenantId};

impl Platform {
    /// Id of the tenant of that slug.
    pub async fn tenant_id(&self, slug: &Slug) -> Result<TenantId> {
        Ok(tenants::by_slug(&mut self.control().snapshot().await?, slug).await?.id)
    }

    /// Gives a tenant another slug. Databases, files, sessions and keys stay what they are; the old slug
    /// is kept back and from now on looks like one that never was.
    pub async fn rename_tenant(&self, by: &By, slug: &Slug, to: &Slug) -> Result<()> {
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::rename(&mut write, by, id, to).await?;
        write.commit().await
    }

    /// Refuses all requests to a tenant until it is resumed.
    pub async fn suspend_tenant(&self, by: &By, slug: &Slug, reason: &str) -> Result<()> {
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::suspend(&mut write, by, id, reason).await?;
        write.commit().await
    }

    /// Lets a suspended tenant work again.
    pub async fn resume_tenant(&self, by: &By, slug: &Slug) -> Result<()> {
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::resume(&mut write, by, id).await?;
        write.commit().await
    }

    /// Closes a tenant to its members for this reason while staff are at work, or with none opens it
    /// again. Operations and staff go on; nothing is stopped midway.
    pub async fn set_maintenance(&self, by: &By, slug: &Slug, reason: Option<&str>) -> Result<()> {
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::set_maintenance(&mut write, by, id, reason).await?;
        write.commit().await
    }

    /// Begins the end of a tenant, by default on the terms of the configuration.
    pub async fn cancel_tenant(
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

    /// Every place where data of a tenant lies, and what a purge does to it: the dry run.
    pub async fn survey_tenant(&self, slug: &Slug) -> Result<Survey> {
        let id = self.tenant_id(slug).await?;
        self.operations().survey(id).await
    }

    /// Takes a cancellation back, at any moment before the purge.
    pub async fn keep_tenant(&self, by: &By, id: TenantId) -> Result<()> {
        let mut write = self.control().begin().await?;
        tenants::keep(&mut write, by, id).await?;
        write.commit().await
    }

    /// The same by the tenant's own owner, who can until it is closed.
    pub async fn keep_own_tenant(&self, by: &By, id: TenantId) -> Result<()> {
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
