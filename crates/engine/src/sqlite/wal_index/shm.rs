//! The header of a database's `-shm` file: one small read shows whether any process has committed.
//!
//! Every commit in WAL mode rewrites the header of the wal-index, which begins with
//! (<https://sqlite.org/walformat.html#the_wal_index_header>, all native-endian): version, unused, `iChange` (+1 each
//! transaction), isInit…, mxFrame, nPage, checksum of the last frame, salts. A commit returns only after this header is
//! written, so an equal header means that nothing has been committed. `iChange` restarts at 0 after a recovery; the
//! frame checksum and the salts distinguish those cases.

use crate::{error::Result, sqlite::error::io};
use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Size of one copy of the wal-index header, in bytes.
const HEADER_BYTES: usize = 48;
/// Version of the wal-index format, in the first four bytes. Headers of other versions are not interpreted.
const VERSION: [u8; 4] = 3_007_000_u32.to_ne_bytes();
/// Offsets of `iChange` and of the flag that the header is initialised.
const CHANGE_AT: usize = 8;
const INIT_AT: usize = 12;

/// Device and inode.
type Inode = (u64, u64);

/// All descriptors of `-shm` files of this process.
///
/// POSIX locks belong to the process: closing any descriptor of a file drops the locks that SQLite holds through its
/// own descriptors of that file. Hence there is one table for the process, and a descriptor may be closed only after
/// its file has been unlinked.
static OPEN: Mutex<Files> = Mutex::new(Files { files: BTreeMap::new(), swept: None });

/// Maximum number of descriptors, not counting those of system stores.
static FILES_MAX: AtomicUsize = AtomicUsize::new(0);
/// Minimum time between two scans of the table for unlinked files.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

struct Files {
    files: BTreeMap<Inode, Arc<File>>,
    swept: Option<Instant>,
}

impl Files {
    fn has_room(&mut self) -> bool {
        if self.files.len() >= FILES_MAX.load(Relaxed)
            && self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY)
        {
            self.files.retain(|_, file| !is_removed(file));
            self.swept = Some(Instant::now());
        }
        self.files.len() < FILES_MAX.load(Relaxed)
    }
}

/// Raises the limit to at least `files` descriptors; all engines of the process share it.
pub(crate) fn allow(files: usize) {
    FILES_MAX.fetch_max(files, Relaxed);
}

fn open_now() -> MutexGuard<'static, Files> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The wal-index header as it was read. If two headers are equal, no process committed between the two reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u8; HEADER_BYTES]);

impl Header {
    /// Returns SQLite's change counter, `iChange`.
    pub(crate) fn change(&self) -> u32 {
        let [.., a, b, c, d] = self.0[..CHANGE_AT + 4] else { return 0 };
        u32::from_ne_bytes([a, b, c, d])
    }

    /// Returns the rest of the header, which distinguishes states with the same change counter.
    pub(crate) fn remainder(&self) -> &[u8] {
        &self.0[INIT_AT..]
    }
}

/// The `-shm` file of an open database.
#[derive(Debug)]
pub(crate) struct Shm {
    file: Arc<File>,
    inode: Inode,
}

impl Shm {
    /// Opens the `-shm` file of the database at `path`.
    ///
    /// The caller must hold a connection that has completed a read for the duration of this call; otherwise the last
    /// closing connection could unlink the file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        let name = Path::new(&name);
        let mut open = open_now();
        let there = inode(&name.symlink_metadata().map_err(|error| io(error, name))?);
        if let Some(file) = open.files.get(&there) {
            return Ok(Self { file: file.clone(), inode: there });
        }
        let file = Arc::new(File::open(name).map_err(|error| io(error, name))?);
        // Store the file before anything can fail: from here on the descriptor must not be closed.
        let inode = file.metadata().map_or(there, |meta| inode(&meta));
        if let Some(known) = open.files.insert(inode, file.clone()) {
            std::mem::forget(known);
        }
        Ok(Self { file, inode })
    }

    /// Returns true if another descriptor may be opened.
    pub(crate) fn has_room() -> bool {
        open_now().has_room()
    }

    /// Returns the current header; `None` if it cannot be read, is being initialised or has another version.
    pub(crate) fn header(&self) -> Option<Header> {
        let mut header = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut header, 0).ok()?;
        (header.starts_with(&VERSION) && header[INIT_AT] == 1).then_some(Header(header))
    }
}

impl Drop for Shm {
    /// Closes the descriptor if the file is gone: the last connection of a database unlinks the file when it closes.
    fn drop(&mut self) {
        if is_removed(&self.file) {
            open_now().files.remove(&self.inode);
        }
    }
}

fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|meta| meta.nlink() == 0)
}

fn inode(meta: &Metadata) -> Inode {
    (meta.dev(), meta.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(bytes: &[u8]) -> Option<Header> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.db-shm"), bytes).unwrap();
        Shm::of(&dir.path().join("a.db")).unwrap().header()
    }

    #[test]
    fn only_an_initialised_header_of_the_known_version_is_read() {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&VERSION);
        bytes[CHANGE_AT..CHANGE_AT + 4].copy_from_slice(&7_u32.to_ne_bytes());
        assert_eq!(header_of(&bytes), None, "not initialised");
        bytes[INIT_AT] = 1;
        assert_eq!(header_of(&bytes).unwrap().change(), 7);
        assert_eq!(header_of(&bytes[..HEADER_BYTES - 1]), None, "cut short");
        bytes[..4].copy_from_slice(&3_007_001_u32.to_ne_bytes());
        assert_eq!(header_of(&bytes), None, "another version");
    }
}
