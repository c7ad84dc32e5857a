//! One open database file: its pool, its write lock, and the residents admitted to it.
//!
//! The cache creates it, and all sessions and system handles of the file share it. When it is dropped, the maintenance
//! thread closes its connections, so that no request waits for that.

use super::{
    base::{self, OpenFile},
    handles::{Access, Files, Ticket, none_left},
    lease::Lease,
    maintenance::{Job, Maintenance},
    open::{self, Durability, Mode},
    pool::{Pool, Pooled},
    presence::Presence,
};
use crate::{
    error::{Kind, Result},
    identity::Platform,
    name::StoreName,
    place::{Isolation, Place},
    schema::{Schema, Verified},
    sqlite::{
        connection::BUSY_WAIT, error::located, identity, records::count::Counted, site::Site,
        wal_index::Watch,
    },
    write::Queue,
};
use std::{
    any::Any,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// Length of the `-wal` file, in pages of 4 KB, at which a checkpoint writes it back.
pub(crate) const CHECKPOINT_PAGES: u32 = 1000;
/// Maximum number of connections to a system store: its transactions span awaits, and one task may hold several.
const SYSTEM_CONNECTIONS: usize = 64;
/// Time between two attempts to find a free connection or free descriptors.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A tenant's store in a database. The isolation is part of the key: a tenant that shares the database must not be
/// treated as its only owner.
type Resident = (i64, StoreName, Isolation);

fn resident(place: &Place) -> Resident {
    (place.tenant_number(), place.store.clone(), place.isolation)
}

/// This process's turn to write to a database that the process may have open, held for one batch of rows.
pub(crate) type WriteTurn = Option<Box<dyn Any + Send>>;

/// One open database file.
#[derive(Debug)]
pub(crate) struct Database {
    me: Weak<Database>,
    path: PathBuf,
    mode: Mode,
    platform: Platform,
    presence: Presence,
    opened: Arc<OpenFile>,
    handles: Arc<Files>,
    durability: Durability,
    pool: Pool,
    /// The write lock. A fair async mutex, so that waiting writers are served in order and hold no thread.
    pub(crate) writer: Arc<Mutex<()>>,
    queue: Queue,
    /// The resident that the database was opened for, and its generation. Comparing with it needs no lock.
    first: (Resident, u64),
    /// Generations of the other residents admitted so far.
    admitted: RwLock<HashMap<Resident, u64>>,
    /// Schemas that were verified against this database's ledger.
    verified: Verified,
    /// Whether the bytes of the tenant that the database was opened for are counted.
    counted: Counted,
    wal: Arc<WalState>,
    watch: std::sync::Mutex<Option<Arc<Watch>>>,
    maintenance: Maintenance,
}

/// State of the `-wal`, updated by the commit hooks.
#[derive(Debug, Default)]
pub(crate) struct WalState {
    /// Frames in the `-wal` file after the last commit of this process.
    pub(crate) pages: AtomicU32,
    /// Set while a checkpoint is requested.
    pub(crate) queued: AtomicBool,
    /// Frames beyond [`CHECKPOINT_PAGES`] at which the next checkpoint is due. While a reader holds frames back,
    /// another attempt after each commit would achieve nothing.
    pub(crate) beyond: AtomicU32,
    /// Set once the maintenance thread knows of a commit and will check that the file is in place.
    seen: AtomicBool,
}

impl WalState {
    /// Records a commit that left `pages` frames in the `-wal`. Returns true if the caller must request a checkpoint.
    fn committed(&self, pages: u32) -> bool {
        if pages < self.pages.swap(pages, Relaxed) {
            self.beyond.store(0, Relaxed); // The -wal was restarted.
        }
        pages >= CHECKPOINT_PAGES + self.beyond.load(Relaxed) && !self.queued.swap(true, Relaxed)
    }
}

impl Database {
    /// Opens the file of the place and checks that it holds the place. Blocks for about 0.3 ms.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if there is no file, and [`Kind::WrongIdentity`] if the file holds another place.
    pub(crate) fn open(
        site: Site,
        connections: usize,
        handles: (Arc<Files>, Ticket),
        maintenance: Maintenance,
    ) -> Result<Arc<Self>> {
        let path = site.path.clone();
        Self::open_file(site, connections, handles, maintenance).map_err(|error| located(error, &path))
    }

    fn open_file(
        site: Site,
        connections: usize,
        (handles, ticket): (Arc<Files>, Ticket),
        maintenance: Maintenance,
    ) -> Result<Arc<Self>> {
        let Site { path, place, platform, mode } = site;
        let place = &place;
        let opened = Arc::new(base::verify(&path, place, &platform)?);
        let conn = mode.connect(&path)?;
        identity::check(&conn, place, &platform)?;
        let durability =
            if identity::needs_sync(&conn, place)? { Durability::Full } else { Durability::Normal };
        open::settle(&conn, durability)?;
        let counted = Counted::read(&conn, place, mode)?;
        let presence = Presence::new(&path)?;
        let most = match durability {
            Durability::Full => connections.max(SYSTEM_CONNECTIONS),
            Durability::Normal => connections,
        };
        let mut first = Pooled::new(conn, ticket, opened.clone());
        let wal = Arc::new(WalState::default());
        Ok(Arc::new_cyclic(|me| {
            watch_wal(&mut first, &wal, me, &maintenance);
            Self {
                me: me.clone(),
                path,
                mode,
                platform,
                presence,
                opened,
                handles,
                durability,
                pool: Pool::new(most, first),
                writer: Arc::new(Mutex::new(())),
                queue: Queue::default(),
                first: (resident(place), place.generation),
                admitted: RwLock::default(),
                verified: Verified::default(),
                counted,
                wal,
                watch: std::sync::Mutex::new(None),
                maintenance,
            }
        }))
    }

    /// Opens another connection; `None` if no descriptors are free for it.
    pub(crate) fn connect_if_free(&self) -> Result<Option<Pooled>> {
        self.ticket().map(|ticket| self.connect(ticket)).transpose()
    }

    /// Waits up to [`BUSY_WAIT`] for descriptors for another connection, or for a connection that is given back.
    pub(crate) async fn one_more(&self) -> Result<Pooled> {
        let until = Instant::now() + BUSY_WAIT;
        loop {
            if let Some(pooled) = self.connect_if_free()? {
                return Ok(pooled);
            }
            self.handles.make_room();
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Some(pooled) = self.pool.pop() {
                return Ok(pooled);
            }
            if Instant::now() >= until {
                return Err(none_left());
            }
        }
    }

    /// Opens another connection without waiting. If no descriptors are free, takes them from the reserve.
    pub(crate) fn connect_now(&self) -> Result<Pooled> {
        self.connect(self.ticket().unwrap_or_else(Ticket::reserved))
    }

    /// Takes the descriptors of another connection. System stores may take from the reserve.
    fn ticket(&self) -> Option<Ticket> {
        let ticket = self.handles.ticket(Access::Write);
        match self.durability {
            Durability::Full => Some(ticket.unwrap_or_else(Ticket::reserved)),
            Durability::Normal => ticket,
        }
    }

    /// Waits for the descriptors of a read-only connection that is not part of the pool.
    pub(crate) async fn reader_ticket(&self) -> Result<Ticket> {
        Box::pin(self.handles.wait_for_ticket(Access::Read)).await
    }

    /// Opens a connection with the settings of the first one.
    fn connect(&self, ticket: Ticket) -> Result<Pooled> {
        let conn = self.mode.connect(&self.path)?;
        open::settle(&conn, self.durability)?;
        let mut pooled = Pooled::new(conn, ticket, self.opened.clone());
        watch_wal(&mut pooled, &self.wal, &self.me, &self.maintenance);
        Ok(pooled)
    }

    /// Admits `place` if the database holds it at its generation. Reads the file only the first time.
    ///
    /// # Errors
    /// Returns [`Kind::WrongIdentity`] if the database does not hold `place`.
    pub(crate) async fn admit(&self, place: &Place) -> Result<()> {
        let key = resident(place);
        if self.first.1 == place.generation && self.first.0 == key {
            return Ok(());
        }
        if self.admitted.read().unwrap_or_else(PoisonError::into_inner).get(&key) == Some(&place.generation) {
            return Ok(());
        }
        let lease = Lease::take(self).await?;
        let checked = identity::check(&lease, place, &self.platform);
        lease.give_back();
        let mut admitted = self.admitted.write().unwrap_or_else(PoisonError::into_inner);
        match &checked {
            Ok(()) => admitted.insert(key, place.generation),
            Err(error) if *error.kind() == Kind::WrongIdentity => admitted.remove(&key),
            Err(_) => None,
        };
        checked
    }

    /// Verifies that the database has the schema, and returns the position of its ledger at that moment. Reads the file
    /// only the first time: each read and write detects later migrations.
    pub(crate) async fn know(&self, schema: &Schema) -> Result<i64> {
        if let Some(position) = self.verified.position(schema.known()) {
            return Ok(position);
        }
        self.know_now(schema).await
    }

    /// Verifies that the database has the schema now, and returns the position of its ledger. Always reads the file.
    pub(crate) async fn know_now(&self, schema: &Schema) -> Result<i64> {
        let lease = Lease::take(self).await?;
        let checked = self.verified.check(&lease, schema.known());
        lease.give_back();
        checked
    }

    /// Verifies that the state that `conn` reads has the schema.
    pub(crate) fn check(&self, conn: &rusqlite::Connection, schema: &Schema) -> Result<()> {
        self.verified.check(conn, schema.known()).map(drop)
    }

    /// Returns whether the bytes of the tenant that the database was opened for are counted.
    pub(crate) fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Checks that the file is still at its path. The maintenance thread calls this soon after a commit or a read.
    pub(crate) fn check_file(&self) {
        self.wal.seen.store(false, Relaxed);
        self.presence.check_file(&self.path);
    }

    /// Fails if the file is no longer at its path. A writer calls this after a commit, before it acknowledges the
    /// write.
    pub(crate) fn after_commit(&self) -> Result<()> {
        self.presence.after_commit(&self.path)
    }

    /// Returns true if the file is no longer at its path. Then nothing may be read from or written to this database.
    pub(crate) fn is_lost(&self) -> bool {
        self.presence.is_lost()
    }

    /// Fails with [`Kind::Missing`] if [`Database::is_lost`].
    pub(crate) fn still_there(&self) -> Result<()> {
        self.presence.require(&self.path)
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns the queue of small writes.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn wal(&self) -> &WalState {
        &self.wal
    }

    /// Closes a connection that was not given back. Rolls back its transaction at once, so that the next writer does
    /// not wait. The maintenance thread closes the connection, because closing may sync.
    pub(crate) fn discard(&self, pooled: Pooled) {
        if !pooled.conn.is_autocommit()
            && let Err(error) = pooled.conn.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a discarded connection did not roll back; closing it does");
        }
        self.close(vec![pooled]);
    }

    /// Passes the connections to the maintenance thread, which closes them. If the file is gone from its path, there is
    /// nothing to write back, and the last close must not remove a `-wal` that now belongs to another file.
    fn close(&self, connections: Vec<Pooled>) {
        if !self.presence.is_at(&self.path) {
            connections.iter().for_each(|pooled| open::leave_wal(&pooled.conn));
        }
        self.maintenance.close(connections, self.wal.pages.load(Relaxed));
    }

    /// Returns the watch on this database's commits; starts it on first use.
    pub(crate) fn watch(&self) -> Result<Arc<Watch>> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = &*watch {
            return Ok(watch.clone());
        }
        Ok(watch.insert(Arc::new(Watch::start(&self.path, self.mode)?)).clone())
    }

    /// Tells the maintenance thread that a second connection is idle, so that it later closes connections that are not
    /// needed.
    pub(crate) fn has_spare(&self) {
        self.maintenance.send(Job::Trim(self.me.clone()));
    }

    /// Tells the maintenance thread that a connection is in an idle snapshot, so that it soon ends that snapshot.
    pub(crate) fn has_idle_snapshot(&self) {
        self.maintenance.send(Job::EndSnapshots(self.me.clone()));
    }
}

/// Replaces SQLite's inline checkpoint with a hook: a commit only records the length of the `-wal`.
fn watch_wal(pooled: &mut Pooled, wal: &Arc<WalState>, me: &Weak<Database>, maintenance: &Maintenance) {
    let (wal, me, maintenance) = (wal.clone(), me.clone(), maintenance.clone());
    let hook = move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
        if wal.committed(pages.unsigned_abs()) {
            maintenance.send(Job::Checkpoint(me.clone()));
        }
        if !wal.seen.swap(true, Relaxed) {
            maintenance.send(Job::EndSnapshots(me.clone()));
        }
        Ok(())
    };
    if let Err(error) = pooled.conn.wal_hook(Some(hook)) {
        tracing::error!(%error, "no commit hook: the -wal of this connection is not written back in the background");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let connections = self.pool.drain();
        if !connections.is_empty() {
            self.close(connections);
        }
    }
}
