//! Long work on a shared database, a batch at a time: each is a transaction of its own, and between two of them
//! other writers have their turn.
//!
//! Used by absorption and withdrawal. What is half done must be invisible, and whoever began it must be able to say in every
//! batch that it still is theirs; that is the caller's to see to.

use crate::error::Result;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::any::Any;
use std::time::{Duration, Instant};

/// Rows put in or taken out in one batch: some milliseconds.
const ROWS: u64 = 500;
/// Bytes of values in one batch.
const BYTES: u64 = 1 << 20;
/// Writers of other processes ask again after at most this long.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// What writers of this process queue for; held while a batch lasts.
pub(crate) type Turn = Option<Box<dyn Any>>;

/// Says no when what is half done is not the caller's any more.
type Check<'c> = Box<dyn Fn(&Connection) -> Result<()> + 'c>;

/// See the module.
pub(super) struct Batches<'c> {
    conn: &'c Connection,
    queue: &'c dyn Fn() -> Turn,
    /// Asked at the begin of each batch.
    check: Check<'c>,
    current: Option<(Transaction<'c>, Turn, Instant)>,
    /// Of the current batch.
    rows: u64,
    bytes: u64,
    /// Everything is one batch.
    unbounded: bool,
}

impl<'c> Batches<'c> {
    /// Begins the first batch, before which nothing is asked.
    pub(super) fn begin(conn: &'c Connection, queue: &'c dyn Fn() -> Turn) -> Result<Self> {
        let check = Box::new(|_: &Connection| Ok(()));
        let mut batches = Self { conn, queue, check, current: None, rows: 0, bytes: 0, unbounded: false };
        batches.open()?;
        Ok(batches)
    }

    /// From the next batch on `check` is asked first, in its transaction.
    pub(super) fn guard(&mut self, check: impl Fn(&Connection) -> Result<()> + 'c) {
        self.check = Box::new(check);
    }

    /// What follows is all in one transaction with what was done in this batch.
    pub(super) fn at_once(&mut self) {
        self.unbounded = true;
    }

    /// Says what was done; when that is enough for a batch, the next one begins.
    pub(super) fn did(&mut self, rows: u64, bytes: u64) -> Result<()> {
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        if self.unbounded || (self.rows < ROWS && self.bytes < BYTES) {
            return Ok(());
        }
        let held = self.close()?;
        // As long as it was held, so that those who ask now and then find it free every other time.
        std::thread::sleep(held.min(LONGEST_PAUSE));
        self.open()
    }

    /// Commits the last batch.
    pub(super) fn end(mut self) -> Result<()> {
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
