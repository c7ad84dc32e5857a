//! Coordinates references to shared rows between processes on the same data directory. While one process deletes a
//! shared row, no other process commits a row that refers to one, and the other way round.
//!
//! Called by `references` and `overrides`, which keep order inside the process themselves. Uses two files and the operating
//! system's locks on them, so that a killed process holds nothing. While a request holds one of these locks it waits
//! only for a database.

use crate::{
    Error, Result,
    config::Config,
    platform::data_dir::{in_use::lock_file, make_dir},
};
use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Pause between two attempts to take a lock.
const PAUSE: Duration = Duration::from_millis(2);
/// Longest time that a delete waits for referring rows that other processes are writing.
const WAIT_TO_DELETE: Duration = Duration::from_secs(30);

/// This process's side of the locks.
pub(crate) struct ReferenceLocks {
    /// Turnstile held by the next deleter: new references queue behind it, so the delete cannot starve.
    next: File,
    /// Held shared by processes that refer, and exclusively by the one that deletes.
    rows: File,
    here: Mutex<LockState>,
    /// One delete at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    wait_to_refer: Duration,
}

/// Lock state of this process.
#[derive(Debug, Default)]
struct LockState {
    referring: usize,
    /// A delete waits for its turn.
    wanting: bool,
    /// A delete is running.
    deleting: bool,
    /// This process holds the lock exclusively. It is released once every reference that started during the delete has
    /// committed.
    alone: bool,
}

/// Guard: rows that refer to shared ones may be committed while it lives.
pub(in crate::records) struct Referring(Arc<ReferenceLocks>);

/// Guard of the turnstile: no new reference starts while it lives.
struct Next<'a>(&'a ReferenceLocks);

/// Guard: shared rows may be deleted while it lives. In this process `Leaving` keeps references away.
pub(in crate::records) struct Deleting {
    locks: Arc<ReferenceLocks>,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl ReferenceLocks {
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let dir = &config.platform.data_dir;
        make_dir(dir)?;
        Ok(Self {
            next: file(&dir.join("references-next"))?,
            rows: file(&dir.join("references"))?,
            here: Mutex::default(),
            turn: Arc::default(),
            wait_to_refer: config.operations.write_wait,
        })
    }

    /// Waits while another process deletes a shared row, then returns the guard for referring rows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that takes longer than writes may wait.
    pub(in crate::records) async fn refer(self: &Arc<Self>) -> Result<Referring> {
        let until = Instant::now() + self.wait_to_refer;
        while !self.begin_to_refer() {
            pause(until, "shared rows are being deleted by another server").await?;
        }
        Ok(Referring(self.clone()))
    }

    /// Waits until no process is writing a row that refers to shared ones, then returns the guard for the delete.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that takes longer than 30 seconds.
    pub(in crate::records) async fn delete(self: &Arc<Self>) -> Result<Deleting> {
        let turn = self.turn.clone().lock_owned().await;
        let (until, why) =
            (Instant::now() + WAIT_TO_DELETE, "rows that refer to shared ones are being written");
        while !self.be_next() {
            pause(until, why).await?;
        }
        let _next = Next(self);
        while !self.begin_to_delete() {
            pause(until, why).await?;
        }
        Ok(Deleting { locks: self.clone(), _turn: turn })
    }

    fn begin_to_refer(&self) -> bool {
        let mut here = self.here();
        if !here.deleting && !self.is_open(&here) {
            return false;
        }
        here.referring += 1;
        true
    }

    /// Returns true if this process holds the lock for references, or could take it now.
    fn is_open(&self, here: &LockState) -> bool {
        if here.wanting || here.alone || self.next.try_lock_shared().is_err() {
            return false;
        }
        self.next.unlock().ok();
        here.referring > 0 || self.rows.try_lock_shared().is_ok()
    }

    fn be_next(&self) -> bool {
        let mut here = self.here();
        here.wanting = self.next.try_lock().is_ok();
        here.wanting
    }

    fn begin_to_delete(&self) -> bool {
        let mut here = self.here();
        here.deleting = here.referring == 0 && self.rows.try_lock().is_ok();
        here.alone = here.deleting;
        here.deleting
    }

    fn here(&self) -> MutexGuard<'_, LockState> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the lock once this process no longer needs it.
    fn let_go(&self, here: &mut LockState) {
        if here.referring == 0 && !here.deleting {
            here.alone = false;
            self.rows.unlock().ok();
        }
    }
}

impl Drop for Referring {
    fn drop(&mut self) {
        let mut here = self.0.here();
        here.referring -= 1;
        self.0.let_go(&mut here);
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        let mut here = self.0.here();
        here.wanting = false;
        self.0.next.unlock().ok();
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        let mut here = self.locks.here();
        here.deleting = false;
        self.locks.let_go(&mut here);
    }
}

async fn pause(until: Instant, why: &str) -> Result<()> {
    if Instant::now() >= until {
        return Err(Error::Unavailable(why.into()));
    }
    sleep(PAUSE).await;
    Ok(())
}

fn file(path: &Path) -> Result<File> {
    lock_file(path).map_err(|e| Error::io(path.display(), &e))
}
