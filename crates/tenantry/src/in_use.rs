//! Shared and exclusive use of a data directory: by servers and commands together, or by one command alone.
//!
//! A lock on a file in the directory, which the operating system holds for as long as the process lives. Only the
//! restore of the platform's own stores needs exclusive use.

use crate::{
    Error, Result,
    config::Config,
    platform::{make_data_dir, make_dir},
};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use tenantry_engine::name::ServerName;

/// Where running servers say which servers of the configuration they have, below the data directory.
const FOLDER: &str = "running";
/// How the names of these files end.
const END: &str = "servers";

/// A file that says which servers this process was started with, locked as long as this lives.
#[derive(Debug)]
pub(crate) struct Announced {
    path: PathBuf,
    _lock: File,
}

impl Announced {
    /// Says it. Called by what serves; commands are over before anybody moves something to where they cannot look.
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
        // One that stays has no lock any more and is removed by the next one to look.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Ids of running processes that were started without this server.
///
/// # Errors
/// Those of the file system.
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

/// Whether the process that made the file still holds its lock; what a dead one left is removed.
fn is_running(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    if file.try_lock_shared().is_err() {
        return true;
    }
    drop(std::fs::remove_file(path));
    false
}

/// Guard: the data directory is in use while it lives.
pub(crate) struct InUse(#[allow(dead_code, reason = "held for its lock")] File);

impl InUse {
    /// Takes the lock shared, for servers and commands.
    pub(crate) fn together(config: &Config) -> Result<Self> {
        let file = file(config)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self(file)),
            Err(_) => Err(Error::Unavailable("the platform's own stores are being restored".into())),
        }
    }

    /// Takes the lock exclusively, for work that no other process may see half done.
    pub(crate) fn alone(config: &Config) -> Result<Self> {
        let file = file(config)?;
        let busy = "a server or another command uses this data directory: stop it first";
        file.try_lock().map_err(|_| Error::Conflict(busy.into()))?;
        Ok(Self(file))
    }
}

fn file(config: &Config) -> Result<File> {
    make_data_dir(&config.platform.data_dir)?;
    let path = config.platform.data_dir.join("in-use");
    let file = File::options().create(true).append(true).open(&path);
    file.map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => Error::invalid(
            path.display().to_string(),
            "permission denied: run this as the user who owns the data directory",
        ),
        _ => Error::io(path.display(), &e),
    })
}
