//! What outside steps work with: databases, files, backups, and a scratch directory.
//!
//! Made for each operation by the journal's driver. Steps take from it what they need; it decides
//! nothing and knows no kind of operation.

use super::{
    faults::Faults,
    journal::{self, State},
    progress::{Cancel, Progress},
};
use crate::{
    Error, Result, backups::Backups, config::Config, control::Control, databases::Databases,
    records::files::Files,
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Everything an outside step may touch. Cheap to clone.
#[derive(Clone)]
pub struct World {
    /// The catalog, for reading; what a step changes there belongs into a control step.
    pub(crate) control: Control,
    /// Databases of placements, with schemas and scripts.
    pub(crate) databases: Databases,
    /// Bytes of file fields.
    pub(crate) files: Files,
    /// Where letters are written to files.
    pub(crate) letters: PathBuf,
    /// Where backups go.
    pub(crate) backups: Backups,
    /// Says how far the step is.
    pub(crate) progress: Progress,
    /// Says whether somebody wants it to stop.
    pub(crate) cancel: Cancel,
    /// Where suites make steps fail, also in their middle.
    pub(super) faults: Arc<Faults>,
    scratch: PathBuf,
    /// The operation it was made for.
    operation: Option<i64>,
}

impl World {
    /// The world of an installation; makes the directory for files if it is not there.
    pub fn new(control: Control, databases: Databases, config: &Config) -> Result<Self> {
        let files_dir = config.files_dir();
        make_dir(&files_dir)?;
        let files = Files::local(&files_dir).map_err(|e| Error::Unavailable(e.to_string()))?;
        let backups = Backups::new(config)?;
        // What is copied there is opened by its whole path, whatever the directory of this process is.
        let scratch = std::path::absolute(config.platform.data_dir.join("scratch"));
        let scratch = scratch.map_err(|e| Error::io("scratch", &e))?;
        let (progress, cancel) = (Progress::default(), Cancel::default());
        let faults = Arc::new(Faults::from_env());
        let letters = config.mail.folder.clone();
        Ok(Self {
            control,
            databases,
            files,
            letters,
            backups,
            progress,
            cancel,
            faults,
            scratch,
            operation: None,
        })
    }

    /// The same with these databases.
    pub(crate) fn with(&self, databases: Databases) -> Self {
        Self { databases, ..self.clone() }
    }

    /// The same for one operation, with the databases it began with.
    pub(super) fn of(&self, id: i64, databases: &Databases, progress: &Progress, cancel: &Cancel) -> Self {
        let scratch = self.scratch.join(format!("operation-{id}"));
        let (databases, progress, cancel) = (databases.clone(), progress.clone(), cancel.clone());
        Self { databases, progress, cancel, scratch, operation: Some(id), ..self.clone() }
    }

    /// A point inside a step of this kind of operation, where suites make workers fail, die or wait.
    pub(crate) async fn pass(&self, kind: &'static str, point: &str) -> Result<()> {
        self.faults.pass(kind, point, "inside").await
    }

    /// Whether the operation goes forward, as the journal says now. A worker that was away, and does not
    /// know that another has undone or finished its work, asks this after it has set what nobody else
    /// would take back.
    pub(crate) async fn goes_forward(&self) -> Result<bool> {
        let Some(id) = self.operation else { return Ok(true) };
        match journal::state(&self.control, id).await {
            Ok(state) => Ok(state == State::Running),
            // Over for so long that it is not kept any more.
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A directory of this operation's own, made when first asked for and removed with all that is in
    /// it when the operation ends. A step that is repeated finds there what it left: half-written
    /// files too.
    pub(crate) fn scratch(&self) -> Result<&Path> {
        make_dir(&self.scratch)?;
        Ok(&self.scratch)
    }

    /// Whether there is anything to clean.
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

    /// Scratch directories that are there, by the operation's id. Look before the journal is read: whoever
    /// makes one meanwhile is not among them.
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

/// Removes those of operations that are not `open`.
pub(super) fn sweep(scratches: Vec<(i64, PathBuf)>, open: &[i64]) {
    for (_, path) in scratches.into_iter().filter(|(id, _)| !open.contains(id)) {
        tracing::info!(path = %path.display(), "removing what an operation left");
        // What stays is swept the next time.
        drop(std::fs::remove_dir_all(path));
    }
}

fn make_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| Error::io(path.display(), &e))
}

/// Removes what an earlier try wrote in scratch, with what SQLite laid beside it: a log that stays would be
/// taken for the next file's.
pub(super) fn remove_left(path: &Path) -> Result<()> {
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
