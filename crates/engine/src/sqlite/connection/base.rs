//! Verifies a database file without its `-wal`, before SQLite reads the two as one database.
//!
//! A `-wal` does not record which file it belongs to: SQLite applies whatever `-wal` lies next to a database. If an
//! operator put another database at the path, the pages in the old `-wal` would replace its pages, identity row
//! included. So if there is a `-wal`, the identity in the database file itself is read first (`self-identifying`,
//! `stale-wal`). An older file of the same tenant has the same identity; it is recognised if it lacks pages that the
//! `-wal` takes for granted.
//!
//! Reading a file without SQLite's locks opens and closes a descriptor of it, and the close drops all POSIX locks of
//! the process on that file. So this module counts the files that the process has open and does not verify those again:
//! they were verified when they were opened.

use super::{closing::ClosesAlone, open, wal_file::Commits};
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    place::Place,
    sqlite::{error::io, identity, site::Site},
};
use rusqlite::{Connection, config::DbConfig};
use std::{
    collections::HashMap,
    io::ErrorKind,
    ops::{Deref, DerefMut},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Device and inode of a file.
pub(crate) type FileId = (u64, u64);

/// Attempts to read a file into which another process may be writing its `-wal` back.
const ATTEMPTS: u32 = 5;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// What this process knows of database files. It is global because POSIX locks belong to the whole process.
#[derive(Default)]
struct Known {
    /// Number of holders for each file that is open.
    open: HashMap<FileId, usize>,
    /// Path of each file that was replaced while it was open, with the id of the `-wal` that it left there.
    left: HashMap<PathBuf, FileId>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a file as open in this process. Drop this value after all connections to the file.
#[derive(Debug, Default)]
pub(crate) struct OpenFile(Option<FileId>);

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(file) = self.0 else { return };
        let mut known = known();
        if let Some(count) = known.open.get_mut(&file) {
            *count -= 1;
            if *count == 0 {
                known.open.remove(&file);
            }
        }
    }
}

/// A connection outside the pool to a database file that is counted as open.
pub(crate) struct Dedicated {
    conn: ClosesAlone,
    _opened: OpenFile,
}

impl Deref for Dedicated {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl DerefMut for Dedicated {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

/// Opens a connection to the file that holds the place, or that is about to hold it.
///
/// # Errors
/// Returns `Missing` if there is no file, and `WrongIdentity` if the file is another database than the one its `-wal`
/// belongs to.
pub(crate) fn connect(site: &Site) -> Result<Dedicated> {
    let opened = verify(&site.path, &site.place, &site.platform)?;
    Ok(Dedicated { conn: site.mode.connect(&site.path)?.into(), _opened: opened })
}

/// Verifies the file and counts it as open. Without a `-wal`, this costs two `stat` calls.
///
/// # Errors
/// Returns `WrongIdentity` if the file is not the one that its `-wal` belongs to.
pub(crate) fn verify(path: &Path, place: &Place, platform: &Platform) -> Result<OpenFile> {
    let Some(file) = file_id(path) else { return Ok(OpenFile(None)) };
    let wal = wal_of(path);
    let found = wal.symlink_metadata().ok().filter(|meta| meta.len() > 0);
    let mut known = known();
    // The platform's own stores are not verified: they hold no tenant's rows, and no process starts without them.
    if let Some(found) = found
        && place.tenant.is_some()
        && !known.open.contains_key(&file)
    {
        if known.left.get(path) == Some(&(found.dev(), found.ino())) {
            return Err(Error::new(
                Kind::WrongIdentity,
                format!(
                    "{} was replaced, and {} belongs to the file before it",
                    path.display(),
                    wal.display()
                ),
            ));
        }
        read(path, place, platform)?;
        refuse_older(path, &wal)?;
    }
    known.left.remove(path);
    *known.open.entry(file).or_default() += 1;
    Ok(OpenFile(Some(file)))
}

/// Records that another file replaced the one at `path`, whose `-wal` is `wal`.
pub(crate) fn replaced(path: &Path, wal: FileId) {
    if file_id(path).is_some() {
        known().left.insert(path.to_owned(), wal);
    }
}

/// Returns the device and inode of the file at `path`; `None` if there is no file.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    path.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Returns the path of the `-wal` of a database file.
pub(crate) fn wal_of(path: &Path) -> PathBuf {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}

/// Checks the identity in the database file itself. If the machine stopped while a `-wal` was being written back, the
/// file may be torn and is whole only together with that `-wal`. Such a file cannot be checked and is accepted.
fn read(path: &Path, place: &Place, platform: &Platform) -> Result<()> {
    let mut attempt = 1;
    loop {
        match without_wal(path).and_then(|conn| identity::check_base(&conn, place, platform)) {
            // Another process may be writing these pages at this moment.
            Err(error) if attempt < ATTEMPTS && *error.kind() != Kind::WrongIdentity => {
                std::thread::sleep(PAUSE)
            }
            Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Statement(_) | Kind::SchemaBehind) => {
                return Ok(());
            }
            verified => return verified,
        }
        attempt += 1;
    }
}

/// Refuses a file that is older than its `-wal`: some pages of the database are in neither of the two.
fn refuse_older(path: &Path, wal: &Path) -> Result<()> {
    for attempt in 1.. {
        // Read the length after the `-wal`: in between, another process may write pages back, and it removes frames
        // only after that.
        let commits = match Commits::read(wal) {
            // Meanwhile another process wrote all pages back and removed the `-wal`.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            commits => commits.map_err(|error| io(error, wal))?,
        };
        let bytes = path.metadata().map_err(|error| io(error, path))?.len();
        let Some(page) = commits.and_then(|commits| commits.page_in_neither(bytes)) else { break };
        if attempt == ATTEMPTS {
            let detail =
                format!("{} is older than {}: page {page} is in neither", path.display(), wal.display());
            return Err(Error::new(Kind::WrongIdentity, detail));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Opens the file without its `-wal`. It may have fewer pages than its header states, and fewer tables than its schema
/// lists.
fn without_wal(path: &Path) -> Result<Connection> {
    let conn = open::connect_immutable(path)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wal_that_another_process_removed_meanwhile_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, wal) = (dir.path().join("a.db"), dir.path().join("a.db-wal"));
        std::fs::write(&path, [0; 4096]).unwrap();
        refuse_older(&path, &wal).unwrap();
    }
}
