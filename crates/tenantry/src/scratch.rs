//! Directories for work that is no operation: made when needed, gone with the work.
//!
//! Used by exports and uploads. What a dead process left is removed at the next start: the name of a
//! directory says who works in it.

use crate::{
    Error, Result,
    config::Config,
    operations::lease::{may_be_alive, new_owner},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Nobody works this long; for processes of which nothing can be told.
const OLD: Duration = Duration::from_secs(3 * 86_400);
const PREFIX: &str = "work-";

/// A directory that is removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    /// An empty one.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        // A worker's name has no '~'.
        let path = root(config).join(format!("{PREFIX}{}", new_owner().replace('/', "~")));
        // Databases are opened by absolute paths only.
        let path = std::path::absolute(path).map_err(|e| Error::Unavailable(e.to_string()))?;
        std::fs::create_dir_all(&path).map_err(|e| Error::io(path.display(), &e))?;
        Ok(Self(path))
    }

    /// Where it is.
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

/// Removes what dead processes left. Called at start.
pub(crate) fn sweep(config: &Config) {
    let Ok(entries) = std::fs::read_dir(root(config)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if !may_be_alive(&owner.replace('~', "/")) || age.is_some_and(|age| age > OLD) {
            // What stays is swept the next time.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn root(config: &Config) -> PathBuf {
    config.platform.data_dir.join("scratch")
}
