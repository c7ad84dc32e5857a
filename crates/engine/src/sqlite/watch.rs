//! "Has anything been committed since?" for one small read, across processes, without asking the database.
//!
//! Made for the system stores, whose contents the platform remembers.

use super::{open, shm::Shm};
use crate::error::Result;
use rusqlite::Connection;
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
    /// Never lent and never closed: as long as it lives, nobody's last close can delete the -shm file.
    _anchor: Mutex<Connection>,
    shm: Shm,
    /// Answers that equal no other, for when the file cannot be read.
    unknown: AtomicU64,
}

impl Watch {
    /// Starts to watch the database at `path`, which is open.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let anchor = open::connect(path)?;
        // The first read takes the shared lock that keeps the -shm file where it is.
        anchor.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Self { _anchor: Mutex::new(anchor), shm: Shm::of(path)?, unknown: AtomicU64::new(0) })
    }

    /// A number that stays the same exactly as long as nothing is committed by anybody.
    pub(crate) fn mark(&self) -> u64 {
        let Some(header) = self.shm.header() else {
            return u64::from(self.unknown.fetch_add(1, Relaxed) as u32) << 32;
        };
        let rest = BuildHasherDefault::<DefaultHasher>::default().hash_one(header.rest());
        u64::from(header.change()) << 32 | rest & 0xffff_ffff
    }
}
