//! Usage and activity of a tenant, for its own settings pages.
//!
//! Called by the HTTP layer with an entered tenant. It offers no way to ask about another tenant.

use crate::{
    Error, Platform, Result,
    access::Tenant,
    config::{Scope, StoreConfig},
    reroute::{Opened, is_fenced, place_in},
};
use std::sync::Arc;
use tenantry_engine::{Activity, Usage, name::StoreName, place::Place, schema::Schema};

/// Usage of a tenant in one of its stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// Number of rows of all models.
    pub rows: u64,
    /// Size in bytes, as the plan's limit counts it: of the database's pages, or of the stored values if pooled.
    pub bytes: u64,
}

fn held(usage: Usage) -> Held {
    Held { rows: usage.rows, bytes: usage.bytes }
}

impl Platform {
    /// Returns the number of rows and bytes in a store of the tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a store that tenants do not have; [`Error::NoDatabase`].
    pub async fn tenant_usage(&self, tenant: &Tenant, store: &StoreName) -> Result<Held> {
        // Reporting usage must not create an on-demand database.
        if tenant.place(store).is_err() && tenant.record().is_made_on_demand(store.as_str()) {
            return Ok(Held { rows: 0, bytes: 0 });
        }
        let opened = self.opened(tenant, store).await?;
        let place = place_in(tenant, opened.moved.as_deref(), store)?;
        match opened.session.usage().await.map_err(Error::from) {
            Ok(usage) => Ok(held(usage)),
            Err(error) if is_fenced(&error) => Box::pin(self.usage_later(tenant, place)).await,
            Err(error) => Err(error),
        }
    }

    /// Usage can only be read from an unfenced placement. Like a write, this call waits for the fence to lift.
    async fn usage_later(&self, tenant: &Tenant, refused: &Place) -> Result<Held> {
        let (inner, schema) = (&self.0, self.schema(tenant, &refused.store)?);
        let record = inner.await_place(tenant, refused, &schema, inner.write_deadline()).await?;
        let place = record.place(refused.store.as_str())?;
        let session = inner.engine.session(place, &schema, tenant.limits().bytes).await?;
        Ok(held(session.usage().await?))
    }

    /// Returns a page of the tenant's activity log in a store, newest first. `before` is the last id of the page
    /// before. A page may be shorter than `limit` because of its size in bytes; only an empty page is the last.
    ///
    /// # Errors
    /// [`Error::Denied`] unless the actor manages the tenant; those of [`Platform::tenant_usage`].
    pub async fn tenant_activity(
        &self,
        tenant: &Tenant,
        store: &StoreName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Activity>> {
        tenant.require_manager()?;
        let bytes = usize::try_from(self.config().limits.page_bytes).unwrap_or(usize::MAX);
        Ok(self.opened(tenant, store).await?.session.activity(before, limit, bytes).await?)
    }

    /// Opens a session in a store of the tenant, wherever that is now.
    pub(crate) async fn opened(&self, tenant: &Tenant, store: &StoreName) -> Result<Opened> {
        self.tenant_store(store)?;
        self.0.open(tenant, None, store, &self.schema(tenant, store)?).await
    }

    /// Returns the configuration of a store that every tenant has.
    pub(crate) fn tenant_store(&self, store: &StoreName) -> Result<&StoreConfig> {
        let config = self.config().store(store.as_str()).filter(|config| config.scope == Scope::Tenant);
        config.ok_or(Error::NotFound("store"))
    }

    fn schema(&self, tenant: &Tenant, store: &StoreName) -> Result<Arc<Schema>> {
        self.loaded().of(tenant.record()).databases.schema(store)
    }
}
