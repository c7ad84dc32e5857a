//! Copies of shared models as one tenant sees them, in the memory of this process, so that a read of them asks no database.
//!
//! Models with overrides are copied if the shared rows and the tenant's are on MongoDB, where each read is a round trip.
//! In files of this host the statement that merges them is quick enough.
//!
//! A copy is never older than the last write that was answered, in any process. Each write of the shared rows, and each
//! write of a tenant's values and entries, has a mark in the control store from before it begins until after it has ended
//! (`references::turn`). Setting and removing a mark is an invalidation, which returns once every member of the
//! installation has dropped its copies of the model. While there is a mark, reads ask the databases and make no copy. The
//! mark of a worker that died lapses; until a later worker has taken it over, its model is read from the databases.
//!
//! A program that writes to the databases itself sets no mark, so a copy is made anew after [`MAX_AGE`].

mod pages;

use super::{Records, Scope, json::Rows};
use crate::{
    Result,
    config::{Config, Location},
    control::{Control, Subject},
    platform::loaded::ModelEntry,
    tenants::databases::reroute::place_in,
};
pub(super) use pages::Listed;
use pages::Pages;
use quick_cache::sync::Cache;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    LocalCopy,
    name::{ServerName, TenantId},
    place::Place,
    query::{Aggregate, Groups, Select},
    row::Collect,
    schema::Schema,
    value::Value,
};
use tokio::sync::Mutex;

/// Age after which a copy is made anew. Changes through the platform are seen at once; this bounds how long a change by
/// another program stays unseen.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Largest number of copies, whatever the number of open databases.
const MOST_COPIES: usize = 500;
/// Number of rows in one page of the read that a copy is made from.
const PAGE: u32 = 1000;

/// The shared rows of a model, with all columns.
struct SharedRows {
    /// `None` if they exceed a bound.
    rows: Option<Vec<Vec<Value>>>,
    schema: Arc<Schema>,
    /// Time at which the read of the rows began.
    made: Instant,
}

/// A tenant's copy of a model.
pub(super) struct OwnCopy {
    /// `None` if the rows cannot be copied.
    copy: Option<LocalCopy>,
    schema: Arc<Schema>,
    /// The place that the tenant's values were read from.
    place: Place,
    /// Time at which the read of the older part began.
    made: Instant,
    /// Whether nothing was invalidated while it was made. It is among the copies before that is known, so that an
    /// invalidation finds it there.
    is_checked: AtomicBool,
    /// Pages that it has answered.
    pages: Pages,
}

/// A model, as the key of its rows or of a tenant's copy of it.
type ModelKey = Arc<str>;

/// The copies of this process.
pub(crate) struct Copies {
    /// Servers whose rows are copied.
    servers: HashSet<ServerName>,
    most_rows: usize,
    most_bytes: usize,
    shared: Cache<ModelKey, Arc<SharedRows>>,
    own: Cache<(TenantId, ModelKey), Arc<OwnCopy>>,
    /// Held by the task that reads shared rows, so that others wait for them instead of reading them too.
    reading: Mutex<()>,
    answered: AtomicU64,
}

