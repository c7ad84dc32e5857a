//! The verbs of an entered tenant on itself: `platform.tenant(&tenant)`. `statements.rs` has its SQL statements,
//! `backups/own.rs` its backups.
//!
//! The tenant's own pages call them. They offer no way to reach another tenant.

use crate::{
    Error, Platform, Result,
    access::Tenant,
    locale::ProfileChange,
    tenants::databases::reroute::{Opened, is_fenced, place_in},
};
use std::sync::Arc;
use tenantry_engine::{Activity, Usage, name::StoreName, place::Place, schema::Schema};

/// Space that a tenant uses in one of its stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// Number of rows in all models.
    pub rows: u64,
    /// Size in bytes that counts towards the plan's limit: of the pages of an own SQLite file, otherwise of the stored
    /// values.
    pub bytes: u64,
    /// Size in bytes on the server: of the tenant's own file, schema or database; in a pool, of the stored values.
    pub size_bytes: u64,
}

/// The verbs of an entered tenant on itself.
pub struct OwnTenant<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) tenant: &'a Tenant,
}

impl Platform {
    /// Returns the verbs of an entered tenant on itself: name, usage, activity, SQL and backups. They offer no way to
    /// reach another tenant.
    pub fn tenant<'a>(&'a self, tenant: &'a Tenant) -> OwnTenant<'a> {
        OwnTenant { platform: self, tenant }
    }
}

impl OwnTenant<'_> {
    /// Changes the name, the language and the time zone of the tenant.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant, and [`Error::Invalid`] for an invalid value, or
    /// if nothing is to be changed.
    pub async fn change_profile(&self, change: &ProfileChange<'_>) -> Result<()> {
        self.tenant.require_manager()?;
        change.check()?;
        if change.name.is_none() && !change.has_locale() {
            return Err(Error::invalid("name", "name something to change"));
        }
        let (by, id) = (self.tenant.actor().by(), self.tenant.id());
        let mut write = self.platform.control().begin().await?;
        if let Some(name) = change.name {
            super::set_name(&mut write, &by, id, name).await?;
        }
        if change.has_locale() {
            super::settings::change_settings(&mut write, &by, id, change.patch()).await?;
        }
        write.commit().await?;
        self.platform.control().refresh().await
    }

    /// Returns the number of rows and bytes in a store of the tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a store that tenants do not have; [`Error::NoDatabase`] if the tenant has no
    /// database there.
    pub async fn usage(&self, store: &StoreName) -> Result<Held> {
        // Reporting usage must not create an on-demand database, and one that its owner has not attached holds nothing.
        if let Err(error) = self.tenant.place(store)
            && (self.tenant.record().is_made_on_demand(store.as_str())
                || matches!(error, Error::NotAttached { .. }))
        {
            return Ok(Held { rows: 0, bytes: 0, size_bytes: 0 });
        }
        let opened = self.opened(store).await?;
        let place = place_in(self.tenant, opened.moved.as_deref(), store)?;
        match opened.session.usage().await.map_err(Error::from) {
            Ok(usage) => self.held(place, usage).await,
            Err(error) if is_fenced(&error) => Box::pin(self.usage_later(place)).await,
            Err(error) => Err(error),
        }
    }

    /// Returns the total size of the tenant's uploaded files, in bytes.
    ///
    /// # Errors
    /// Returns the errors of the object store.
    pub async fn file_bytes(&self) -> Result<u64> {
        let used = self.platform.0.files.used_bytes(self.tenant.id()).await;
        used.map_err(crate::records::refused_file)
    }

    /// Reads the usage after waiting, like a write, for the fence to lift: only an unfenced placement reports its
    /// usage.
    async fn usage_later(&self, refused: &Place) -> Result<Held> {
        let (inner, schema) = (&self.platform.0, self.schema(&refused.store)?);
        let record = inner.await_place(self.tenant, refused, &schema, inner.write_deadline()).await?;
        let place = record.place(refused.store.as_str())?;
        let session = inner.engine.session(place, &schema).await?;
        self.held(place, session.usage().await?).await
    }

    async fn held(&self, place: &Place, usage: Usage) -> Result<Held> {
        let size_bytes = self.platform.0.engine.size_bytes(place).await?;
        Ok(Held { rows: usage.rows, bytes: usage.bytes, size_bytes })
    }

    /// Returns a page of the tenant's activity log in a store, newest first. `before` is the last id of the previous
    /// page. A page may have fewer than `limit` rows because its size in bytes is limited; the list ends with an empty
    /// page.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; or the errors of [`OwnTenant::usage`].
    pub async fn activity(
        &self,
        store: &StoreName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Activity>> {
        self.tenant.require_manager()?;
        let bytes = usize::try_from(self.platform.config().limits.page_bytes).unwrap_or(usize::MAX);
        let session = self.opened(store).await?.session.may_lag();
        let session = session.after(self.tenant.positions().brought()).await;
        Ok(session.activity(before, limit, bytes).await?)
    }

    /// Opens a session in a store of the tenant, wherever its rows are now.
    pub(crate) async fn opened(&self, store: &StoreName) -> Result<Opened> {
        self.platform.config().tenant_store(store)?;
        self.platform.0.open(self.tenant, None, store, &self.schema(store)?).await
    }

    fn schema(&self, store: &StoreName) -> Result<Arc<Schema>> {
        self.platform.loaded().of(self.tenant.record()).databases.schema(store)
    }
}
