//! Use of a data directory: shared by servers and commands, or exclusive for one command.
//!
//! The guard locks a file in the directory, and the operating system holds the lock for as long as the process lives.
//! The restore of the platform's own stores needs exclusive use; so do commands that read while nothing can be written.
//! If stores are on a database server, processes on other machines use them too, and this lock does not cover those.

use crate::{
    Error, Result,
    config::Config,
    platform::data_dir::{make_data_dir, make_dir},
};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use tenantry_engine::name::ServerName;

/// Directory below the data directory in which each running server process lists the servers of its configuration.
const FOLDER: &str = "running";
/// Extension of the files in [`FOLDER`].
const END: &str = "servers";

/// Guard of a file that lists the servers with which this process was started. The file stays locked until this value
/// is dropped.
#[derive(Debug)]
pub(crate) struct Announced {
    path: PathBuf,
    _lock: File,
}

impl Announced {
    /// Writes and locks the file. Only server processes call this: a command ends before a move could put data on a
    /// server that it does not know.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let folder = config.platform.data_dir.join(FOLDER);
        make_dir(&folder)?;
        let name = format!("{}-{}.{END}", std::process::id(), NUMBERS.fetch_add(1, Relaxed));
        let path = folder.join(name);
        let names: Vec<_> = config.servers.iter().map(|server| server.name.as_str()).collect();
        let written = || {
            let mut file = File::options().create(true).write(true).truncate(true).open(&path)?;
            file.lock()?;
            file.write_all(names.join("\n").as_bytes())?;
            Ok(file)
        };
        let lock = written().map_err(|error: std::io::Error| Error::io(path.display(), &error))?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // If removal fails, the file has still lost its lock, and the next process that checks removes it.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Returns the ids of running processes that were started without this server.
pub(crate) fn started_without(config: &Config, server: &ServerName) -> Result<Vec<String>> {
    let folder = config.platform.data_dir.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io(folder.display(), &error))?,
    };
    let mut processes = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|end| end == END) && is_running(&path) {
            let names = std::fs::read_to_string(&path).unwrap_or_default();
            if !names.lines().any(|name| name == server.as_str()) {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                processes.push(name.split('-').next().unwrap_or_default().to_owned());
            }
        }
    }
    processes.sort();
    Ok(processes)
}

/// Returns true if the process that created the file still holds its lock. Removes the file if that process is dead.
fn is_running(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    if file.try_lock_shared().is_err() {
        return true;
    }
    drop(std::fs::remove_file(path));
    false
}

/// Guard that marks the data directory as in use until it is dropped.
pub(crate) struct InUse(#[allow(dead_code, reason = "held for its lock")] File);

impl InUse {
    /// Takes the lock in shared mode, for servers and commands.
    pub(crate) fn together(config: &Config) -> Result<Self> {
        let file = file(config)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self(file)),
            Err(_) => Err(Error::Unavailable(
                "the platform's own stores are being restored, or read while the disk is full".into(),
            )),
        }
    }

    /// Takes the lock exclusively, for work whose intermediate states no other process may see.
    pub(crate) fn alone(config: &Config) -> Result<Self> {
        let file = file(config)?;
        let busy = "a server or another command uses this data directory: stop it first";
        file.try_lock().map_err(|_| Error::Conflict(busy.into()))?;
        Ok(Self(file))
    }
}

/// Opens a file for locking, and creates it if it is missing. Locking needs no write permission.
fn lock_file(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path).or_else(|refused| match File::open(path) {
        Ok(file) => Ok(file),
        Err(_) => Err(refused),
    })
}

fn file(config: &Config) -> Result<File> {
    make_data_dir(&config.platform.data_dir)?;
    let path = config.platform.data_dir.join("in-use");
    lock_file(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => Error::invalid(
            path.display().to_string(),
            "permission denied: run this as the user who owns the data directory",
        ),
        _ => Error::io(path.display(), &e),
    })
}
