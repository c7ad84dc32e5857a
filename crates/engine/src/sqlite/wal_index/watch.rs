//! Detects whether any process has committed since a given moment, with one small read and without a query.
//!
//! Used for the system stores, whose contents the platform caches.

use super::shm::Shm;
use crate::{
    error::Result,
    sqlite::connection::{ClosesAlone, Mode},
};
use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Watches the commits of one database.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Never lent and never closed. While it is open, no other connection is the last one to close, so the `-shm` file
    /// stays.
    _anchor: Mutex<ClosesAlone>,
    /// `None` if the database is opened read-only, while no other process can commit.
    shm: Option<Shm>,
    /// Source of marks that differ from all others, used while the file cannot be read.
    unknown: AtomicU64,
}

impl Watch {
    /// Starts to watch the database at `path`, which must be open.
    pub(crate) fn start(path: &Path, mode: Mode) -> Result<Self> {
        let anchor = mode.connect(path)?;
        // The first read takes the shared lock that keeps the `-shm` file in place.
        anchor.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let shm = match mode {
            Mode::Shared => Some(Shm::of(path)?),
            Mode::ReadOnly => None,
        };
        Ok(Self { _anchor: Mutex::new(anchor.into()), shm, unknown: AtomicU64::new(0) })
    }

    /// Returns a number that stays the same as long as no process commits. While the header cannot be read, each call
    /// returns a new number.
    pub(crate) fn mark(&self) -> u64 {
        let Some(header) = self.shm.as_ref().and_then(Shm::header) else {
            return u64::from(self.unknown.fetch_add(1, Relaxed) as u32) << 32;
        };
        let remainder = BuildHasherDefault::<DefaultHasher>::default().hash_one(header.remainder());
        u64::from(header.change()) << 32 | remainder & 0xffff_ffff
    }
}
