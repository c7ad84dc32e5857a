//! Long work on a shared database in batches: each batch is a transaction, and between two of them other writers have
//! their turn.
//!
//! Used by absorption and withdrawal. The caller must make sure that half-done work is invisible, and that each batch
//! can verify that the work still belongs to the caller.

use crate::{error::Result, sqlite::connection::WriteTurn};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::time::{Duration, Instant};

/// Rows inserted or removed in one batch: some milliseconds.
const ROWS: u64 = 500;
/// Bytes of values in one batch.
const BYTES: u64 = 1 << 20;
/// Longest pause between two batches, after which waiting writers of other processes have tried again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Fails if the half-done work no longer belongs to the caller.
type Check<'c> = Box<dyn Fn(&Connection) -> Result<()> + 'c>;

/// A sequence of transactions on a shared database.
pub(crate) struct Batches<'c> {
    conn: &'c Connection,
    queue: &'c dyn Fn() -> WriteTurn,
    /// Runs at the beginning of each batch.
    check: Check<'c>,
    current: Option<(Transaction<'c>, WriteTurn, Instant)>,
    /// Rows and bytes of the current batch.
    rows: u64,
    bytes: u64,
    /// All work is one batch.
    unbounded: bool,
}

impl<'c> Batches<'c> {
    /// Begins the first batch, for which no check runs.
    pub(crate) fn begin(conn: &'c Connection, queue: &'c dyn Fn() -> WriteTurn) -> Result<Self> {
        let check = Box::new(|_: &Connection| Ok(()));
        let mut batches = Self { conn, queue, check, current: None, rows: 0, bytes: 0, unbounded: false };
        batches.open()?;
        Ok(batches)
    }

    /// Runs `check` at the beginning of each further batch, in its transaction.
    pub(crate) fn guard(&mut self, check: impl Fn(&Connection) -> Result<()> + 'c) {
        self.check = Box::new(check);
    }

    /// Keeps all further work in the transaction of the current batch.
    pub(crate) fn at_once(&mut self) {
        self.unbounded = true;
    }

    /// Notes work that was done. If it is enough for a batch, commits and begins the next one.
    pub(crate) fn did(&mut self, rows: u64, bytes: u64) -> Result<()> {
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        if self.unbounded || (self.rows < ROWS && self.bytes < BYTES) {
            return Ok(());
        }
        let held = self.close()?;
        // Pause as long as the lock was held, so that writers that poll find it free every other time.
        std::thread::sleep(held.min(LONGEST_PAUSE));
        self.open()
    }

    /// Commits the last batch.
    pub(crate) fn end(mut self) -> Result<()> {
        self.close().map(drop)
    }

    fn open(&mut self) -> Result<()> {
        let turn = (self.queue)();
        let transaction = Transaction::new_unchecked(self.conn, TransactionBehavior::Immediate)?;
        (self.check)(&transaction)?;
        (self.rows, self.bytes) = (0, 0);
        self.current = Some((transaction, turn, Instant::now()));
        Ok(())
    }

    fn close(&mut self) -> Result<Duration> {
        let Some((transaction, turn, began)) = self.current.take() else { return Ok(Duration::ZERO) };
        transaction.commit()?;
        drop(turn);
        Ok(began.elapsed())
    }
}
