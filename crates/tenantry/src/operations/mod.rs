//! Operations: journalled sequences of idempotent steps that end finished or gone, never half-made.
//!
//! Called by the platform facade, the command line and, for what a crash left, by start-up and the
//! lease reconciler. Adjoining control steps share one commit with the journal's advance, so the
//! creation of a tenant costs two commits of the control store and one synced file. Steps reach what
//! is outside through [`World`] only; nothing here knows an engine.

mod abandon;
pub(crate) mod arrive;
pub mod backup;
pub mod backup_run;
pub mod backup_verify;
mod beat;
pub(crate) mod claims;
mod clone_tenant;
pub mod fall_back;
pub mod faults;
pub(crate) mod import;
mod journal;
mod kinds;
pub(crate) mod lease;
pub mod move_;
mod on_demand;
mod progress;
pub mod provision;
pub mod purge;
mod recover;
pub mod release;
mod rescue;
pub mod restore;
mod restore_as;
pub mod restore_discard;
pub mod restore_swap;
mod run;
mod show;
mod steer;
mod step;
mod takeover;
mod unwind;
mod watch;
mod world;

pub use journal::State;
pub use kinds::{KINDS, OperationKind, StepInfo, kind};
pub use move_::{Move, MoveTenant, Purpose};
pub use progress::{Amount, Cancel, Progress};
pub use provision::{CreateTenant, Created, Owner};
pub use recover::Recovered;
pub use show::{Filter, Listed, StepShown, StepState};
pub use step::{ControlFn, Operation, OutsideFn, Step};
pub use world::World;

use crate::{Error, Result, audit::By, databases::Databases};
use arc_swap::ArcSwap;
use faults::Faults;
use journal::{Job, Live};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::AtomicBool},
    time::Duration,
};

/// Runs operations. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    inner: Arc<Inner>,
}

struct Inner {
    world: World,
    /// Of the apps that are loaded now: what operations that begin take.
    databases: ArcSwap<Databases>,
    faults: Arc<Faults>,
    /// Those this process works on.
    live: Mutex<HashMap<i64, Live>>,
    /// Held while one looks for an operation to rescue.
    rescuing: Arc<tokio::sync::Mutex<()>>,
    /// This process has logged what was stuck when it began to look.
    raised: AtomicBool,
}

/// The same without keeping it alive: for an operation that starts others.
#[derive(Clone)]
pub(crate) struct WeakOperations(Weak<Inner>);

impl WeakOperations {
    /// None: the platform is gone.
    pub(crate) fn upgrade(&self) -> Option<Operations> {
        Some(Operations { inner: self.0.upgrade()? })
    }
}

impl Operations {
    /// See [`WeakOperations`].
    pub(crate) fn downgrade(&self) -> WeakOperations {
        WeakOperations(Arc::downgrade(&self.inner))
    }

    /// Starts nothing; call [`Operations::recover`] next.
    pub fn new(world: World) -> Self {
        Self {
            inner: Arc::new(Inner {
                faults: world.faults.clone(),
                databases: ArcSwap::from_pointee(world.databases.clone()),
                world,
                live: Mutex::default(),
                rescuing: Arc::default(),
                raised: AtomicBool::new(false),
            }),
        }
    }

    /// Has operations that begin from now on work with these databases.
    pub(crate) fn use_databases(&self, databases: Databases) {
        self.inner.databases.store(Arc::new(databases));
    }

    /// Where suites make steps fail; empty in a shipped binary.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Runs an operation to its end in a task of its own: a caller that goes away does not stop it
    /// midway. On failure everything is undone before the error is returned.
    pub async fn run<O: Operation>(&self, operation: O) -> Result<O> {
        let inner = self.inner.clone();
        let task = tokio::spawn(async move { run::start(&inner, operation, |_| {}).await });
        task.await.map_err(|e| Error::Internal(format!("operation {}: {e}", O::KIND)))?
    }

    /// Starts an operation and returns its id as soon as it is in the journal; it goes on in a task of
    /// its own. See [`Operations::watch`] for the rest. An error here left no trace.
    pub async fn spawn<O: Operation>(&self, operation: O) -> Result<i64> {
        let inner = self.inner.clone();
        let (tell, told) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let tell = |id| {
                // Whoever asked may be gone.
                let _ = tell.send(id);
            };
            run::start(&inner, operation, tell).await
        });
        match told.await {
            Ok(id) => Ok(id),
            Err(_) => match task.await {
                Ok(Err(error)) => Err(error),
                Ok(Ok(_)) => Err(Error::Internal(format!("operation {} told no id", O::KIND))),
                Err(e) => Err(Error::Internal(format!("operation {}: {e}", O::KIND))),
            },
        }
    }

    /// Newest first.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        show::list(&self.inner, filter).await
    }

    /// One operation with its steps.
    pub async fn show(&self, id: i64) -> Result<Listed> {
        show::show(&self.inner, id).await
    }

    /// How many are open, and how many of them are stuck.
    pub async fn counts(&self) -> Result<(u64, u64)> {
        show::counts(&mut self.inner.world.control.snapshot().await?).await
    }

    /// Asks an operation to stop; it is undone before long.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is over or past its point of no return.
    pub async fn cancel(&self, by: &By, id: i64) -> Result<()> {
        steer::cancel(&self.inner, by, id).await
    }

    /// Has an operation that rests after failures tried again at once, in this process.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is over, or somebody is at work on it.
    pub async fn retry(&self, by: &By, id: i64) -> Result<()> {
        steer::retry(&self.inner, by, id).await
    }

    /// Ends an operation that can neither be finished nor undone: what fails is left behind, and the journal says what.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is over, or a worker is at it.
    pub async fn abandon(&self, by: &By, id: i64) -> Result<Listed> {
        abandon::abandon(&self.inner, by, id).await?;
        self.show(id).await
    }

    /// Removes rows of operations that ended before `before_us`; looks at the oldest `most` rows.
    pub async fn prune(&self, before_us: i64, most: u32) -> Result<u64> {
        steer::prune(&self.inner, before_us, most).await
    }

    /// At start-up: finishes or undoes everything that dead workers left, one after the other, past
    /// failing ones (X5).
    pub async fn recover(&self) -> Result<Recovered> {
        recover::pass(&self.inner, true).await
    }

    /// The same, but waits no longer than `patience`; the rest goes on in a task of its own.
    pub async fn recover_for(&self, patience: Duration) -> Result<()> {
        let operations = self.clone();
        let task = tokio::spawn(async move { operations.recover().await });
        match tokio::time::timeout(patience, task).await {
            Ok(Ok(recovered)) => recovered.map(drop),
            Ok(Err(e)) => Err(Error::Internal(format!("recovery: {e}"))),
            Err(_) => {
                tracing::warn!("operations that a crash left take long; they go on");
                Ok(())
            }
        }
    }

    /// Reconciler, to be called every few seconds: the same for operations whose lease has lapsed.
    pub async fn reconcile(&self) -> Result<Recovered> {
        recover::pass(&self.inner, false).await
    }
}

impl Inner {
    /// The world of this job.
    fn of<O>(&self, job: &Job<O>) -> World {
        self.world.of(job.id, &job.databases, &job.live.progress, &job.live.cancel)
    }

    fn databases(&self) -> Databases {
        Databases::clone(&self.databases.load())
    }

    fn live(&self, id: i64) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Lets others of this process see the job while the guard lives.
    fn watched<O>(&self, job: &Job<O>) -> Watched<'_> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id, job.live.clone());
        Watched { inner: self, id: job.id }
    }
}

struct Watched<'a> {
    inner: &'a Inner,
    id: i64,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
