//! Tells whether the file of an open database is still at its path.
//!
//! An open connection goes on reading and writing a file that was removed, replaced or set aside. The maintenance
//! thread checks soon after a commit or a read; each commit is checked before the write is acknowledged. A check costs
//! one call of the operating system, about half a microsecond; small writes that share a commit share it. A file that is
//! overwritten in place stays the same file, which no check notices.

use super::base::{self, FileId, file_id};
use crate::error::{Error, Kind, Result};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// The file of an open database, and what is known of its presence.
#[derive(Debug)]
pub(crate) struct Presence {
    file: FileId,
    /// The `-wal` that SQLite made no later than it opened the file.
    wal: Option<FileId>,
    lost: AtomicBool,
}

impl Presence {
    /// Remembers which file is at the path.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if there is none.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let file = file_id(path).ok_or_else(|| Error::new(Kind::Missing, path.display().to_string()))?;
        let wal = file_id(&base::wal_of(path));
        Ok(Self { file, wal, lost: AtomicBool::new(false) })
    }

    /// Returns true if the path has the file now.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        file_id(path) == Some(self.file)
    }

    /// Asks the operating system whether the file is at its path, and notes if it is not.
    pub(crate) fn check_file(&self, path: &Path) {
        if !self.is_at(path) && !self.lost.swap(true, Relaxed) {
            if let Some(wal) = self.wal {
                base::replaced(path, wal);
            }
            tracing::error!(file = %path.display(), "the database file was removed or replaced while it was open");
        }
    }

    /// Fails if the file is not at its path now.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if the file is not at its path.
    pub(crate) fn after_commit(&self, path: &Path) -> Result<()> {
        self.check_file(path);
        self.require(path)
    }

    /// Returns true if the file was not at its path at the last check.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    /// Fails with [`Kind::Missing`] if [`Presence::is_lost`].
    pub(crate) fn require(&self, path: &Path) -> Result<()> {
        match self.is_lost() {
            false => Ok(()),
            true => Err(Error::new(Kind::Missing, "removed or replaced while it was open").in_file(path)),
        }
    }
}
