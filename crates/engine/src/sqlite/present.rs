//! Tells whether the file of an open database is still at its path.
//!
//! An open connection goes on reading and writing a file that was removed, replaced or set aside. The maintenance
//! thread checks soon after a commit or a read; each commit is checked before the write is acknowledged.

use super::identity::Platform;
use crate::error::{Error, Kind, Result};
use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// Device and inode.
type Inode = (u64, u64);

/// The file of an open database, and what is known of its presence.
#[derive(Debug)]
pub(crate) struct Present {
    file: Inode,
    lost: AtomicBool,
    /// State of the catalog when the file was last seen at its path; 0 if not seen since it was opened.
    seen: AtomicU64,
}

impl Present {
    /// Remembers which file is at the path.
    ///
    /// # Errors
    /// [`Kind::Missing`] if there is none.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let file = inode(path).ok_or_else(|| Error::new(Kind::Missing, path.display().to_string()))?;
        Ok(Self { file, lost: AtomicBool::new(false), seen: AtomicU64::new(0) })
    }

    /// Returns true if the path has the file now.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        inode(path) == Some(self.file)
    }

    /// Asks the operating system whether the file is at its path, and notes if it is not.
    pub(crate) fn look(&self, path: &Path) {
        if !self.is_at(path) && !self.lost.swap(true, Relaxed) {
            tracing::error!(file = %path.display(), "the database file was removed or replaced while it was open");
        }
    }

    /// Fails if the file is not at its path. Asks the operating system only if the catalog has changed since it was last
    /// asked: a tenant is routed to another file by a change of the catalog.
    ///
    /// # Errors
    /// [`Kind::Missing`] if the file is not at its path.
    pub(crate) fn after_commit(&self, path: &Path, platform: &Platform) -> Result<()> {
        // The mark is read before the file is checked: a change in between is noticed after the next commit.
        let catalog = platform.catalog_mark();
        if catalog.is_none_or(|mark| mark != self.seen.load(Relaxed)) {
            self.look(path);
            self.seen.store(catalog.unwrap_or(0), Relaxed);
        }
        self.check(path)
    }

    /// Returns true if the file was not at its path at the last check.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    /// Fails with [`Kind::Missing`] if [`Present::is_lost`].
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        match self.is_lost() {
            false => Ok(()),
            true => Err(Error::new(Kind::Missing, "removed or replaced while it was open").in_file(path)),
        }
    }
}

fn inode(path: &Path) -> Option<Inode> {
    path.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}