impl Copies {
    /// Returns no copies yet. `open_databases` bounds their number, as it bounds that of open databases.
    pub(crate) fn new(config: &Config, control: &Control) -> Arc<Self> {
        let limits = &config.limits;
        let is_far = |location: &Location| matches!(location, Location::Mongo(_));
        let far = config.servers.iter().filter(|server| is_far(&server.location));
        let copies = Arc::new(Self {
            servers: far.map(|server| server.name.clone()).collect(),
            most_rows: usize::try_from(limits.copied_rows).unwrap_or(usize::MAX),
            most_bytes: usize::try_from(limits.copied_bytes).unwrap_or(usize::MAX),
            shared: Cache::new(MOST_COPIES),
            own: Cache::new(limits.open_databases.min(MOST_COPIES)),
            reading: Mutex::default(),
            answered: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&copies);
        control.listen(move |subject| {
            if let Some(copies) = weak.upgrade() {
                copies.forget(subject);
            }
        });
        copies
    }

    /// Returns the number of reads that a copy has answered.
    #[cfg(feature = "internals")]
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Relaxed)
    }

    fn forget(&self, subject: &Subject) {
        match subject {
            // The mark is on the model, or on the one that stores a tenant's values of it.
            Subject::Leaving(model) => {
                let model = model.strip_suffix("_overrides").unwrap_or(model);
                self.shared.retain(|key, _| **key != *model);
                self.own.retain(|(_, key), _| **key != *model);
            }
            Subject::Tenant(tenant) => self.own.retain(|(of, _), _| of != tenant),
            Subject::Everything => {
                self.shared.clear();
                self.own.clear();
            }
            _ => {}
        }
    }

    /// Returns true if this process copies rows of this place.
    fn are_copied(&self, place: &Place) -> bool {
        self.most_rows > 0 && self.may_be_copied(place)
    }

    /// Returns true if a process of the installation may copy rows of this place, whatever the limits of this one are.
    fn may_be_copied(&self, place: &Place) -> bool {
        self.servers.contains(&place.server)
    }
}

