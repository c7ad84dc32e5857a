//! The one background thread of SQLite: it writes `-wal` files back, closes evicted databases, trims pools and ends
//! idle snapshots.
//!
//! It sleeps until it receives a job. An idle tenant has no timer, no poll and no entry here.

use super::{
    database::{CHECKPOINT_PAGES, Database},
    open,
    pool::Pooled,
};
use rusqlite::{DEFAULT_NAME, wal::CheckpointMode};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Interval at which pools with more than one idle connection are trimmed.
const TRIM_EVERY: Duration = Duration::from_secs(5);
/// Longest duration of an idle snapshot, and so the longest time that it keeps another process from writing the `-wal`
/// back.
const END_SNAPSHOTS_EVERY: Duration = Duration::from_millis(250);
/// Maximum number of waiting closes. Beyond it, the evicting caller closes the database itself, so that descriptors are
/// not handed out faster than they come back.
const MAX_WAITING: usize = 64;
/// A `-wal` longer than this many times [`CHECKPOINT_PAGES`] is written back while writers wait.
const OVERGROWN: u32 = 4;
/// A `-wal` longer than this many times [`CHECKPOINT_PAGES`] is reported to the operator (`growing-wal`).
const ALARMING: u32 = 16;
/// Longest time that writers wait for readers of old frames.
const WAIT_FOR_READERS: Duration = Duration::from_millis(50);
/// Longest time that a shutdown writes `-wal` files back. The next open reads those that are left.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// A job of the maintenance thread.
#[derive(Debug)]
pub(crate) enum Job {
    /// The `-wal` grew past the checkpoint threshold.
    Checkpoint(Weak<Database>),
    /// More than one connection is idle.
    Trim(Weak<Database>),
    /// A connection is in an idle snapshot, or a writer has committed: end the snapshots and check that the file is in
    /// place.
    EndSnapshots(Weak<Database>),
    /// A database was evicted. Contains its connections, and the length of its `-wal` in pages.
    Close(Vec<Pooled>, u32),
    /// Ends the thread after all jobs sent before this one.
    Stop,
}

/// The closes that are due.
#[derive(Debug, Default)]
struct Closes {
    /// Number of closes that wait for the thread.
    waiting: AtomicUsize,
    /// End of [`SHUTDOWN`]; set when the shutdown begins.
    until: OnceLock<Instant>,
}

impl Closes {
    /// Adds a close. Returns false if too many closes wait. During a shutdown, every close is accepted.
    fn add(&self) -> bool {
        let taken = self.waiting.fetch_add(1, Relaxed) < MAX_WAITING || self.until.get().is_some();
        if !taken {
            self.waiting.fetch_sub(1, Relaxed);
        }
        taken
    }

    /// Returns true if a shutdown has taken too long.
    fn are_late(&self) -> bool {
        self.until.get().is_some_and(|until| Instant::now() > *until)
    }
}

#[derive(Debug)]
struct Inner {
    jobs: Sender<Job>,
    closes: Arc<Closes>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Handle to the thread, which ends on [`Maintenance::stop`] or when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Maintenance(Arc<Inner>);

impl Maintenance {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let closes = Arc::new(Closes::default());
        let due = closes.clone();
        let thread =
            std::thread::Builder::new().name("sqlite-maintenance".into()).spawn(move || run(&inbox, &due))?;
        Ok(Self(Arc::new(Inner { jobs, closes, thread: Mutex::new(Some(thread)) })))
    }

    /// Sends a job. After the thread has ended, the job is dropped, which closes the connections it holds.
    pub(crate) fn send(&self, job: Job) {
        // Sending fails only after shutdown; then it is enough to drop the job.
        drop(self.0.jobs.send(job));
    }

    /// Closes the connections of a database that is no longer in use.
    pub(crate) fn close(&self, connections: Vec<Pooled>, wal_pages: u32) {
        match self.0.closes.add() {
            true => self.send(Job::Close(connections, wal_pages)),
            false => close_quickly(connections, wal_pages),
        }
    }

    /// Begins the shutdown: from now on, every close waits for the thread, which writes each `-wal` back.
    pub(crate) fn begin_stop(&self) {
        self.0.closes.until.get_or_init(|| Instant::now() + SHUTDOWN);
    }

