//! The cache of open databases of all servers: it coalesces concurrent opens, and a database that is not open costs
//! nothing.
//!
//! [`crate::engine`] calls it for every session. A database in use is never evicted, so the cache may exceed the limit
//! of open databases rather than fail a request. It never exceeds the limit of descriptors: an open waits for them.

use super::{database::Database, handles::Handles, maintenance::Maintenance};
use crate::{
    error::{Error, Kind, Result},
    name::PhysicalName,
    place::Place,
    sqlite::files::Server,
};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, UnitWeighter};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::Semaphore;

/// Identifies a file by the index of its server and its name there. Pooled tenants share one entry.
pub(crate) type Key = (u16, PhysicalName);

/// Maximum number of concurrent opens. Each accesses the disk and parses the schema on a blocking thread.
const OPENS_AT_ONCE: usize = 8;

#[derive(Debug, Clone)]
pub(crate) struct RetainUsed;

impl Lifecycle<Key, Arc<Database>> for RetainUsed {
    /// Evicted databases; dropped after the cache's lock is released.
    type RequestState = Vec<Arc<Database>>;

    fn is_pinned(&self, _: &Key, database: &Arc<Database>) -> bool {
        Arc::strong_count(database) > 1
    }

    fn on_evict(&self, evicted: &mut Self::RequestState, _: Key, database: Arc<Database>) {
        evicted.push(database);
    }
}

/// Open databases by file.
type Entries = quick_cache::sync::Cache<Key, Arc<Database>, UnitWeighter, DefaultHashBuilder, RetainUsed>;

/// Number of databases closed at a time to free descriptors.
const ROOM: usize = 8;

/// Closes databases that are not in use. If all are in use, closes idle connections.
fn close_unused(entries: &Entries) {
    let (open, most) = (entries.len(), entries.capacity());
    entries.set_capacity(open.saturating_sub(ROOM).max(1) as u64);
    entries.set_capacity(most);
    if entries.len() == open {
        entries.iter().for_each(|(_, database)| drop(database.pool().spare()));
    }
}

/// Cache of open databases.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: Arc<Entries>,
    handles: Handles,
    opening: Arc<Semaphore>,
    connections: usize,
    opens: AtomicU64,
    maintenance: Maintenance,
}

impl Cache {
    /// Makes a cache that keeps up to `budget` databases open, each with up to `connections` connections. `handles`
    /// limits their descriptors.
    pub(crate) fn new(budget: usize, connections: usize, handles: Handles) -> Result<Self> {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(budget)
            .weight_capacity(budget as u64)
            .shards(4)
            .build();
        let options = options.map_err(|error| Error::with_source(Kind::Internal, "cache options", error))?;
        let maintenance = Maintenance::start()
            .map_err(|error| Error::with_source(Kind::Io, "maintenance thread", error))?;
        let entries = Entries::with_options(options, UnitWeighter, DefaultHashBuilder::default(), RetainUsed);
        let entries = Arc::new(entries);
        let open = Arc::downgrade(&entries);
        handles.makes_room_by(move || {
            if let Some(entries) = open.upgrade() {
                close_unused(&entries);
            }
        });
        Ok(Self {
            entries,
            handles,
            opening: Arc::new(Semaphore::new(OPENS_AT_ONCE)),
            connections,
            opens: AtomicU64::new(0),
            maintenance,
        })
    }

    /// Returns the open database of `place`, and opens it if necessary. Concurrent callers share one open. Verifies
    /// that the database holds `place`.
    pub(crate) async fn database(&self, index: u16, server: &Server, place: &Place) -> Result<Arc<Database>> {
        let key = (index, place.physical.clone());
        let database = match self.entries.get(&key) {
            Some(database) if !database.is_lost() => database,
            Some(_) => {
                self.close(index, &place.physical);
                self.open(key, server, place).await?
            }
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
                // The insert fails only if the entry was closed meanwhile. Then only this caller holds the database.
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
        let handles = self.handles.open().await?;
        self.opens.fetch_add(1, Relaxed);
        let site = server.site(place);
        let (connections, maintenance) = (self.connections, self.maintenance.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            Database::open(site, connections, handles, maintenance)
        });
        opened.await.map_err(|error| Error::with_source(Kind::Internal, "opening panicked", error))?
    }

    /// Returns the database under that name if it is open now.
    pub(crate) fn open_now(&self, index: u16, physical: &PhysicalName) -> Option<Arc<Database>> {
        self.entries.get(&(index, physical.clone()))
    }

    /// Removes the database from the cache; it closes when its last user drops it.
    pub(crate) fn close(&self, index: u16, physical: &PhysicalName) {
        drop(self.entries.remove(&(index, physical.clone())));
    }

    /// Removes the databases at this path from the cache.
    pub(crate) fn close_at(&self, index: u16, path: &Path) {
        let of = |(key, database): (Key, Arc<Database>)| {
            (key.0 == index && database.path() == path).then_some(key)
        };
        let keys: Vec<Key> = self.entries.iter().filter_map(of).collect();
        keys.iter().for_each(|(index, physical)| self.close(*index, physical));
    }

    /// Returns the number of files opened since the process started.
    pub(crate) fn opens(&self) -> u64 {
        self.opens.load(Relaxed)
    }

    /// Returns the number of open databases.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Empties the cache and waits (blocking) until all databases that are not in use are closed.
    pub(crate) fn shutdown(&self) {
        self.maintenance.begin_stop();
        self.entries.clear();
        self.maintenance.stop();
    }
}
