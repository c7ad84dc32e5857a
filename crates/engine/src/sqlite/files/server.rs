//! A server's directory of databases: maps physical names to paths, and answers what needs no open database.

use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    name::{PhysicalName, ServerName},
    place::Place,
    sqlite::{connection::Mode, error::io, site::Site},
};
use std::{
    ffi::OsString,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A local directory of databases.
#[derive(Debug)]
pub(crate) struct Server {
    name: ServerName,
    /// Absolute and free of symlinks, so that NOFOLLOW matters only below it.
    root: PathBuf,
    /// Name of the only database, for a file that an owner attached. It has this name, whatever a place calls it, and
    /// it is never created, renamed or removed.
    sole: Option<OsString>,
    platform: Platform,
    mode: Mode,
}

/// Name suffix of a database that was set aside.
pub(crate) const ASIDE: &str = ".aside";
/// Name suffix of another tenant's file that was set aside.
const ASIDE_OTHER: &str = ".another";

impl Server {
    /// Opens the directory, which must exist: creating it is the installer's decision.
    pub(crate) fn open(name: ServerName, root: &Path, platform: &Platform, mode: Mode) -> Result<Self> {
        let root = root.canonicalize().map_err(|error| io(error, root))?;
        for inner in ["_tmp", "_templates"] {
            let path = root.join(inner);
            let mut maker = std::fs::DirBuilder::new();
            maker.recursive(true).mode(0o700).create(&path).map_err(|error| io(error, &path))?;
        }
        Ok(Self { name, root, sole: None, platform: platform.clone(), mode })
    }

    /// Opens the directory of one attached file, and creates nothing there.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`] if the directory does not exist, or the path is not that of a file in it.
    pub(crate) fn of_file(name: ServerName, file: &Path, platform: &Platform, mode: Mode) -> Result<Self> {
        let missing = || Error::new(Kind::Missing, format!("{} is not the path of a file", file.display()));
        let (root, sole) = (file.parent().ok_or_else(missing)?, file.file_name().ok_or_else(missing)?);
        let root = root.canonicalize().map_err(|error| io(error, root))?;
        Ok(Self { name, root, sole: Some(sole.to_owned()), platform: platform.clone(), mode })
    }

    /// Returns the path of the attached file; `None` for a directory of databases.
    pub(crate) fn sole_path(&self) -> Option<PathBuf> {
        self.sole.as_ref().map(|sole| self.root.join(sole))
    }

    /// Returns true if the server is one attached file.
    pub(crate) fn is_sole(&self) -> bool {
        self.sole.is_some()
    }

    /// Returns the site of `place`, whether or not its file exists.
    pub(crate) fn site(&self, place: &Place) -> Site {
        let (path, platform) = (self.path(&place.physical), self.platform.clone());
        Site { path, place: place.clone(), platform, mode: self.mode }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.platform
    }

    pub(crate) fn name(&self) -> &ServerName {
        &self.name
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory of files that do not have their final name yet.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.join("_tmp")
    }

    /// Returns the path of a database: the root and a validated name. Nothing else ever becomes a path
    /// (`checked-names`).
    pub(crate) fn path(&self, physical: &PhysicalName) -> PathBuf {
        match &self.sole {
            Some(sole) => self.root.join(sole),
            None => self.root.join(format!("{physical}.db")),
        }
    }

    /// Returns the paths of a database file and of the files that SQLite creates next to it.
    pub(crate) fn family(&self, physical: &PhysicalName) -> [PathBuf; 4] {
        let path = self.path(physical);
        ["", "-wal", "-shm", "-journal"].map(|suffix| {
            let mut path = path.clone().into_os_string();
            path.push(suffix);
            path.into()
        })
    }

    /// Returns the paths of a database that was set aside, and of the files that SQLite created next to it.
    fn aside(&self, physical: &PhysicalName, end: &str) -> [PathBuf; 4] {
        ["", "-wal", "-shm", "-journal"].map(|suffix| self.root.join(format!("{physical}.db{end}{suffix}")))
    }

    /// Renames a database that processes may still have open. Each of them notices it after its next commit. A file of
    /// another tenant gets a name that [`Server::remove`] does not delete. Idempotent; a missing file is not an error.
    pub(crate) fn set_aside(&self, physical: &PhysicalName, is_ours: bool) -> Result<()> {
        if self.is_sole() {
            return Ok(());
        }
        let end = if is_ours { ASIDE } else { ASIDE_OTHER };
        self.rename_all(&self.family(physical), &self.aside(physical, end))
    }

    /// Undoes [`Server::set_aside`].
    pub(crate) fn put_back(&self, physical: &PhysicalName) -> Result<()> {
        if self.is_sole() {
            return Ok(());
        }
        self.rename_all(&self.aside(physical, ASIDE_OTHER), &self.family(physical))?;
        self.rename_all(&self.aside(physical, ASIDE), &self.family(physical))
    }

    /// Renames the main file first, because writers check its path.
    fn rename_all(&self, from: &[PathBuf], to: &[PathBuf]) -> Result<()> {
        for (from, to) in from.iter().zip(to) {
            if from.symlink_metadata().is_ok() && to.symlink_metadata().is_err() {
                std::fs::rename(from, to).map_err(|error| io(error, from))?;
            }
        }
        match sync_directory(&self.root) {
            Err(error) if *error.kind() == Kind::Missing => Ok(()),
            synced => synced,
        }
    }

    /// Returns true if the main file exists and is a regular file.
    pub(crate) fn exists(&self, physical: &PhysicalName) -> bool {
        self.path(physical).symlink_metadata().is_ok_and(|meta| meta.is_file())
    }

    /// Returns true if any file has the name of this database, including one that was set aside. Then the name is not
    /// free.
    pub(crate) fn is_taken(&self, physical: &PhysicalName) -> bool {
        let aside = self.aside(physical, ASIDE).into_iter().chain(self.aside(physical, ASIDE_OTHER));
        self.family(physical).into_iter().chain(aside).any(|path| path.symlink_metadata().is_ok())
    }

    /// Returns the size on disk in bytes: the main file and its `-wal`.
    pub(crate) fn size_bytes(&self, physical: &PhysicalName) -> Result<u64> {
        let [main, wal, ..] = self.family(physical);
        let length = main.symlink_metadata().map_err(|error| io(error, &main))?.len();
        Ok(length + wal.symlink_metadata().map_or(0, |meta| meta.len()))
    }

    /// Deletes a database for good. Deletes the main file first: from then on every reader finds the database missing,
    /// even if a crash leaves other files for the next attempt to remove.
    pub(crate) fn remove(&self, physical: &PhysicalName) -> Result<()> {
        if self.is_sole() {
            return Err(Error::new(Kind::Internal, format!("{physical} belongs to its owner")));
        }
        for path in self.family(physical).into_iter().chain(self.aside(physical, ASIDE)) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error, &path)),
                _ => {}
            }
        }
        self.remove_temporary(physical)?;
        match sync_directory(&self.root) {
            // The directory itself is gone, for example with its disk. So are the files.
            Err(error) if *error.kind() == Kind::Missing => Ok(()),
            synced => synced,
        }
    }
}

impl Server {
    /// Removes the temporary files that were to become this database but never got its name.
    pub(crate) fn remove_temporary(&self, physical: &PhysicalName) -> Result<()> {
        let (folder, begin) = (self.temporary(), format!("{physical}."));
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| io(error, &folder))?,
        };
        for entry in
            entries.flatten().filter(|e| e.file_name().as_encoded_bytes().starts_with(begin.as_bytes()))
        {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io(error, &entry.path()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Syncs directory entries to disk.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    std::fs::File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| io(error, path))
}

/// Creates a file that only the user of this process may read. SQLite gives the same mode to the files it creates next
/// to a database.
pub(crate) fn new_file(path: &Path) -> Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| io(error, path))
}

impl Server {
    /// Returns what identifies the attached file. See [`crate::Engine::database_identity`].
    pub(crate) fn file_identity(&self) -> Result<String> {
        match self.sole_path() {
            Some(path) => super::attached::file_identity(&path),
            None => Err(Error::new(Kind::Internal, format!("{} is not an attached file", self.name))),
        }
    }
}
