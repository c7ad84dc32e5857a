//! "Has anything been committed since?" for about 150 ns, across processes, without asking the database.
//!
//! Every commit in WAL mode rewrites the header of the wal-index (the `-shm` file), which begins with
//! (<https://sqlite.org/walformat.html#the_wal_index_header>, all native-endian): version, unused,
//! `iChange` (+1 each transaction), isInit…, mxFrame, nPage, checksum of the last frame, salts. A commit returns
//! only after this header is written, so an equal header means that nothing has been committed.
//! `iChange` restarts at 0 after a recovery; frame checksum and salts tell those cases apart.

use super::{open, server::io};
use crate::error::{Error, Kind, Result};
use rusqlite::Connection;
use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Bytes of one copy of the wal-index header.
const HEADER_BYTES: usize = 48;
/// Where `iChange` is, and the flag that the header is initialised.
const CHANGE_AT: usize = 8;
const INIT_AT: usize = 12;

/// Descriptors of -shm files, by device and inode, for the life of the process: closing one would drop the locks
/// that SQLite's own descriptors of that file hold, for POSIX locks belong to the process, and so does this table.
static DESCRIPTORS: Mutex<Option<HashMap<(u64, u64), &'static File>>> = Mutex::new(None);

/// Watches the commits of one database.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Never lent and never closed: as long as it lives, nobody's last close can delete the -shm file.
    _anchor: Mutex<Connection>,
    shm: &'static File,
    /// Answers that equal no other, for when the file cannot be read.
    unknown: AtomicU64,
}

impl Watch {
    /// Starts to watch the database at `path`, which is open.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let anchor = open::connect(path)?;
        // The first read takes the shared lock that keeps the -shm file where it is.
        anchor.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        Ok(Self {
            _anchor: Mutex::new(anchor),
            shm: descriptor(Path::new(&name))?,
            unknown: AtomicU64::new(0),
        })
    }

    /// A number that stays the same exactly as long as nothing is committed by anybody.
    pub(crate) fn mark(&self) -> u64 {
        let mut header = [0; HEADER_BYTES];
        let read = self.shm.read_exact_at(&mut header, 0);
        if read.is_err() || header[INIT_AT] != 1 {
            return u64::from(self.unknown.fetch_add(1, Relaxed) as u32) << 32;
        }
        let change = u32::from_ne_bytes([
            header[CHANGE_AT],
            header[CHANGE_AT + 1],
            header[CHANGE_AT + 2],
            header[CHANGE_AT + 3],
        ]);
        let rest = BuildHasherDefault::<DefaultHasher>::default().hash_one(&header[INIT_AT..]);
        u64::from(change) << 32 | rest & 0xffff_ffff
    }
}

fn descriptor(path: &Path) -> Result<&'static File> {
    let wanted = path.symlink_metadata().map_err(|error| io(error, path))?;
    let wanted = (wanted.dev(), wanted.ino());
    let mut table = DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner);
    let table = table.get_or_insert_default();
    if let Some(known) = table.get(&wanted) {
        return Ok(known);
    }
    let file: &'static File = Box::leak(Box::new(File::open(path).map_err(|error| io(error, path))?));
    let opened = file.metadata().map_err(|error| io(error, path))?;
    if (opened.dev(), opened.ino()) != wanted {
        return Err(Error::new(Kind::Io, format!("{} was replaced while it was opened", path.display())));
    }
    table.insert(wanted, file);
    Ok(file)
}
