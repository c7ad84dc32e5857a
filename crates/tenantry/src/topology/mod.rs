//! In-memory records of tenants for requests: record, subscription, entitlements and placements.
//!
//! Called by access for every request, and by operations. Filled from the catalog on first use and kept coherent across
//! processes by the invalidation log. Bounded: 100,000 tenants cost no more memory than the cache's capacity. Never
//! falls back: what the catalog does not record does not exist (`catalog-placement`).

pub(crate) mod fleet;
mod load;
pub(crate) mod placement;
pub(crate) mod record;
pub(crate) mod swap;
pub mod versions;

pub(crate) use fleet::Fleet;
pub(crate) use placement::places_of_store;
pub use placement::{NewPlacement, Placement, PlacementState, Policy};

use crate::{
    Error, Result,
    control::{Control, Subject},
    plans::{Entitlements, Subscription},
    tenants::{Retirement, State},
};
use quick_cache::sync::Cache;
use std::sync::Arc;
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// Number of tenants kept in memory; about 1 kB each.
const CAPACITY: usize = 20_000;

/// A tenant as of the last refresh. Immutable; a change replaces it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TenantRecord {
    /// Id.
    pub id: TenantId,
    /// Short name in URLs and hosts.
    pub slug: Slug,
    /// Display name.
    pub name: String,
    /// State of the tenant.
    pub state: State,
    /// Reason of the maintenance during which only staff may enter. `None`: members may enter.
    pub maintenance: Option<String>,
    /// Dates of its retention, if it was cancelled.
    pub retirement: Option<Retirement>,
    /// Its subscription. `None`: it has none.
    pub subscription: Option<Subscription>,
    /// Features and limits. Without a subscription: no features, no limits.
    pub entitlements: Entitlements,
    /// Placements of its stores.
    pub placements: Vec<Placement>,
}

impl TenantRecord {
    /// Returns the place of the rows of this store.
    ///
    /// # Errors
    /// [`Error::NoDatabase`] or [`Error::NotAttached`], with its remedy, for a store that has no placement, or
    /// whose database is only planned. Never returns another place.
    pub fn place(&self, store: &str) -> Result<&Place> {
        let ready = |p: &&Placement| p.place.store.as_str() == store && p.state == PlacementState::Ready;
        Ok(&self.placements.iter().find(ready).ok_or_else(|| self.missing(store))?.place)
    }

    /// Returns true if the database of this store is planned and created by the first request that needs it.
    pub(crate) fn is_made_on_demand(&self, store: &str) -> bool {
        let on_demand = |p: &Placement| p.state == PlacementState::Planned && p.policy == Policy::OnDemand;
        self.placement(store).is_some_and(on_demand)
    }

    fn missing(&self, store: &str) -> Error {
        let (slug, store) = (self.slug.to_string(), store.to_owned());
        match self.placement(&store).map(|placement| placement.policy) {
            Some(Policy::External) => Error::NotAttached { slug, store },
            _ => Error::NoDatabase { slug, store },
        }
    }

    /// Returns the placement of this store in whatever state. `None`: the catalog has none.
    pub fn placement(&self, store: &str) -> Option<&Placement> {
        self.placements.iter().find(|p| p.place.store.as_str() == store)
    }
}

/// Cache of tenant records. Cheap to clone.
#[derive(Clone)]
pub struct Topology {
    control: Control,
    caches: Arc<Caches>,
}

struct Caches {
    /// Record, with the epoch in which its load began.
    by_id: Cache<TenantId, (u64, Arc<TenantRecord>)>,
    /// Maps only slug to id, so that no entry has to be found by its contents. Slugs are never given to another tenant.
    /// A stale entry leads to an id whose record then shows its current slug.
    by_slug: Cache<Slug, TenantId>,
}

impl Topology {
    /// Creates an empty cache and registers for invalidations.
    pub(crate) fn new(control: Control) -> Self {
        Self::with_capacity(control, CAPACITY)
    }

    /// Like [`Self::new`], with room for this many tenants.
    pub(crate) fn with_capacity(control: Control, tenants: usize) -> Self {
        let caches = Arc::new(Caches { by_id: Cache::new(tenants), by_slug: Cache::new(tenants) });
        let listener = caches.clone();
        control.listen(move |subject| match subject {
            Subject::Tenant(id) => drop(listener.by_id.remove(id)),
            Subject::Everything => {
                listener.by_id.clear();
                listener.by_slug.clear();
            }
            _ => {}
        });
        Self { control, caches }
    }

    /// Returns the tenant with this id. Call `Control::refresh` once before, at the start of the request.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn by_id(&self, id: TenantId) -> Result<Arc<TenantRecord>> {
        match self.caches.by_id.get(&id) {
            Some((_, record)) => Ok(record),
            // Boxed: it is rare, and the future of a warm request stays small.
            None => Box::pin(self.cold(id)).await,
        }
    }

    /// Loads a tenant once for all callers that wait for it. A caller loads again if the load that it joined began
    /// before the state that the caller must see: otherwise the request after a suspension might still enter.
    async fn cold(&self, id: TenantId) -> Result<Arc<TenantRecord>> {
        let asked = self.control.epoch();
        let load = async {
            let began = self.control.epoch();
            Ok::<_, crate::Error>((began, load::by_id(&self.control, id).await?))
        };
        let (began, record) = self.caches.by_id.get_or_insert_async(&id, load).await?;
        if self.control.epoch() != began {
            // Something changed during the load: this record may be older than the change.
            self.caches.by_id.remove(&id);
        }
        if began >= asked { Ok(record) } else { load::by_id(&self.control, id).await }
    }

    /// Returns the tenant with this slug. Call `Control::refresh` once before, at the start of the request.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn by_slug(&self, slug: &Slug) -> Result<Arc<TenantRecord>> {
        let id = match self.caches.by_slug.get(slug) {
            Some(id) => id,
            None => self.id_of(slug).await?,
        };
        let record = self.by_id(id).await?;
        if record.slug == *slug {
            return Ok(record);
        }
        self.caches.by_slug.remove(slug);
        self.by_id(self.id_of(slug).await?).await
    }

    /// Absent slugs are not cached: a tenant may be created at the next moment.
    async fn id_of(&self, slug: &Slug) -> Result<TenantId> {
        let mut tx = self.control.snapshot().await?;
        let id = crate::tenants::by_slug(&mut tx, slug).await?.id;
        self.caches.by_slug.insert(slug.clone(), id);
        Ok(id)
    }

    /// Number of tenants in memory.
    pub fn len(&self) -> usize {
        self.caches.by_id.len()
    }

    /// Returns true if no tenant is in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
