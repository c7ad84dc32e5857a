//! Verbs on the settings of a tenant: a JSON object that the platform stores without interpreting it, except for
//! `external_id`, the tenant's name at token issuers.
//!
//! Called by the staff API and the command line.

use super::Tenants;
use crate::{Result, access::Actor, tenants};
use serde_json::{Map, Value};
use tenantry_engine::name::Slug;

impl Tenants<'_> {
    /// Returns the settings of a tenant.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] when there is no such tenant.
    pub async fn settings(&self, slug: &Slug) -> Result<Value> {
        let mut tx = self.platform.control().snapshot().await?;
        let id = tenants::by_slug(&mut tx, slug).await?.id;
        tenants::settings(&mut tx, id).await
    }

    /// Merges `changes` into the settings (RFC 7396: a null removes its key). Returns the result.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] for an `external_id` that another tenant has.
    pub async fn change_settings(
        &self,
        actor: &Actor,
        slug: &Slug,
        changes: Map<String, Value>,
    ) -> Result<Value> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::change_settings(&mut write, by, id, changes).await?;
        let now = tenants::settings(&mut write, id).await?;
        write.commit().await?;
        Ok(now)
    }
}
