//! Scratch directories for work outside operations. They are created when needed and removed when the work ends.
//!
//! Exports and uploads use them. A directory's name identifies the process that uses it, so the next start removes the
//! directories of dead processes.

use crate::{
    Error, Result,
    config::Config,
    operations::journal::lease::{may_be_alive, new_owner},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Age after which a directory is removed even if it is unknown whether its process lives. No work takes this long.
const OLD: Duration = Duration::from_secs(3 * 86_400);
const PREFIX: &str = "work-";

/// A directory that is removed with its contents when this value is dropped.
#[derive(Debug)]
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Creates an empty directory.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        // The name of a worker contains no '~'.
        let path = root(config).join(format!("{PREFIX}{}", new_owner().replace('/', "~")));
        // Databases are opened by absolute paths only.
        let path = std::path::absolute(path).map_err(|e| Error::Unavailable(e.to_string()))?;
        std::fs::create_dir_all(&path).map_err(|e| Error::io(path.display(), &e))?;
        Ok(Self(path))
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "left for a later sweep");
        }
    }
}

/// Removes the directories of dead processes. Called at start-up.
pub(crate) fn sweep(config: &Config) {
    let Ok(entries) = std::fs::read_dir(root(config)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if !may_be_alive(&owner.replace('~', "/")) || age.is_some_and(|age| age > OLD) {
            // If this fails, the next sweep tries again.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn root(config: &Config) -> PathBuf {
    config.platform.data_dir.join("scratch")
}