    /// Waits (blocking) until all jobs sent so far are done, then ends the thread.
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

fn run(inbox: &Receiver<Job>, closes: &Closes) {
    let mut spare = Later::new(TRIM_EVERY);
    let mut snapshots = Later::new(END_SNAPSHOTS_EVERY);
    loop {
        let job = match [spare.due, snapshots.due].into_iter().flatten().min() {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => inbox.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match job {
            Ok(Job::Checkpoint(database)) => drop(survive(|| checkpoint(&database))),
            Ok(Job::Trim(database)) => spare.remember(database),
            Ok(Job::EndSnapshots(database)) => snapshots.remember(database),
            Ok(Job::Close(connections, wal_pages)) => {
                survive(|| match closes.are_late() {
                    true => close_quickly(connections, wal_pages),
                    false => close(connections, wal_pages),
                });
                closes.waiting.fetch_sub(1, Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        spare.retain_when_due(trim);
        snapshots.retain_when_due(end_snapshots);
    }
}

/// Runs the work on one database. If it panics, returns `None` and the thread continues with the other databases,
/// because no other thread would.
fn survive<T>(work: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    if done.is_none() {
        tracing::error!(
            "the SQLite maintenance thread panicked over one database and goes on with the others"
        );
    }
    done
}

/// Databases to visit at intervals until nothing is left to do in them.
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
            self.databases.retain(|database| survive(|| more(database)).unwrap_or(false));
            self.due = (!self.databases.is_empty()).then_some(now + self.every);
        }
    }
}

/// Closes connections that were not needed. Returns true while more than one idle connection is left.
fn trim(database: &Weak<Database>) -> bool {
    let Some(database) = database.upgrade() else { return false };
    let (surplus, left) = database.pool().trim();
    drop(surplus);
    left > 1
}

/// Ends the idle snapshots and checks that the file is in place. Always returns false: a connection that keeps serving
/// reads starts another idle snapshot and sends [`Job::EndSnapshots`] again.
fn end_snapshots(database: &Weak<Database>) -> bool {
    if let Some(database) = database.upgrade() {
        database.pool().end_snapshots();
        database.check_file();
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

/// Runs the checkpoint on a separate connection, so that no reader waits for its sync.
fn write_back(database: &Database) -> crate::error::Result<()> {
    let pooled = database.connect_now()?;
    database.pool().end_snapshots();
    let (frames, _) = pooled.conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
    let frames = frames.unsigned_abs();
    if frames > CHECKPOINT_PAGES * OVERGROWN {
        if frames > CHECKPOINT_PAGES * ALARMING {
            tracing::warn!(database = %database.path().display(), frames, "a long reader keeps the -wal from being written back");
        }
        // Writers are faster than the checkpoint. Hold them off while it writes the remaining frames, which are few by
        // now.
        let _writer = database.writer.blocking_lock();
        pooled.conn.busy_timeout(WAIT_FOR_READERS)?;
        // A snapshot that begins after this one reads from the database file alone, so it does not block the restart.
        pooled.conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
        database.pool().end_snapshots();
        pooled.conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART)?;
    }
    Ok(())
}

/// Closes the connections. The last one writes the `-wal` back and removes it, so an idle tenant consists of one clean
/// file. A connection that never wrote closes without delay.
fn close(connections: Vec<Pooled>, wal_pages: u32) {
    tracing::trace!(connections = connections.len(), wal_pages, "closing an idle database");
    drop(connections);
}

/// Closes the connections without a checkpoint, because too many closes wait or a shutdown takes too long. The `-wal`
/// stays; the next open reads it.
fn close_quickly(connections: Vec<Pooled>, wal_pages: u32) {
    if wal_pages > 0 {
        connections.iter().for_each(|pooled| open::leave_wal(&pooled.conn));
    }
    drop(connections);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{
        connection::{Mode, handles::Ticket},
        wal_index::Watch,
    };
    use std::sync::Barrier;

    #[test]
    fn a_panic_over_one_database_leaves_the_others_their_upkeep() {
        let mut later = Later::new(Duration::ZERO);
        later.remember(Weak::new());
        later.retain_when_due(|_| panic!("broken"));
        assert!(later.databases.is_empty() && later.due.is_none(), "it is not visited again and again");
        assert_eq!(survive(|| 1), Some(1));
    }

    /// Under pressure, the evicting caller closes a database while the thread closes an earlier opening of it.
    #[test]
    fn two_closings_at_once_leave_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        drop(rusqlite::Connection::open(&path).unwrap());
        let opened = || {
            let conn = open::connect(&path).unwrap();
            conn.busy_timeout(Duration::from_secs(5)).unwrap();
            let sql = "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t(a); SELECT count(*) FROM t";
            conn.execute_batch(sql).unwrap();
            Pooled::new(conn, Ticket::reserved(), Arc::default())
        };
        let both = Barrier::new(2);
        for round in 0..500 {
            let (one, two) = (opened(), opened());
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    close(vec![one], 0);
                });
                both.wait();
                close_quickly(vec![two], 0);
            });
            assert!(!dir.path().join("a.db-wal").exists(), "round {round}");
        }
    }

    /// The thread closes a system store, and the last holder of the database closes its watch.
    #[test]
    fn a_watch_that_ends_while_its_database_closes_leaves_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let both = Barrier::new(2);
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(a)").unwrap();
        drop(conn);
        for round in 0..500 {
            let conn = open::connect(&path).unwrap();
            conn.busy_timeout(Duration::from_secs(5)).unwrap();
            conn.execute_batch("INSERT INTO t VALUES(1)").unwrap();
            let one = Pooled::new(conn, Ticket::reserved(), Arc::default());
            let watch = Watch::start(&path, Mode::Shared).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    close(vec![one], 0);
                });
                both.wait();
                drop(watch);
            });
            assert!(!dir.path().join("a.db-wal").exists(), "round {round}");
        }
    }
}
