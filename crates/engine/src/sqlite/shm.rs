//! The header of a database's `-shm` file: what says, for one small read, whether anybody has committed since.
//!
//! Every commit in WAL mode rewrites the header of the wal-index, which begins with
//! (<https://sqlite.org/walformat.html#the_wal_index_header>, all native-endian): version, unused,
//! `iChange` (+1 each transaction), isInit…, mxFrame, nPage, checksum of the last frame, salts. A commit returns
//! only after this header is written, so an equal header means that nothing has been committed.
//! `iChange` restarts at 0 after a recovery; frame checksum and salts tell those cases apart.

use super::server::io;
use crate::error::Result;
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

/// Bytes of one copy of the wal-index header.
const HEADER_BYTES: usize = 48;
/// Where `iChange` is, and the flag that the header is initialised.
const CHANGE_AT: usize = 8;
const INIT_AT: usize = 12;

/// Device and inode.
type Inode = (u64, u64);

/// All descriptors of `-shm` files of this process. One that is closed drops the locks that SQLite's own
/// descriptors of that file hold, for POSIX locks belong to the process, and so does this table; only one whose
/// file has been removed may be closed.
static OPEN: Mutex<Files> = Mutex::new(Files { files: BTreeMap::new(), swept: None });

/// Descriptors at most, those of system stores aside.
static FILES_MAX: AtomicUsize = AtomicUsize::new(0);
/// Between two looks for removed files among them.
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

/// Allows so many descriptors, at least; all engines of the process share them.
pub(crate) fn allow(files: usize) {
    FILES_MAX.fetch_max(files, Relaxed);
}

fn open_now() -> MutexGuard<'static, Files> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A header as it was read. Equal ones have no commit between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header([u8; HEADER_BYTES]);

impl Header {
    /// Commits, as SQLite counts them.
    pub(super) fn change(&self) -> u32 {
        let [.., a, b, c, d] = self.0[..CHANGE_AT + 4] else { return 0 };
        u32::from_ne_bytes([a, b, c, d])
    }

    /// What else tells states apart.
    pub(super) fn rest(&self) -> &[u8] {
        &self.0[INIT_AT..]
    }
}

/// The `-shm` file of an open database.
#[derive(Debug)]
pub(super) struct Shm {
    file: Arc<File>,
    inode: Inode,
}

impl Shm {
    /// Of the database at `path`. The caller has a connection to it that has read, and keeps that connection for
    /// longer than this: then nobody removes the file meanwhile.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        let name = Path::new(&name);
        let mut open = open_now();
        let there = inode(&name.symlink_metadata().map_err(|error| io(error, name))?);
        if let Some(file) = open.files.get(&there) {
            return Ok(Self { file: file.clone(), inode: there });
        }
        let file = Arc::new(File::open(name).map_err(|error| io(error, name))?);
        // Kept before anything can fail: from here on it must not be closed.
        let inode = file.metadata().map_or(there, |meta| inode(&meta));
        if let Some(known) = open.files.insert(inode, file.clone()) {
            std::mem::forget(known);
        }
        Ok(Self { file, inode })
    }

    /// True while there may be one more.
    pub(super) fn has_room() -> bool {
        open_now().has_room()
    }

    /// The header as it is; None when it cannot be read or is being made.
    pub(super) fn header(&self) -> Option<Header> {
        let mut header = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut header, 0).ok()?;
        (header[INIT_AT] == 1).then_some(Header(header))
    }
}

impl Drop for Shm {
    /// The last connection of a database takes the file along when it closes; then the descriptor goes too.
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