impl Records<'_> {
    /// Returns true if a write to this model must have a mark, because a process may have a copy of its rows.
    pub(super) fn is_copied(&self, entry: &ModelEntry) -> bool {
        let shared = match entry.system {
            true => Some(entry).filter(|entry| entry.model.overrides.is_some()),
            // The tenant's values may be in a place that was copied before it was moved.
            false if entry.automatic => self.shared_of(entry),
            false => None,
        };
        let place = shared.and_then(|shared| shared.place.as_ref());
        place.is_some_and(|place| self.inner.copies.may_be_copied(place))
    }

    /// Returns the shared model whose overrides an automatic model stores.
    fn shared_of(&self, entry: &ModelEntry) -> Option<&ModelEntry> {
        let shared = entry.model.name.as_str().strip_suffix("_overrides")?;
        self.loaded.entry(shared).ok().filter(|shared| shared.model.overrides.is_some())
    }

    /// Returns the copy of this model as the tenant sees it; `None` if the databases must be asked.
    pub(super) async fn local_copy(&self) -> Result<Option<Arc<OwnCopy>>> {
        let (Scope::Tenant(tenant), Some(own_entry)) = (self.scope, self.override_entry(&self.entry)) else {
            return Ok(None);
        };
        let copies = &self.inner.copies;
        if !self.entry.place.as_ref().is_some_and(|place| copies.are_copied(place)) {
            return Ok(None);
        }
        self.inner.control.refresh().await?;
        let moved = self.moved();
        let place = place_in(tenant, moved.as_deref(), &own_entry.model.store)?;
        if !copies.are_copied(place) {
            return Ok(None);
        }
        let key = (tenant.id(), ModelKey::from(self.name()));
        let known = copies.own.get(&key).filter(|own| {
            let is_of_schema = Arc::ptr_eq(&own.schema, &self.entry.schema);
            let is_checked = own.is_checked.load(Acquire);
            is_checked && own.made.elapsed() < MAX_AGE && own.place == *place && is_of_schema
        });
        let found = match known {
            Some(own) => Some(own),
            None => Box::pin(self.make_copy(own_entry, place, key)).await?,
        };
        Ok(found.filter(|own| own.copy.is_some()))
    }

    /// Makes the tenant's copy of this model, unless a process may be writing to it.
    async fn make_copy(
        &self,
        own_entry: &ModelEntry,
        place: &Place,
        key: (TenantId, ModelKey),
    ) -> Result<Option<Arc<OwnCopy>>> {
        let copies = &self.inner.copies;
        let epoch = self.inner.control.epoch();
        if self.inner.leaving.is_any_of([self.name(), own_entry.model.name.as_str()]).await? {
            return Ok(None);
        }
        let shared = self.shared_rows(&key.1, epoch).await?;
        let (began, own) = (Instant::now(), self.override_rows(&self.entry).await?.unwrap_or_default());
        let bytes: usize = own.iter().map(|row| row.changes.len()).sum();
        let made = match &shared.rows {
            Some(rows) if bytes <= copies.most_bytes => {
                let made = LocalCopy::new(&self.entry.schema, self.name(), rows, &own);
                made.inspect_err(|error| tracing::debug!(%error, model = self.name(), "cannot be copied"))
                    .ok()
            }
            _ => None,
        };
        let (schema, made_at) = (self.entry.schema.clone(), began.min(shared.made));
        let (place, is_checked, pages) = (place.clone(), AtomicBool::new(false), Pages::default());
        let made = Arc::new(OwnCopy { copy: made, schema, place, made: made_at, is_checked, pages });
        copies.own.insert(key.clone(), made.clone());
        if self.is_epoch(epoch).await? {
            made.is_checked.store(true, Release);
            return Ok(Some(made));
        }
        copies.own.remove(&key);
        Ok(None)
    }

    /// Returns the shared rows of this model.
    async fn shared_rows(&self, key: &ModelKey, epoch: u64) -> Result<Arc<SharedRows>> {
        let copies = &self.inner.copies;
        let _turn = copies.reading.lock().await;
        let schema = &self.entry.schema;
        let is_current =
            |known: &Arc<SharedRows>| known.made.elapsed() < MAX_AGE && Arc::ptr_eq(&known.schema, schema);
        if let Some(known) = copies.shared.get(key).filter(is_current) {
            return Ok(known);
        }
        let made = Instant::now();
        let rows = self.read_all(copies.most_rows, copies.most_bytes).await?;
        let rows = Arc::new(SharedRows { rows, schema: schema.clone(), made });
        copies.shared.insert(key.clone(), rows.clone());
        if !self.is_epoch(epoch).await? {
            copies.shared.remove(key);
        }
        Ok(rows)
    }

    /// Reads all shared rows of this model; `None` if they exceed a bound.
    async fn read_all(&self, most_rows: usize, most_bytes: usize) -> Result<Option<Vec<Vec<Value>>>> {
        let (session, mut rows, mut bytes) = (self.session().await?, vec![], 0);
        let mut select = Select { limit: PAGE, ..Select::default() };
        loop {
            let page = Collect::up_to(most_bytes - bytes);
            let (page, next) = session.select(self.name(), &select, None, page).await?;
            bytes += page.bytes();
            rows.extend(page.rows);
            if rows.len() > most_rows || bytes > most_bytes {
                return Ok(None);
            }
            match next {
                Some(next) => select.after = Some(next),
                None => return Ok(Some(rows)),
            }
        }
    }

    /// Returns true if nothing was invalidated since this epoch, by any process.
    async fn is_epoch(&self, epoch: u64) -> Result<bool> {
        self.inner.control.refresh().await?;
        Ok(self.inner.control.epoch() == epoch)
    }

    /// Answers a page, and the number of all matching rows if it is asked for, from a copy. Returns `None` if the
    /// condition or the order needs rows of another model.
    pub(super) fn list_copy(
        &self,
        own: &OwnCopy,
        select: &Select,
        count: bool,
        rows: Rows,
    ) -> Option<Listed> {
        let copy = own.copy.as_ref()?;
        let found = match own.pages.find(select, count) {
            Some(kept) => kept,
            None => {
                let total = match count {
                    true => Some(copy.count(&select.filter, select.search.as_deref()).ok()?),
                    false => None,
                };
                let (rows, next) = copy.select(select, rows).ok()?;
                let found = Listed { items: rows.into_bytes(), next, count: total };
                own.pages.keep(select, &found);
                found
            }
        };
        self.inner.copies.answered.fetch_add(1, Relaxed);
        Some(found)
    }

    /// Answers a question for groups from a copy, like [`Records::list_copy`].
    pub(super) fn group_copy(&self, own: &OwnCopy, asked: &Aggregate) -> Option<Groups> {
        let found = own.copy.as_ref()?.aggregate(asked).ok()?;
        self.inner.copies.answered.fetch_add(1, Relaxed);
        Some(found)
    }
}
