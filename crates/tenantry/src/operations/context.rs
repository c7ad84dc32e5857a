//! Services that outside steps use: databases, files, backups, and a scratch directory.
//!
//! The journal's driver creates one context per operation, and steps take the services they need from it. The context
//! decides nothing and knows no kind of operation.

use super::{
    Inner, Operations,
    driver::faults::Faults,
    journal::{self, State},
    progress::{Cancel, Progress},
};
use crate::{
    Error, Result, backups::service::BackupService, config::Config, control::Control,
    platform::databases::Databases, records::files::Files, topology::Topology,
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, Weak},
};

/// Everything that an outside step may use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    /// The catalog, for reading. Only a control step may change the catalog.
    pub(crate) control: Control,
    /// Databases of placements, with their schemas and migration scripts.
    pub(crate) databases: Databases,
    /// Cached records of tenants, as requests use them.
    pub(crate) topology: Topology,
    /// Contents of file fields.
    pub(crate) files: Files,
    /// Folder into which letters are written.
    pub(crate) letters: PathBuf,
    /// The backup store and its catalog.
    pub(crate) backups: BackupService,
    /// Receives the progress of the step.
    pub(crate) progress: Progress,
    /// Reports whether a cancellation was requested.
    pub(crate) cancel: Cancel,
    /// Fault points where test suites make steps fail, also in the middle of a step.
    pub(super) faults: Arc<Faults>,
    /// The open platform, for steps that write rows as requests do. Set once the platform is open.
    platform: Arc<OnceLock<Weak<crate::platform::inner::Inner>>>,
    /// The service that starts operations, for an operation that starts others. Weak, because the service owns this
    /// value.
    operations: Weak<Inner>,
    scratch: PathBuf,
    /// Id of the operation for which this context was created.
    operation: Option<i64>,
}

impl Context {
    /// Creates the context of an installation, and the directory for files if it does not exist.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] for a directory that cannot be created or opened.
    pub(crate) fn new(
        control: Control,
        topology: Topology,
        databases: Databases,
        config: &Config,
    ) -> Result<Self> {
        let files = Files::open(config)?;
        let backups = BackupService::new(config)?;
        // Copies in scratch are opened by absolute path, whatever the working directory of this process is.
        let scratch = std::path::absolute(config.platform.data_dir.join("scratch"));
        let scratch = scratch.map_err(|e| Error::io("scratch", &e))?;
        let (progress, cancel) = (Progress::default(), Cancel::default());
        let faults = Arc::new(Faults::from_env());
        let letters = config.mail.folder.clone();
        Ok(Self {
            control,
            topology,
            databases,
            files,
            letters,
            backups,
            progress,
            cancel,
            faults,
            platform: Arc::default(),
            operations: Weak::new(),
            scratch,
            operation: None,
        })
    }

    /// Returns a copy of the context with these databases.
    pub(crate) fn with(&self, databases: Databases) -> Self {
        Self { databases, ..self.clone() }
    }

    /// Returns a copy of the context whose operations can start others.
    pub(super) fn with_operations(self, operations: Weak<Inner>) -> Self {
        Self { operations, ..self }
    }

    /// Sets the open platform. A later call has no effect.
    pub(crate) fn set_platform(&self, platform: &Arc<crate::platform::inner::Inner>) {
        drop(self.platform.set(Arc::downgrade(platform)));
    }

    /// Returns the open platform.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] once the platform has been dropped.
    pub(crate) fn platform(&self) -> Result<Arc<crate::platform::inner::Inner>> {
        let platform = self.platform.get().and_then(Weak::upgrade);
        platform.ok_or_else(|| Error::Unavailable("shutting down".into()))
    }

    /// Returns the service that starts operations.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] once the platform has been dropped.
    pub(crate) fn operations(&self) -> Result<Operations> {
        let inner = self.operations.upgrade();
        inner.map(|inner| Operations { inner }).ok_or_else(|| Error::Unavailable("shutting down".into()))
    }

    /// Returns a copy of the context for one operation, with the databases with which that operation began.
    pub(super) fn of(&self, id: i64, databases: &Databases, progress: &Progress, cancel: &Cancel) -> Self {
        let scratch = self.scratch.join(format!("operation-{id}"));
        let (databases, progress, cancel) = (databases.clone(), progress.clone(), cancel.clone());
        Self { databases, progress, cancel, scratch, operation: Some(id), ..self.clone() }
    }

    /// Passes a fault point inside a step of this kind of operation. Test suites make workers fail, die or wait there.
    pub(crate) async fn pass(&self, kind: &'static str, point: &str) -> Result<()> {
        self.faults.pass(kind, point, "inside").await
    }

    /// Returns true if the journal currently says that the operation goes forward. A worker that was suspended may not
    /// know that another worker has undone or finished its work. It calls this after setting something that no other
    /// worker would clear.
    pub(crate) async fn goes_forward(&self) -> Result<bool> {
        let Some(id) = self.operation else { return Ok(true) };
        match journal::state(&self.control, id).await {
            Ok(state) => Ok(state == State::Running),
            // The operation ended so long ago that its row was pruned.
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the operation's own directory. It is created on first use, and removed with its contents when the
    /// operation ends. A repeated step finds the files of its earlier attempt there, including half-written ones.
    pub(crate) fn scratch(&self) -> Result<&Path> {
        make_dir(&self.scratch)?;
        Ok(&self.scratch)
    }

    /// Returns true if there is a scratch directory to remove.
    pub(super) fn has_scratch(&self) -> bool {
        self.scratch.exists()
    }

    /// Removes the operation's scratch directory.
    pub(super) fn clean(&self) {
        match std::fs::remove_dir_all(&self.scratch) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.scratch.display(), "left for the next sweep");
            }
            _ => {}
        }
    }

    /// Returns the existing scratch directories with their operations' ids. Callers must call this before they read the
    /// journal, so that it does not return directories of operations that begin meanwhile.
    pub(super) fn scratches(&self) -> Vec<(i64, PathBuf)> {
        let Ok(entries) = std::fs::read_dir(&self.scratch) else { return Vec::new() };
        let of = |entry: std::fs::DirEntry| {
            let name = entry.file_name();
            let id = name.to_str()?.strip_prefix("operation-")?.parse().ok()?;
            Some((id, entry.path()))
        };
        entries.flatten().filter_map(of).collect()
    }
}

/// Removes the scratch directories of operations that are not `open`.
pub(super) fn sweep(scratches: Vec<(i64, PathBuf)>, open: &[i64]) {
    for (_, path) in scratches.into_iter().filter(|(id, _)| !open.contains(id)) {
        tracing::info!(path = %path.display(), "removing what an operation left");
        // If this fails, the next sweep tries again.
        drop(std::fs::remove_dir_all(path));
    }
}

fn make_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| Error::io(path.display(), &e))
}

/// Removes a file that an earlier attempt wrote in scratch, with SQLite's files for it: SQLite would apply a leftover
/// log to the next file of the same name.
pub(crate) fn remove_left(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(Error::io(path.display(), &e));
            }
            _ => {}
        }
    }
    Ok(())
}
