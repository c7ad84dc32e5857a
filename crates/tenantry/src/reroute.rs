//! What a request does whose place is moved under it, or is yet to be made: it looks where the rows are
//! now, and goes there.
//!
//! Called by records and insight for every session in a tenant's store. The handle stays what it is
//! (`sealed-handle`): the tenant is the same, the gates are asked again, the place comes from the catalog. Costs
//! nothing unless a place was missing or refused.

use crate::{Error, Result, access::Tenant, platform::Inner, topology::TenantRecord};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind,
    engine::Session,
    name::{StoreName, TenantId},
    place::Place,
    sqlite::plan::Schema,
};
use tokio::sync::{Mutex, MutexGuard};

/// First pause between two looks; it doubles up to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);
/// A pause is over sooner: whoever made it may be dead.
const RESCUE_EVERY: Duration = Duration::from_millis(250);

/// The place was fenced: moved away from, or about to be.
pub(crate) fn is_fenced(error: &Error) -> bool {
    matches!(error, Error::Engine(error) if *error.kind() == Kind::Fenced)
}

/// Why the catalog's place cannot be used, with its tenant and the remedy: the database is missing, or behind.
pub(crate) fn refused(record: &TenantRecord, place: &Place, error: tenantry_engine::Error) -> Error {
    let (slug, store, detail) = (record.slug.to_string(), place.store.to_string(), error.to_string());
    match error.kind() {
        Kind::Missing => Error::DatabaseLost { slug, store, detail },
        Kind::SchemaBehind => {
            let reason = record.placement(&store).and_then(|placement| placement.migration_error.clone());
            Error::MigrationsPending { slug, store, reason, detail }
        }
        _ => error.into(),
    }
}

/// The tenant does not live at that place any more.
fn is_elsewhere(error: &tenantry_engine::Error) -> bool {
    matches!(error.kind(), Kind::Fenced | Kind::Missing | Kind::WrongIdentity | Kind::UnknownServer(_))
}

/// Turns of those who need the same database first: one makes it, the others find it made. A fixed number of
/// queues, so that nothing is kept for each tenant; two tenants in one queue merely wait for each other.
#[derive(Default)]
pub(crate) struct Making([Mutex<()>; 32]);

impl Making {
    async fn turn(&self, tenant: TenantId, store: &StoreName) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (tenant, store).hash(&mut hasher);
        let queue = usize::try_from(hasher.finish() % self.0.len() as u64).unwrap_or(0);
        self.0[queue].lock().await
    }
}

/// A session, and the tenant's record when it is a newer one than the handle's.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) moved: Option<Arc<TenantRecord>>,
}

impl Inner {
    /// A session in a store of the tenant, wherever its rows are now. A database that is made when it is first
    /// needed is made first; nothing else that is missing is.
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
            let _turn = self.making.turn(tenant.id(), store).await;
            self.operations.ensure_database(&tenant.actor().by(), tenant.id(), store.as_str()).await?;
            record = self.access.again(tenant).await?;
        }
        let place = record.place(store.as_str())?;
        let session = self.engine.session(place, schema, tenant.limits().bytes).await;
        let session = session.map_err(|error| refused(&record, place, error))?;
        Ok(Opened { session, moved: Some(record) })
    }

    /// A session at `place` of the tenant, or, when it was just moved away from there, where it is now.
    async fn open_at(&self, tenant: &Tenant, place: &Place, schema: &Arc<Schema>) -> Result<Opened> {
        match self.engine.session(place, schema, tenant.limits().bytes).await {
            Ok(session) => Ok(Opened { session, moved: None }),
            Err(error) if is_elsewhere(&error) => {
                Box::pin(self.open_elsewhere(tenant, place, schema, error)).await
            }
            Err(error) => Err(refused(tenant.record(), place, error)),
        }
    }

    // The place is looked up again: only what the catalog still names is lost.
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
            return Err(refused(&record, place, error));
        }
        let session = self.engine.session(now, schema, tenant.limits().bytes).await;
        let session = session.map_err(|error| refused(&record, now, error))?;
        Ok(Opened { session, moved: Some(record) })
    }

    /// Until when a write that begins now waits for its place.
    pub(crate) fn write_deadline(&self) -> Instant {
        Instant::now() + self.config.operations.write_wait
    }

    /// Waits until the tenant's store may be written to again after `refused` was found fenced: elsewhere,
    /// or there when the move was taken back. The record says where.
    ///
    /// # Errors
    /// [`Kind::Fenced`] when `until` passes first.
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
            if place != refused || self.is_open(tenant, place, schema).await? {
                return Ok(record);
            }
            if Instant::now() >= until {
                let detail = format!("{refused:?} stayed fenced for as long as a write waits");
                return Err(tenantry_engine::Error::new(Kind::Fenced, detail).into());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether writes are let through there; a read of one row.
    async fn is_open(&self, tenant: &Tenant, place: &Place, schema: &Arc<Schema>) -> Result<bool> {
        let asked = match self.engine.session(place, schema, tenant.limits().bytes).await {
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

/// The place of a store in a record that may be newer than the handle's.
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
