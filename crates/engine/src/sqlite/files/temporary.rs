//! Files that do not have their final name yet.

use super::server::{Server, new_file};
use crate::{
    error::{Error, Kind, Result},
    name::PhysicalName,
    sqlite::error::io,
};
use rusqlite::{Connection, DEFAULT_NAME, OpenFlags, wal::CheckpointMode};
use std::{
    fs::File,
    io::copy,
    path::{Path, PathBuf},
    time::Duration,
};

/// A file that does not have its final name yet. Dropping it removes the file and the files that SQLite created next to
/// it.
#[derive(Debug)]
pub(crate) struct TemporaryFile(pub(crate) PathBuf);

impl TemporaryFile {
    pub(crate) fn new(server: &Server) -> Self {
        Self(server.temporary().join(format!("{}.db", uuid::Uuid::now_v7().simple())))
    }

    /// Returns a file that is to become this database. If the process is killed, what it leaves is removed with the
    /// database ([`Server::remove_temporary`]).
    pub(crate) fn of(server: &Server, physical: &PhysicalName) -> Self {
        Self(server.temporary().join(format!("{physical}.{}.db", uuid::Uuid::now_v7().simple())))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.0.as_os_str().to_owned();
            path.push(suffix);
            // Usually there is nothing to remove. If the removal fails, the sweep at the next start removes the file.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Opens a file that only this caller knows. No syncs and no `-shm`: one sync at the end makes it durable.
pub(crate) fn private(path: &Path) -> Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;")?;
    Ok(conn)
}

/// Writes the `-wal` back and closes the connection, so that the main file contains everything. Closing alone would
/// also write it back, but without reporting a failure, and the `-wal` of a temporary file is deleted.
pub(crate) fn close(conn: Connection) -> Result<()> {
    let (frames, written) = conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
    if frames != written {
        return Err(Error::new(Kind::Io, format!("{written} of {frames} pages were written back")));
    }
    conn.close().map_err(|(_, error)| Error::from(error))
}

/// Syncs a file. Only for files that no connection has open; see the note in `sqlite/mod.rs`.
pub(crate) fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io(error, path))
}

/// Renames a file. Returns false, without any change, if the target is on another disk.
pub(crate) fn move_new(from: &Path, to: &Path) -> Result<bool> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => Ok(false),
        moved => moved.map(|()| true).map_err(|error| io(error, from)),
    }
}

pub(crate) fn copy_new(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(|error| io(error, from))?;
    let mut target = new_file(to)?;
    copy(&mut source, &mut target).map_err(|error| io(error, to))?;
    Ok(())
}

/// Removes temporary files that a crash left behind. Those of a running process are younger than an hour.
pub(crate) fn sweep(server: &Server) {
    const OLD: Duration = Duration::from_secs(3600);
    let Ok(entries) = std::fs::read_dir(server.temporary()) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > OLD) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}
