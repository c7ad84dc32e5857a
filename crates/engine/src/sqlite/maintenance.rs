//! The one background thread of SQLite: writes -wal files back, closes evicted databases, trims pools, wakes
//! connections that rest.
//!
//! It sleeps until it is told something; an idle tenant has no timer, no poll and no entry here.

use super::{
    database::{CHECKPOINT_PAGES, Database},
    open,
    pool::Pooled,
};
use rusqlite::{DEFAULT_NAME, wal::CheckpointMode};
use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long a connection may be idle beside another one.
const TRIM_EVERY: Duration = Duration::from_secs(5);
/// How long a connection may rest: so long may it keep another process from writing the -wal back.
const WAKE_EVERY: Duration = Duration::from_millis(250);
/// Closings waiting at most; past that the evicting caller closes by itself, so that descriptors
/// are not handed out faster than they come back.
const MAX_WAITING: usize = 64;
/// A -wal longer than this many times the checkpoint mark is written back with writers held off.
const OVERGROWN: u32 = 4;
/// The same, for telling the operator (`growing-wal`).
const ALARMING: u32 = 16;
/// Longest that writers are held off for readers of old frames.
const WAIT_FOR_READERS: Duration = Duration::from_millis(50);

/// Something to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// The -wal grew past the mark.
    Checkpoint(Weak<Database>),
    /// More than one connection is idle.
    Trim(Weak<Database>),
    /// A connection rests.
    Wake(Weak<Database>),
    /// An evicted database: its connections and the length of its -wal.
    Close(Vec<Pooled>, u32),
    /// Everything sent before is done.
    Stop,
}

#[derive(Debug)]
struct Inner {
    jobs: Sender<Job>,
    closing: Arc<AtomicUsize>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Handle to the thread; it ends when told to, or with the last handle.
#[derive(Debug, Clone)]
pub(crate) struct Maintenance(Arc<Inner>);

impl Maintenance {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let closing = Arc::new(AtomicUsize::new(0));
        let counter = closing.clone();
        let thread = std::thread::Builder::new()
            .name("sqlite-maintenance".into())
            .spawn(move || run(&inbox, &counter))?;
        Ok(Self(Arc::new(Inner { jobs, closing, thread: Mutex::new(Some(thread)) })))
    }

    /// Leaves a job; after the end it is dropped, which closes what it holds.
    pub(crate) fn send(&self, job: Job) {
        // A send fails only after shutdown; dropping the job then is what is left to do.
        drop(self.0.jobs.send(job));
    }

    /// Closes the connections of a database that nobody uses any more.
    pub(crate) fn close(&self, connections: Vec<Pooled>, wal_pages: u32) {
        if self.0.closing.fetch_add(1, Relaxed) < MAX_WAITING {
            self.send(Job::Close(connections, wal_pages));
        } else {
            self.0.closing.fetch_sub(1, Relaxed);
            close_quickly(connections, wal_pages);
        }
    }

    /// Waits (blocking) until everything sent so far is done, then ends the thread.
    pub(crate) fn stop(&self) {
        self.send(Job::Stop);
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the SQLite maintenance thread panicked");
        }
    }
}

fn run(inbox: &Receiver<Job>, closing: &AtomicUsize) {
    let mut spare = Later::new(TRIM_EVERY);
    let mut resting = Later::new(WAKE_EVERY);
    loop {
        let job = match [spare.due, resting.due].into_iter().flatten().min() {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => inbox.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match job {
            Ok(Job::Checkpoint(database)) => checkpoint(&database),
            Ok(Job::Trim(database)) => spare.remember(database),
            Ok(Job::Wake(database)) => resting.remember(database),
            Ok(Job::Close(connections, wal_pages)) => {
                close(connections, wal_pages);
                closing.fetch_sub(1, Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        spare.retain_when_due(trim);
        resting.retain_when_due(wake);
    }
}

/// Databases to be seen to again and again, until there is nothing more to do in them.
struct Later {
    databases: Vec<Weak<Database>>,
    every: Duration,
    due: Option<Instant>,
}

impl Later {
    fn new(every: Duration) -> Self {
        Self { databases: vec![], every, due: None }
    }

    fn remember(&mut self, database: Weak<Database>) {
        if !self.databases.iter().any(|known| known.ptr_eq(&database)) {
            self.databases.push(database);
        }
        self.due.get_or_insert_with(|| Instant::now() + self.every);
    }

    fn retain_when_due(&mut self, more: fn(&Weak<Database>) -> bool) {
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            self.databases.retain(more);
            self.due = (!self.databases.is_empty()).then_some(now + self.every);
        }
    }
}

/// Closes what was not needed; true while there is more than one idle connection left.
fn trim(database: &Weak<Database>) -> bool {
    let Some(database) = database.upgrade() else { return false };
    let (surplus, left) = database.pool().trim();
    drop(surplus);
    left > 1
}

/// Who reads on rests again, and says so again.
fn wake(database: &Weak<Database>) -> bool {
    if let Some(database) = database.upgrade() {
        database.pool().wake();
        database.look();
    }
    false
}

fn checkpoint(database: &Weak<Database>) {
    let Some(database) = database.upgrade() else { return };
    let wal = database.wal();
    wal.beyond.store(wal.pages.load(Relaxed), Relaxed);
    wal.queued.store(false, Relaxed);
    if let Err(error) = write_back(&database) {
        let name = database.path().display();
        tracing::warn!(database = %name, %error, "checkpoint failed; the -wal keeps growing until one succeeds");
    }
}

/// On a connection of its own, so that no reader waits for the sync of a checkpoint.
fn write_back(database: &Database) -> crate::Result<()> {
    let pooled = database.connect_now()?;
    database.pool().wake();
    let (frames, _) = pooled.conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
    let frames = frames.unsigned_abs();
    if frames > CHECKPOINT_PAGES * OVERGROWN {
        if frames > CHECKPOINT_PAGES * ALARMING {
            tracing::warn!(database = %database.path().display(), frames, "a long reader keeps the -wal from being written back");
        }
        // Writers faster than the checkpoint: hold them off for the rest, which is short by now.
        let _writer = database.writer.blocking_lock();
        pooled.conn.busy_timeout(WAIT_FOR_READERS)?;
        // Who rests after it does so in the database file alone, and is in nobody's way.
        pooled.conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
        database.pool().wake();
        pooled.conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART)?;
    }
    Ok(())
}

/// Closing the last connection writes the -wal back and removes it, so an idle tenant is one clean
/// file; a connection that never wrote has nothing to write and closes at once.
fn close(connections: Vec<Pooled>, wal_pages: u32) {
    tracing::trace!(connections = connections.len(), wal_pages, "closing an idle database");
    drop(connections);
}

/// Under pressure: leaves the -wal where it is; the next open reads it.
fn close_quickly(connections: Vec<Pooled>, wal_pages: u32) {
    if wal_pages > 0 {
        connections.iter().for_each(|pooled| open::leave_wal(&pooled.conn));
    }
    drop(connections);
}
