//! The open databases of all servers: coalesced opens, a budget, and nothing for those not open.
//!
//! Called by [`crate::engine`] for every session. Bounded by the number of open databases; one in use
//! is never evicted, so the budget bends rather than break a request, and shrinks back with the next open.

use super::{Server, database::Database, maintenance::Maintenance};
use crate::{
    error::{Error, Kind, Result},
    name::PhysicalName,
    place::Place,
};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, UnitWeighter};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::sync::Semaphore;

/// Which file: index of the server and the name there. Pooled tenants share one entry.
pub(crate) type Key = (u16, PhysicalName);

/// Opens running at the same time; each is disk and parsing work on a blocking thread.
const OPENS_AT_ONCE: usize = 8;

#[derive(Debug, Clone)]
struct KeepUsed;

impl Lifecycle<Key, Arc<Database>> for KeepUsed {
    /// Evicted databases; dropped after the cache's lock is released.
    type RequestState = Vec<Arc<Database>>;

    fn is_pinned(&self, _: &Key, database: &Arc<Database>) -> bool {
        Arc::strong_count(database) > 1
    }

    fn on_evict(&self, evicted: &mut Self::RequestState, _: Key, database: Arc<Database>) {
        evicted.push(database);
    }
}

type Entries = quick_cache::sync::Cache<Key, Arc<Database>, UnitWeighter, DefaultHashBuilder, KeepUsed>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: Entries,
    opening: Arc<Semaphore>,
    connections: usize,
    opens: AtomicU64,
    maintenance: Maintenance,
}

impl Cache {
    /// Keeps up to `budget` databases open, each with up to `connections`.
    pub(crate) fn new(budget: usize, connections: usize) -> Result<Self> {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(budget)
            .weight_capacity(budget as u64)
            .shards(4)
            .build();
        let options = options.map_err(|error| Error::with_source(Kind::Internal, "cache options", error))?;
        let maintenance = Maintenance::start()
            .map_err(|error| Error::with_source(Kind::Io, "maintenance thread", error))?;
        let entries = Entries::with_options(options, UnitWeighter, DefaultHashBuilder::default(), KeepUsed);
        Ok(Self {
            entries,
            opening: Arc::new(Semaphore::new(OPENS_AT_ONCE)),
            connections,
            opens: AtomicU64::new(0),
            maintenance,
        })
    }

    /// The open database of `place`, which is known to live there. Concurrent callers share one open.
    pub(crate) async fn database(&self, index: u16, server: &Server, place: &Place) -> Result<Arc<Database>> {
        let key = (index, place.physical.clone());
        let database = match self.entries.get(&key) {
            Some(database) => database,
            None => self.open(key, server, place).await?,
        };
        database.admit(place).await?;
        Ok(database)
    }

    async fn open(&self, key: Key, server: &Server, place: &Place) -> Result<Arc<Database>> {
        match self.entries.get_value_or_guard_async(&key).await {
            Ok(database) => Ok(database),
            Err(guard) => {
                let database = self.open_file(server, place).await?;
                // Refused only when the entry was closed meanwhile: then this caller has it alone.
                drop(guard.insert(database.clone()));
                Ok(database)
            }
        }
    }

    async fn open_file(&self, server: &Server, place: &Place) -> Result<Arc<Database>> {
        let permit = self
            .opening
            .clone()
            .acquire_owned()
            .await
            .map_err(|e| Error::with_source(Kind::Internal, "opening", e))?;
        self.opens.fetch_add(1, Relaxed);
        let site = server.site(place);
        let (connections, maintenance) = (self.connections, self.maintenance.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            Database::open(site, connections, maintenance)
        });
        opened.await.map_err(|error| Error::with_source(Kind::Internal, "opening panicked", error))?
    }

    /// The database under that name, if it is open now.
    pub(crate) fn open_now(&self, index: u16, physical: &PhysicalName) -> Option<Arc<Database>> {
        self.entries.get(&(index, physical.clone()))
    }

    /// Forgets the database; it closes when its last user lets go.
    pub(crate) fn close(&self, index: u16, physical: &PhysicalName) {
        drop(self.entries.remove(&(index, physical.clone())));
    }

    /// Files opened since the start.
    pub(crate) fn opens(&self) -> u64 {
        self.opens.load(Relaxed)
    }

    /// Number of open databases.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Lets go of everything and waits (blocking) until what nobody uses is closed.
    pub(crate) fn shutdown(&self) {
        self.entries.clear();
        self.maintenance.stop();
    }
}

/// Descriptors that are left to databases: the limit of open files without what all else may need.
pub(super) fn descriptors() -> usize {
    const RESERVED: usize = 256;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1024_usize);
    files.saturating_sub(RESERVED).max(64)
}

/// How many databases may be open: what is asked for, as far as the limit of open files allows three
/// descriptors each; unasked a quarter of that limit, 192 at the usual 1024, for some have several connections.
pub(crate) fn budget(asked: Option<usize>) -> usize {
    let free = descriptors();
    let Some(asked) = asked else { return (free / 4).clamp(16, 20_000) };
    if asked > free / 3 {
        tracing::warn!(
            asked,
            allowed = free / 3,
            "fewer databases are kept open: raise the limit of open files"
        );
    }
    asked.clamp(1, free / 3)
}
