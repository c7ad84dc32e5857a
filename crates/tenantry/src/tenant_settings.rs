//! Verbs on the settings of a tenant: a JSON object that the platform keeps and does not look into, but for
//! `external_id`, the name that issuers of tokens have for the tenant (V4).
//!
//! Called by the staff API and the command line.

use crate::{Platform, Result, audit::By, tenants};
use serde_json::{Map, Value};
use tenantry_engine::name::Slug;

impl Platform {
    /// The settings of a tenant.
    pub async fn tenant_settings(&self, slug: &Slug) -> Result<Value> {
        let mut tx = self.control().snapshot().await?;
        let id = tenants::by_slug(&mut tx, slug).await?.id;
        tenants::settings(&mut tx, id).await
    }

    /// Merges `changes` into them (RFC 7396: a null removes its key), and gives what they are now.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] for an `external_id` that another tenant has.
    pub async fn change_tenant_settings(
        &self,
        by: &By,
        slug: &Slug,
        changes: Map<String, Value>,
    ) -> Result<Value> {
        let mut write = self.control().begin().await?;
        let id = tenants::by_slug(&mut write, slug).await?.id;
        tenants::change_settings(&mut write, by, id, changes).await?;
        let now = tenants::settings(&mut write, id).await?;
        write.commit().await?;
        Ok(now)
    }
}
