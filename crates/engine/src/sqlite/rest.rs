//! Where a connection rests between two reads: in the state of the database it has just read.
//!
//! To begin and end a read takes four fifths of a read by id: two record locks, and the wal-index looked at. While
//! nobody commits, the next read sees the same state, so the connection stays in its transaction, and one look at
//! the header of the wal-index ([`Shm`]) says whether it may. What any process has committed is seen by the
//! next read, as if each had a transaction of its own.
//!
//! A connection that rests would keep the -wal from being written back: the maintenance thread wakes them all
//! every quarter of a second, and before each checkpoint.

use super::{
    known::Known,
    shm::{Header, Shm},
};
use crate::error::Result;
use rusqlite::{Connection, DEFAULT_NAME, TransactionState};
use std::path::Path;

/// Reads after which a connection looks whether it may rest: to begin to look takes as long as some ten reads.
const READS_BEFORE: u8 = 16;

/// What a connection knows of the state it read last.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// After some reads; databases beyond those that may be watched do without rest.
    shm: Option<Shm>,
    /// Reads so far, as far as they are counted.
    reads: u8,
    /// Before the last read.
    seen: Option<Header>,
    /// In a transaction that only reads, of the state `seen` or a later one.
    resting: bool,
    /// Number of the schema that this state is known to have; 0: none yet.
    schema: u32,
}

impl Rest {
    /// Prepares `conn` for a read of the present state of the database at `path`: where the last read left it if
    /// nothing was committed since. It stays there if nothing was committed since the read before, either.
    pub(super) fn before_read(&mut self, conn: &Connection, path: &Path) -> Result<()> {
        let Some(shm) = self.look(path) else { return Ok(()) };
        let present = shm.header();
        let same = present.is_some() && present == self.seen;
        if self.resting && same {
            return Ok(());
        }
        self.wake(conn)?;
        // Asked before the transaction takes its state, which can only be later than it is thought to be.
        self.seen = present;
        if same {
            conn.prepare_cached("BEGIN")?.execute([])?;
            (self.resting, self.schema) = (true, 0);
        }
        Ok(())
    }

    fn look(&mut self, path: &Path) -> Option<&Shm> {
        if self.reads < READS_BEFORE {
            self.reads += 1;
            if self.reads == READS_BEFORE && Shm::has_room() {
                self.shm = Shm::of(path).inspect_err(|error| tracing::debug!(%error, "no rest")).ok();
            }
        }
        self.shm.as_ref()
    }

    /// Ends the transaction it rests in.
    pub(super) fn wake(&mut self, conn: &Connection) -> Result<()> {
        if std::mem::take(&mut self.resting) {
            conn.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }

    /// True when its connection rests in a state that has this schema.
    pub(super) fn has_schema(&self, known: &Known) -> bool {
        self.resting && self.schema == known.number()
    }

    /// Notes that the state it rests in has this schema.
    pub(super) fn set_schema(&mut self, known: &Known) {
        self.schema = known.number();
    }

    /// True while its connection is in a transaction on purpose.
    pub(super) fn is_resting(&self) -> bool {
        self.resting
    }

    /// As a connection must be when it comes back: in no transaction of any kind, which an unfinished read would
    /// hold too, or resting in one that has written nothing.
    pub(super) fn is_clean(&self, conn: &Connection) -> bool {
        match (self.resting, conn.transaction_state(DEFAULT_NAME)) {
            (false, Ok(TransactionState::None)) => conn.is_autocommit(),
            (true, Ok(TransactionState::None | TransactionState::Read)) => !conn.is_autocommit(),
            _ => false,
        }
    }
}
