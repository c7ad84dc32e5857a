//! References to shared rows beside other processes on the same data directory: while one process deletes a shared
//! row, no other commits a row that refers to one, and the other way round (M5).
//!
//! Called by `cross` and `overrides`, which keep order inside the process themselves. Two files and the operating
//! system's locks on them, so that a process that is killed holds nothing. Never held while a request waits
//! for anybody but a database.

use crate::{Error, Result, config::Config, platform::make_dir};
use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Between two looks at a lock that somebody has.
const PAUSE: Duration = Duration::from_millis(2);
/// A delete waits so long for rows that are just being written elsewhere.
const WAIT_TO_DELETE: Duration = Duration::from_secs(30);

/// This process's side of it.
pub(crate) struct Between {
    /// Held by who is about to delete: nobody begins to refer meanwhile, so that the turn comes.
    next: File,
    /// Shared by processes that refer, alone with the one that deletes.
    rows: File,
    here: Mutex<Here>,
    /// One delete at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    wait_to_refer: Duration,
}

/// What this process is at.
#[derive(Debug, Default)]
struct Here {
    referring: usize,
    /// A delete waits for its turn.
    wanting: bool,
    /// A delete is at work.
    deleting: bool,
    /// No other process refers; so it stays until those have ended who began beside the delete.
    alone: bool,
}

/// Rows that refer to shared ones may be committed while it lives.
pub(super) struct Referring(Arc<Between>);

/// Nobody begins to refer while it lives.
struct Next<'a>(&'a Between);

/// Shared rows may be deleted while it lives; in this process `Leaving` keeps references away.
pub(super) struct Deleting {
    between: Arc<Between>,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl Between {
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

    /// Waits while another process deletes a shared row.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that takes longer than writes wait.
    pub(super) async fn refer(self: &Arc<Self>) -> Result<Referring> {
        let until = Instant::now() + self.wait_to_refer;
        while !self.begin_to_refer() {
            pause(until, "shared rows are being deleted by another server").await?;
        }
        Ok(Referring(self.clone()))
    }

    /// Waits until no process has a row in hand that refers to shared ones.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that does not come about.
    pub(super) async fn delete(self: &Arc<Self>) -> Result<Deleting> {
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
        Ok(Deleting { between: self.clone(), _turn: turn })
    }

    fn begin_to_refer(&self) -> bool {
        let mut here = self.here();
        if !here.deleting && !self.is_open(&here) {
            return false;
        }
        here.referring += 1;
        true
    }

    /// Whether the lock is this process's to refer, now or by taking it.
    fn is_open(&self, here: &Here) -> bool {
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

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others have the lock when nobody here needs it.
    fn let_go(&self, here: &mut Here) {
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
        let mut here = self.between.here();
        here.deleting = false;
        self.between.let_go(&mut here);
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
    let file = File::options().create(true).append(true).open(path);
    file.map_err(|e| Error::io(path.display(), &e))
}
