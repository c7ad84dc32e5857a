//! Idle snapshots: between two reads, a connection stays in the read transaction of the first one.
//!
//! Beginning and ending a read transaction takes four fifths of the time of a read by id: two record locks and a read
//! of the wal-index. While no process commits, the next read would see the same state, so the connection keeps its
//! transaction open. One read of the wal-index header ([`Shm`]) shows whether the snapshot is still current. So the
//! next read sees every commit of every process, as if each read had its own transaction.
//!
//! An idle snapshot keeps frames of the `-wal` from being written back. The maintenance thread therefore ends all idle
//! snapshots of a database every quarter of a second, and before each checkpoint.

use super::shm::{Header, Shm};
use crate::{error::Result, schema::Known};
use rusqlite::{Connection, DEFAULT_NAME, TransactionState};
use std::path::Path;

/// Number of reads before a connection opens the `-shm` file. Opening it costs about ten reads, so short-lived
/// connections never do.
const READS_BEFORE: u8 = 16;

/// The idle snapshot of one connection, with what is known of the state that it read last.
#[derive(Debug, Default)]
pub(crate) struct IdleSnapshot {
    /// Opened after [`READS_BEFORE`] reads. `None` if the process has no descriptor left for it; then the connection
    /// has no idle snapshots.
    shm: Option<Shm>,
    /// Reads so far, counted up to [`READS_BEFORE`].
    reads: u8,
    /// Header of the wal-index before the last read.
    seen: Option<Header>,
    /// True while the connection is in a read transaction. Its state is that of `seen` or a later one.
    open: bool,
    /// Number of the schema that this state is known to have; 0 if it was not checked yet.
    schema: u32,
}

impl IdleSnapshot {
    /// Prepares `conn` for a read of the current state of the database at `path`.
    ///
    /// Keeps the idle snapshot if nothing was committed since it began; otherwise ends it. Begins a new one if nothing
    /// was committed since the previous read.
    pub(crate) fn before_read(&mut self, conn: &Connection, path: &Path) -> Result<()> {
        let Some(shm) = self.shm(path) else { return Ok(()) };
        let present = shm.header();
        let same = present.is_some() && present == self.seen;
        if self.open && same {
            return Ok(());
        }
        self.end(conn)?;
        // The header is read before the transaction begins: the transaction's state can be later than `seen`, but never
        // earlier.
        self.seen = present;
        if same {
            conn.prepare_cached("BEGIN")?.execute([])?;
            (self.open, self.schema) = (true, 0);
        }
        Ok(())
    }

    fn shm(&mut self, path: &Path) -> Option<&Shm> {
        if self.reads < READS_BEFORE {
            self.reads += 1;
            if self.reads == READS_BEFORE && Shm::has_room() {
                self.shm =
                    Shm::of(path).inspect_err(|error| tracing::debug!(%error, "no idle snapshots")).ok();
            }
        }
        self.shm.as_ref()
    }

    /// Ends the idle snapshot, if there is one.
    pub(crate) fn end(&mut self, conn: &Connection) -> Result<()> {
        if std::mem::take(&mut self.open) {
            conn.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }

    /// Returns true if the connection is in an idle snapshot whose state has this schema.
    pub(crate) fn has_schema(&self, known: &Known) -> bool {
        self.open && self.schema == known.number()
    }

    /// Records that the state of the idle snapshot has this schema.
    pub(crate) fn set_schema(&mut self, known: &Known) {
        self.schema = known.number();
    }

    /// Returns true while the connection is in an idle snapshot.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Returns true if `conn` may go back into the pool: it is in no transaction at all (an unfinished read would hold
    /// one), or in an idle snapshot that has written nothing.
    pub(crate) fn is_clean(&self, conn: &Connection) -> bool {
        match (self.open, conn.transaction_state(DEFAULT_NAME)) {
            (false, Ok(TransactionState::None)) => conn.is_autocommit(),
            (true, Ok(TransactionState::None | TransactionState::Read)) => !conn.is_autocommit(),
            _ => false,
        }
    }
}
