//! Reroutes a request whose place was moved meanwhile or does not exist yet: finds out where the rows are now, and
//! continues there.
//!
//! Records and an entered tenant's own verbs call it for every session in a tenant's store. The handle stays the same
//! (`sealed-handle`): it names the same tenant, the gates are checked again, and the catalog provides the place. It
//! costs nothing unless a place was missing or refused.

use crate::{
    Error, Result,
    access::Tenant,
    operations::is_at_work,
    platform::inner::Inner,
    topology::{Policy, TenantRecord},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{Kind, engine::Session, name::StoreName, place::Place, schema::Schema};

/// First pause between two checks. Each further pause doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);
/// Interval of attempts to take over the move. A move pauses writes for less than this, so the mover has probably died.
const RESCUE_EVERY: Duration = Duration::from_millis(250);

/// Returns true if the place was fenced: the tenant was moved away from it, or is about to be moved.
pub(crate) fn is_fenced(error: &Error) -> bool {
    matches!(error, Error::Engine(error) if *error.kind() == Kind::Fenced)
}

/// Explains why the place that the catalog names cannot be used: the database is missing, or its schema is behind or
/// ahead. Adds the tenant and the remedy.
pub(crate) fn refused(
    inner: &Inner,
    record: &TenantRecord,
    place: &Place,
    error: tenantry_engine::Error,
) -> Error {
    let (slug, store, detail) = (record.slug.to_string(), place.store.to_string(), error.to_string());
    match error.kind() {
        Kind::Missing => Error::DatabaseLost { slug, store, detail },
        Kind::SchemaBehind => {
            let placement = record.placement(&store);
            let recorded = placement.and_then(|placement| placement.migration_error.clone());
            let reason = inner.reason_of(place).or(recorded);
            let is_external = placement.is_some_and(|placement| placement.policy == Policy::External);
            Error::MigrationsPending { slug, store, reason, is_external, detail }
        }
        Kind::SchemaAhead => Error::ServerOutdated { slug, store, detail },
        Kind::Corrupt | Kind::WrongIdentity => {
            let is_pooled = place.isolation.is_pooled();
            Error::DatabaseDamaged { slug, store, is_pooled, detail }
        }
        _ => error.into(),
    }
}

/// Returns true if the error means that the tenant's rows are no longer at that place.
fn is_elsewhere(error: &tenantry_engine::Error) -> bool {
    matches!(error.kind(), Kind::Fenced | Kind::Missing | Kind::WrongIdentity | Kind::UnknownServer(_))
}

/// A session, with the tenant's record if it is newer than the handle's record.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) moved: Option<Arc<TenantRecord>>,
}

impl Inner {
    /// Opens a session in a store of the tenant, wherever its rows are now. Creates an on-demand database first, but no
    /// other missing database.
    pub(crate) async fn open(
        &self,
        tenant: &Tenant,
        moved: Option<&TenantRecord>,
        store: &StoreName,
        schema: &Arc<Schema>,
    ) -> Result<Opened> {
        match place_in(tenant, moved, store) {
            Ok(place) => self.open_at(tenant, place, schema).await,
            Err(missing) => Box::pin(self.open_first(tenant, store, schema, missing)).await,
        }
    }

    async fn open_first(
        &self,
        tenant: &Tenant,
        store: &StoreName,
        schema: &Arc<Schema>,
        missing: Error,
    ) -> Result<Opened> {
        let mut record = self.access.again(tenant).await?;
        if record.place(store.as_str()).is_err() {
            if !record.is_made_on_demand(store.as_str()) {
                return Err(missing);
            }
            let _turn = self.creating.turn(tenant.id(), store).await;
            self.plan_again(&tenant.actor().by(), tenant.id(), store).await?;
            self.operations.ensure_database(&tenant.actor().by(), tenant.id(), store.as_str()).await?;
            record = self.access.again(tenant).await?;
        }
        let place = record.place(store.as_str())?;
        let session = self.engine.session(place, schema).await;
        let session = session.map_err(|error| refused(self, &record, place, error))?;
        Ok(Opened { session, moved: Some(record) })
    }

    /// Opens a session at `place` or, if the tenant was just moved away from there, at its new place.
    async fn open_at(&self, tenant: &Tenant, place: &Place, schema: &Arc<Schema>) -> Result<Opened> {
        match self.engine.session(place, schema).await {
            Ok(session) => Ok(Opened { session, moved: None }),
            Err(error) if is_elsewhere(&error) => {
                Box::pin(self.open_elsewhere(tenant, place, schema, error)).await
            }
            Err(error) => Err(refused(self, tenant.record(), place, error)),
        }
    }

    // Looks the place up again: the database is lost only if the catalog still names this place.
    async fn open_elsewhere(
        &self,
        tenant: &Tenant,
        place: &Place,
        schema: &Arc<Schema>,
        error: tenantry_engine::Error,
    ) -> Result<Opened> {
        let record = self.access.again(tenant).await?;
        let now = record.place(place.store.as_str())?;
        if now == place {
            return Err(refused(self, &record, place, error));
        }
        let session = self.engine.session(now, schema).await;
        let session = session.map_err(|error| refused(self, &record, now, error))?;
        Ok(Opened { session, moved: Some(record) })
    }

    /// Returns the time until which a write that begins now waits for its place.
    pub(crate) fn write_deadline(&self) -> Instant {
        Instant::now() + self.config.operations.write_wait
    }

    /// Waits until the tenant's store accepts writes again after `refused` was found fenced: at a new place, or at the
    /// same one if the move was undone. The returned record names the place.
    ///
    /// # Errors
    /// Returns [`Kind::Fenced`] if the store does not accept writes before `until`.
    pub(crate) async fn await_place(
        &self,
        tenant: &Tenant,
        refused: &Place,
        schema: &Arc<Schema>,
        until: Instant,
    ) -> Result<Arc<TenantRecord>> {
        let (mut pause, mut looked) = (FIRST_PAUSE, Instant::now());
        loop {
            tokio::time::sleep(pause).await;
            if looked.elapsed() >= RESCUE_EVERY {
                looked = Instant::now();
                self.operations.rescue(tenant.id());
            }
            let record = self.access.again(tenant).await?;
            let place = record.place(refused.store.as_str())?;
            if place != refused || self.is_open(place, schema).await? {
                return Ok(record);
            }
            if Instant::now() >= until {
                let mut tx = self.control.snapshot().await?;
                if !is_at_work(&mut tx, tenant.id()).await? && !self.is_open(place, schema).await? {
                    let (slug, store) = (record.slug.to_string(), refused.store.to_string());
                    let detail = format!("{refused} is fenced, and no operation is working on it");
                    return Err(Error::Superseded { slug, store, detail });
                }
                let detail = format!("{refused} stayed fenced for as long as a write waits");
                return Err(tenantry_engine::Error::new(Kind::Fenced, detail).into());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Returns true if the place accepts writes. Costs the read of one row.
    async fn is_open(&self, place: &Place, schema: &Arc<Schema>) -> Result<bool> {
        let asked = match self.engine.session(place, schema).await {
            Ok(session) => session.usage().await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(_) => Ok(true),
            Err(error) if *error.kind() == Kind::Fenced => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the place of a store, from a record that may be newer than the handle's.
pub(crate) fn place_in<'a>(
    tenant: &'a Tenant,
    moved: Option<&'a TenantRecord>,
    store: &StoreName,
) -> Result<&'a Place> {
    match moved {
        Some(record) => record.place(store.as_str()),
        None => tenant.place(store),
    }
}
