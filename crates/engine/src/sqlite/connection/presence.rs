//! Checks whether the file of an open database is still at its path.
//!
//! An open connection continues to read and write a file that was removed, replaced or set aside. The maintenance
//! thread checks soon after a commit or a read, and a writer checks after each commit, before it acknowledges the
//! write. A check costs one system call of about half a microsecond; small writes that share a commit share the check.
//! A file that is overwritten in place remains the same file, so no check notices it.

use super::base::{self, FileId, file_id};
use crate::error::{Error, Kind, Result};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// The file of an open database, and the result of the last check.
#[derive(Debug)]
pub(crate) struct Presence {
    file: FileId,
    /// Id of the `-wal`, which SQLite creates at the latest when it opens the file.
    wal: Option<FileId>,
    lost: AtomicBool,
}

impl Presence {
    /// Records which file is at the path.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if there is no file.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let file = file_id(path).ok_or_else(|| Error::new(Kind::Missing, path.display().to_string()))?;
        let wal = file_id(&base::wal_of(path));
        Ok(Self { file, wal, lost: AtomicBool::new(false) })
    }

    /// Returns true if the file is at the path now.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        file_id(path) == Some(self.file)
    }

    /// Checks whether the file is at its path, and marks it as lost if it is not.
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
