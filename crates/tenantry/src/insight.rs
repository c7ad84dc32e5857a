//! What a tenant holds, and who changed what in it: for its own settings pages.
//!
//! Called by the HTTP layer with an entered tenant; there is no way to ask about another.

use crate::{Error, Platform, Result, access::Tenant};
use tenantry_engine::{Activity, Session, name::StoreName};

/// What a tenant holds in one of its stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// Rows of all models.
    pub rows: u64,
    /// Bytes: of the database, or of the stored values where pooled.
    pub bytes: u64,
}

impl Platform {
    /// Rows and bytes in a store of the tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a store that is none of a tenant's; [`Error::NoDatabase`] (M16).
    pub async fn tenant_usage(&self, tenant: &Tenant, store: &StoreName) -> Result<Held> {
        let usage = self.session_in(tenant, store).await?.usage().await?;
        let place = tenant.place(store)?;
        let bytes = match place.isolation {
            tenantry_engine::place::Isolation::Pooled => usage.bytes,
            tenantry_engine::place::Isolation::Database => self.0.engine.size_bytes(place)?,
        };
        Ok(Held { rows: usage.rows, bytes })
    }

    /// A page of the tenant's own log in a store, newest first; `before` is the last id of the page before.
    ///
    /// # Errors
    /// As [`Platform::tenant_usage`].
    pub async fn tenant_activity(
        &self,
        tenant: &Tenant,
        store: &StoreName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Activity>> {
        Ok(self.session_in(tenant, store).await?.activity(before, limit).await?)
    }

    async fn session_in(&self, tenant: &Tenant, store: &StoreName) -> Result<Session> {
        let schema = self.0.schemas.get(store).ok_or(Error::NotFound("store"))?;
        Ok(self.0.engine.session(tenant.place(store)?, schema, tenant.limits().bytes).await?)
    }
}
