//! Long work on a shared database in batches: each batch is a transaction, and between two of them other writers have
//! their turn.
//!
//! Filling a place in a pool and withdrawing one use it. The caller must make sure that half-done work is invisible, and
//! that each batch can verify that the work still belongs to the caller.

use crate::{error::Result, sqlite::connection::WriteTurn};
use rusqlite::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows inserted or removed in one batch: some milliseconds.
const ROWS: u64 = 500;
/// Bytes of values in one batch.
const BYTES: u64 = 1 << 20;
/// Longest pause between two batches, after which waiting writers of other processes have tried again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Waits for this process's turn to write.
pub(crate) type Queue = Arc<dyn Fn() -> WriteTurn + Send + Sync>;
/// Fails if the half-done work no longer belongs to the caller.
type Check = Box<dyn Fn(&Connection) -> Result<()> + Send>;

/// A sequence of transactions on one connection, which every method takes. If the connection closes, the current batch is
/// rolled back.
pub(crate) struct Batches {
    queue: Queue,
    /// Runs at the beginning of each batch.
    check: Check,
    /// The turn that the current batch holds, and since when.
    current: Option<(WriteTurn, Instant)>,
    /// Rows and bytes of the current batch.
    rows: u64,
    bytes: u64,
    /// All work is one batch.
    unbounded: bool,
}

impl Batches {
    /// Begins the first batch, for which no check runs.
    pub(crate) fn begin(conn: &Connection, queue: Queue) -> Result<Self> {
        let check = Box::new(|_: &Connection| Ok(()));
        let mut batches = Self { queue, check, current: None, rows: 0, bytes: 0, unbounded: false };
        batches.open(conn)?;
        Ok(batches)
    }

    /// Runs `check` at the beginning of each further batch, in its transaction.
    pub(crate) fn guard(&mut self, check: impl Fn(&Connection) -> Result<()> + Send + 'static) {
        self.check = Box::new(check);
    }

    /// Keeps all further work in the transaction of the current batch.
    pub(crate) fn at_once(&mut self) {
        self.unbounded = true;
    }

    /// Begins the next batch unless the current one goes on.
    pub(crate) fn open(&mut self, conn: &Connection) -> Result<()> {
        if self.current.is_some() {
            return Ok(());
        }
        let turn = (self.queue)();
        conn.execute_batch("BEGIN IMMEDIATE")?;
        self.current = Some((turn, Instant::now()));
        (self.rows, self.bytes) = (0, 0);
        (self.check)(conn).inspect_err(|_| self.give_up(conn))
    }

    /// Notes work that was done. If it is enough for a batch, commits and begins the next one.
    pub(crate) fn did(&mut self, conn: &Connection, rows: u64, bytes: u64) -> Result<()> {
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        if self.rows < ROWS && self.bytes < BYTES {
            return Ok(());
        }
        self.pause(conn)?;
        self.open(conn)
    }

    /// Commits the current batch and lets other writers have their turn, unless all work is one batch.
    pub(crate) fn pause(&mut self, conn: &Connection) -> Result<()> {
        if self.unbounded {
            return Ok(());
        }
        let held = self.close(conn)?;
        // Pause as long as the lock was held, so that writers that poll find it free every other time.
        std::thread::sleep(held.min(LONGEST_PAUSE));
        Ok(())
    }

    /// Commits the last batch.
    pub(crate) fn end(&mut self, conn: &Connection) -> Result<()> {
        self.close(conn).map(drop)
    }

    /// Rolls the current batch back.
    pub(crate) fn give_up(&mut self, conn: &Connection) {
        if self.current.take().is_some()
            && let Err(error) = conn.execute_batch("ROLLBACK")
        {
            tracing::debug!(%error, "SQLite has rolled it back already");
        }
    }

    fn close(&mut self, conn: &Connection) -> Result<Duration> {
        let Some((turn, began)) = self.current.take() else { return Ok(Duration::ZERO) };
        conn.execute_batch("COMMIT")?;
        drop(turn);
        Ok(began.elapsed())
    }
}
