//! Long work on a shared database in batches: each batch is a transaction, and other writers take their turns between
//! two batches.
//!
//! It serves filling a place in a pool and withdrawing one. The caller must make sure that no reader sees half-done
//! work, and that each batch can verify that the work still belongs to the caller.

use crate::{error::Result, sqlite::connection::WriteTurn};
use rusqlite::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows inserted or removed in one batch, which take some milliseconds.
const ROWS: u64 = 500;
/// Bytes of values in one batch.
const BYTES: u64 = 1 << 20;
/// Longest pause between two batches. It is long enough for waiting writers of other processes to try again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Waits for this process's turn to write.
pub(crate) type Queue = Arc<dyn Fn() -> WriteTurn + Send + Sync>;
/// A check that fails if the half-done work no longer belongs to the caller.
type Check = Box<dyn Fn(&Connection) -> Result<()> + Send>;

/// A sequence of transactions on one connection, which every method takes as an argument. If the connection closes, the
/// current batch is rolled back.
pub(crate) struct Batches {
    queue: Queue,
    /// Runs at the beginning of each batch.
    check: Check,
    /// The turn that the current batch holds, and the instant when it got it.
    current: Option<(WriteTurn, Instant)>,
    /// Number of rows in the current batch.
    rows: u64,
    bytes: u64,
    /// Set if all remaining work is one batch.
    unbounded: bool,
}

impl Batches {
    /// Begins the first batch, which is not checked.
    pub(crate) fn begin(conn: &Connection, queue: Queue) -> Result<Self> {
        let check = Box::new(|_: &Connection| Ok(()));
        let mut batches = Self { queue, check, current: None, rows: 0, bytes: 0, unbounded: false };
        batches.open(conn)?;
        Ok(batches)
    }

    /// Sets the check that runs at the beginning of each further batch, in its transaction.
    pub(crate) fn guard(&mut self, check: impl Fn(&Connection) -> Result<()> + Send + 'static) {
        self.check = Box::new(check);
    }

    /// Does all remaining work in the transaction of the current batch.
    pub(crate) fn at_once(&mut self) {
        self.unbounded = true;
    }

    /// Begins the next batch, unless one is in progress.
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

    /// Adds work that was done to the current batch. If the batch is full, commits it and begins the next one.
    pub(crate) fn did(&mut self, conn: &Connection, rows: u64, bytes: u64) -> Result<()> {
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        if self.rows < ROWS && self.bytes < BYTES {
            return Ok(());
        }
        self.pause(conn)?;
        self.open(conn)
    }

    /// Commits the current batch and lets other writers take their turns, unless all work is one batch.
    pub(crate) fn pause(&mut self, conn: &Connection) -> Result<()> {
        if self.unbounded {
            return Ok(());
        }
        let held = self.close(conn)?;
        // Pause for as long as the lock was held, so that writers that poll find it free every other time.
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
