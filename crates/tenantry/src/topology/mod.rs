//! In-memory records of tenants for requests: record, subscription, entitlements and placements.
//!
//! Access calls it for every request, and operations call it. Records are loaded from the catalog on first use, and the
//! invalidation log keeps them coherent across processes. The cache is bounded: 100,000 tenants need no more memory
//! than its capacity. There is no fallback: what the catalog does not record does not exist (`catalog-placement`).

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
    control::{Control, Subject, clock::Clock},
    licences::{Granted, Licence},
    locale::Locale,
    plans::{Entitlements, Subscription},
    tenants::{Retirement, State},
};
use quick_cache::sync::Cache;
use std::sync::Arc;
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// Number of tenants held in memory, at about 1 kB each.
const CAPACITY: usize = 20_000;

/// A tenant as of the last refresh. Immutable; a change replaces it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TenantRecord {
    /// Permanent id of the tenant.
    pub id: TenantId,
    /// Short name of the tenant in URLs and hosts.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// Language and time zone that the tenant has chosen for its pages.
    pub locale: Locale,
    /// State of the tenant.
    pub state: State,
    /// Reason for maintenance, while only staff may enter; `None` if members may enter.
    pub maintenance: Option<String>,
    /// Dates of the tenant's retention, if it was cancelled.
    pub retirement: Option<Retirement>,
    /// Subscription of the tenant, if it has one.
    pub subscription: Option<Subscription>,
    /// Features and limits of the tenant's plan. A tenant without a subscription has no features and no limits.
    pub(crate) entitlements: Entitlements,
    /// Licence of the tenant, if it has one, with the features and limits while it is valid.
    pub(crate) licence: Option<Box<Granted>>,
    /// Placements of the tenant's stores.
    pub placements: Vec<Placement>,
}

impl TenantRecord {
    /// Returns the features and limits that apply now: those of the plan, with those of the licence while it is valid.
    pub fn entitlements(&self, clock: &Clock) -> &Entitlements {
        match &self.licence {
            Some(granted) if granted.licence.is_valid(clock) => &granted.entitlements,
            _ => &self.entitlements,
        }
    }

    /// Returns the licence of the tenant, if it has one.
    pub fn licence(&self) -> Option<&Licence> {
        self.licence.as_ref().map(|granted| &granted.licence)
    }

    /// Returns the place of the tenant's rows in this store.
    ///
    /// # Errors
    /// Returns [`Error::NoDatabase`] or [`Error::NotAttached`], with the remedy, for a store without a placement or
    /// with a database that is only planned. Never returns another place.
    pub fn place(&self, store: &str) -> Result<&Place> {
        let ready = |p: &&Placement| p.place.store.as_str() == store && p.state == PlacementState::Ready;
        Ok(&self.placements.iter().find(ready).ok_or_else(|| self.missing(store))?.place)
    }

    /// Returns true if the store's database is planned, and the first request that needs it creates it.
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

    /// Returns the placement of this store in any state, or `None` if the catalog has none.
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
    /// Tenant records, each with the epoch in which its load began.
    by_id: Cache<TenantId, (u64, Arc<TenantRecord>)>,
    /// Ids by slug, so that no record has to be found by its contents. A slug is never given to another tenant, so a
    /// stale entry leads to an id whose record shows the current slug.
    by_slug: Cache<Slug, TenantId>,
}

impl Topology {
    /// Creates an empty cache and registers for invalidations.
    pub(crate) fn new(control: Control) -> Self {
        Self::with_capacity(control, CAPACITY)
    }

    /// Creates an empty cache with room for this many tenants, and registers for invalidations.
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
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn by_id(&self, id: TenantId) -> Result<Arc<TenantRecord>> {
        match self.caches.by_id.get(&id) {
            Some((_, record)) => Ok(record),
            // Boxed because a miss is rare: the future of a warm request stays small.
            None => Box::pin(self.cold(id)).await,
        }
    }

    /// Loads a tenant once for all callers that wait for it. If the load that a caller joined began before the state
    /// that the caller must see, the caller loads again: otherwise a request after a suspension might still enter.
    async fn cold(&self, id: TenantId) -> Result<Arc<TenantRecord>> {
        let asked = self.control.epoch();
        let load = async {
            let began = self.control.epoch();
            Ok::<_, crate::Error>((began, load::by_id(&self.control, id).await?))
        };
        let (began, record) = self.caches.by_id.get_or_insert_async(&id, load).await?;
        if self.control.epoch() != began {
            // Something changed during the load, so the cached record may be older than the change.
            self.caches.by_id.remove(&id);
        }
        if began >= asked { Ok(record) } else { load::by_id(&self.control, id).await }
    }

    /// Returns the tenant with this slug. Call `Control::refresh` once before, at the start of the request.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
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

    /// Looks up the id of a slug. Unknown slugs are not cached, because a tenant may be created at any moment.
    async fn id_of(&self, slug: &Slug) -> Result<TenantId> {
        let mut tx = self.control.snapshot().await?;
        let id = crate::tenants::by_slug(&mut tx, slug).await?.id;
        self.caches.by_slug.insert(slug.clone(), id);
        Ok(id)
    }

    /// Returns the number of tenants in memory.
    pub fn len(&self) -> usize {
        self.caches.by_id.len()
    }

    /// Returns true if no tenant is in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
