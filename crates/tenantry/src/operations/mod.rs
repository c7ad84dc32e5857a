//! Operations: journalled sequences of idempotent steps that end done or undone, never half done.
//!
//! Called by the platform facade and the command line, and by start-up and the lease reconciler for operations that a
//! crash left open. Adjacent control steps share one commit with the journal's advance, so creating a tenant costs two
//! commits of the control store and one synced file. Steps act on the outside only through [`Context`]. This room knows no
//! kind of operation: kinds live with their feature, and [`crate::platform::kinds`] lists them.
//!
//! `driver` runs an operation forward and back, `journal` has its row, `recovery` takes over what another worker left.

pub(crate) mod context;
mod driver;
pub(crate) mod journal;
mod kind;
mod progress;
mod recovery;
mod steer;
pub(crate) mod step;

pub use context::Context;
pub use driver::faults::Faults;
pub use journal::{
    State,
    show::{Filter, Listed, StepShown, StepState},
};
pub use kind::OperationKind;
pub use progress::{Amount, Cancel, Progress};
pub use recovery::recover::Recovered;
pub use step::{ControlFn, Operation, OutsideFn, Step, StepInfo};

use crate::{Error, Result, access::Actor, control::params, platform::databases::Databases};
use arc_swap::ArcSwap;
use driver::run;
use journal::{Job, Live, show};
use recovery::{abandon, recover};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};
use tenantry_engine::{Tx, name::TenantId};

/// Runs operations. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    inner: Arc<Inner>,
}

struct Inner {
    kinds: &'static [OperationKind],
    context: Context,
    /// Databases of the apps that are loaded now. New operations use them.
    databases: ArcSwap<Databases>,
    faults: Arc<Faults>,
    /// Operations that this process is working on.
    live: Mutex<HashMap<i64, Live>>,
    /// Held while a request looks for an operation to rescue.
    rescuing: Arc<tokio::sync::Mutex<()>>,
    /// Set once this process has logged the operations that were stuck at its start.
    raised: AtomicBool,
}

/// Returns true if an operation is open on the tenant.
pub(crate) async fn is_at_work(tx: &mut Tx, tenant: TenantId) -> Result<bool> {
    let sql = "SELECT count(*) FROM operations WHERE tenant = ? AND state IN ('running', 'unwinding')";
    Ok(crate::users::count(tx, sql, params![tenant.get()]).await? > 0)
}

impl Inner {
    /// Returns the kind with this name.
    fn kind(&self, name: &str) -> Option<&'static OperationKind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

impl Operations {
    /// Creates the service for these kinds of operations, without starting anything. Call [`Operations::recover`] next.
    pub fn new(context: Context, kinds: &'static [OperationKind]) -> Self {
        let inner = Arc::new_cyclic(|inner| Inner {
            kinds,
            faults: context.faults.clone(),
            databases: ArcSwap::from_pointee(context.databases.clone()),
            context: context.with_operations(inner.clone()),
            live: Mutex::default(),
            rescuing: Arc::default(),
            raised: AtomicBool::new(false),
        });
        Self { inner }
    }

    /// The services that operations of the platform use.
    pub(crate) fn context(&self) -> &Context {
        &self.inner.context
    }

    /// Sets the databases for operations that begin from now on.
    pub(crate) fn use_databases(&self, databases: Databases) {
        self.inner.databases.store(Arc::new(databases));
    }

    /// Fault points where test suites make steps fail. Empty in a shipped binary.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Runs an operation to its end in its own task, so that a caller that goes away does not stop it midway. On
    /// failure everything is undone before the error is returned.
    ///
    /// # Errors
    /// That of the step that failed; [`Error::Conflict`] when another operation is open on the tenant.
    pub async fn run<O: Operation>(&self, operation: O) -> Result<O> {
        let inner = self.inner.clone();
        let task = tokio::spawn(async move { run::start(&inner, operation, |_| {}).await });
        task.await.map_err(|e| Error::Internal(format!("operation {}: {e}", O::KIND)))?
    }

    /// Starts an operation and returns its id as soon as it is in the journal. It continues in its own task; follow it
    /// with [`Operations::watch`]. If this returns an error, nothing was recorded.
    ///
    /// # Errors
    /// That of the first control steps; [`Error::Conflict`] when another operation is open on the tenant.
    pub async fn spawn<O: Operation>(&self, operation: O) -> Result<i64> {
        let inner = self.inner.clone();
        let (tell, told) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let tell = |id| {
                // The caller may be gone.
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

    /// Lists operations, newest first.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        show::list(&self.inner, filter).await
    }

    /// Returns one operation with its steps.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such operation.
    pub async fn show(&self, id: i64) -> Result<Listed> {
        show::show(&self.inner, id).await
    }

    /// Returns how many operations are open, and how many of those are stuck.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn counts(&self) -> Result<(u64, u64)> {
        show::counts(&mut self.inner.context.control.snapshot().await?).await
    }

    /// Asks an operation to stop. Its worker notices at the next heartbeat and undoes it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is over or past its point of no return; [`Error::NotFound`] if the actor is
    /// not staff.
    pub async fn cancel(&self, actor: &Actor, id: i64) -> Result<()> {
        actor.require_staff()?;
        steer::cancel(&self.inner, &actor.by(), id).await
    }

    /// Retries an operation that rests after failures, at once and in this process.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is over, or a worker has its lease; [`Error::NotFound`] if the actor is not staff.
    pub async fn retry(&self, actor: &Actor, id: i64) -> Result<()> {
        actor.require_staff()?;
        steer::retry(&self.inner, &actor.by(), id).await
    }

    /// Abandons an operation that can be neither finished nor undone, and returns its final state. The journal and the
    /// audit log record what it leaves behind.
    ///
    /// # Errors
    /// [`Error::Denied`] when the actor is not a superuser; [`Error::Conflict`] when it is over, or a worker has its
    /// lease.
    pub async fn abandon(&self, actor: &Actor, id: i64) -> Result<Listed> {
        actor.require_superuser("abandon an operation")?;
        abandon::abandon(&self.inner, &actor.by(), id).await?;
        self.show(id).await
    }

    /// Removes rows of operations that ended before `before_us`. Examines at most the oldest `most` rows.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn prune(&self, before_us: i64, most: u32) -> Result<u64> {
        steer::prune(&self.inner, before_us, most).await
    }

    /// Finishes or undoes, at start-up and one after the other, everything that dead workers left. A failing operation
    /// does not stop the others.
    ///
    /// # Errors
    /// Those of the control store. Failed operations are counted.
    pub async fn recover(&self) -> Result<Recovered> {
        recover::pass(&self.inner, true).await
    }

    /// Runs [`Operations::recover`] but waits at most `patience`. The rest continues in its own task.
    ///
    /// # Errors
    /// Those of [`Operations::recover`], if it ends within `patience`.
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

    /// Finishes or undoes operations whose lease has expired. The reconciler calls this every few seconds.
    ///
    /// # Errors
    /// Those of the control store. Failed operations are counted.
    pub async fn reconcile(&self) -> Result<Recovered> {
        recover::pass(&self.inner, false).await
    }
}

impl Inner {
    /// Returns the context of this job.
    fn of<O>(&self, job: &Job<O>) -> Context {
        self.context.of(job.id, &job.databases, &job.live.progress, &job.live.cancel)
    }

    fn databases(&self) -> Databases {
        Databases::clone(&self.databases.load())
    }

    fn live(&self, id: i64) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Makes the job visible to other tasks of this process while the guard lives.
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
