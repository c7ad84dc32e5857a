//! Shared and exclusive use of a data directory: by servers and commands together, or by one command alone.
//!
//! A lock on a file in the directory, which the operating system holds for as long as the process lives. Only the
//! restore of the platform's own stores needs exclusive use.

use crate::{Error, Result, config::Config, platform::make_data_dir};
use std::fs::File;

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
