//! Operations: journalled sequences of idempotent steps that end done or undone, never half done.
//!
//! The platform's verbs and the command line start them. Start-up and the lease reconciler continue operations that a
//! crash left open. Adjacent control steps share one commit with the journal's advance, so creating a tenant costs two
//! commits of the control store and one synced file. Steps act outside the control store only through `Context`. This
//! module knows no kind of operation: each kind lives with its feature, and [`crate::platform::kinds`] lists them.
//!
//! `driver` runs an operation forward and back, `journal` stores its row, and `recovery` takes over operations that
//! another worker left.

pub(crate) mod context;
mod driver;
mod erased;
pub(crate) mod journal;
mod kind;
pub(crate) mod over_tenants;
mod progress;
mod recovery;
mod steer;
pub(crate) mod step;

pub(crate) use context::Context;
pub use driver::faults::Faults;
pub use journal::{
    State,
    show::{Filter, Listed, StepShown, StepState},
};
pub use kind::OperationKind;
pub use progress::{Amount, Cancel, Progress};
pub use recovery::recover::Recovered;
pub use step::StepInfo;
pub(crate) use step::{Operation, Step};

use crate::{Error, Result, control::params, platform::databases::Databases};
use arc_swap::ArcSwap;
use driver::run;
use erased::AnyOperation;
use journal::{Job, Live};
use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};
use tenantry_engine::{Tx, name::TenantId};
use tokio::{sync::oneshot, task::JoinHandle};

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
    /// Operations that tasks of this process are running.
    live: Mutex<HashMap<i64, Live>>,
    /// Lock that a request holds while it looks for an operation to rescue.
    rescuing: Arc<tokio::sync::Mutex<()>>,
    /// True once this process has logged the operations that were stuck at its start.
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
    pub(crate) fn new(context: Context, kinds: &'static [OperationKind]) -> Self {
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

    /// Returns the services that operations of the platform use.
    pub(crate) fn context(&self) -> &Context {
        &self.inner.context
    }

    /// Sets the databases for operations that begin from now on.
    pub(crate) fn use_databases(&self, databases: Databases) {
        self.inner.databases.store(Arc::new(databases));
    }

    /// Returns the fault points where test suites make steps fail. Empty in a shipped binary.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Runs an operation to its end in its own task, so that it continues even if the caller is dropped. On failure,
    /// all steps are undone before this returns the error.
    ///
    /// # Errors
    /// Returns the error of the step that failed, or [`Error::Conflict`] when another operation is open on the tenant.
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O> {
        let done: Box<dyn Any> =
            self.task(Box::new(operation), None).await.map_err(|e| broken(O::KIND, &e))??;
        done.downcast().map(|operation| *operation).map_err(|_| broken(O::KIND, &"ended as another kind"))
    }

    /// Starts an operation and returns its id as soon as it is in the journal. The operation continues in its own task;
    /// follow it with [`Operations::watch`]. If this returns an error, nothing was recorded.
    ///
    /// # Errors
    /// Returns the error of the first control steps, or [`Error::Conflict`] when another operation is open on the
    /// tenant.
    pub(crate) fn spawn<O: Operation>(&self, operation: O) -> impl Future<Output = Result<i64>> + Send {
        self.spawn_any(Box::new(operation))
    }

    /// Runs the first control steps of an operation as [`Operations::spawn`] does, and undoes them. Returns the state
    /// of the operation after these steps.
    ///
    /// # Errors
    /// Returns the errors of [`Operations::spawn`].
    pub(crate) async fn rehearse<O: Operation>(&self, operation: O) -> Result<O> {
        let done: Box<dyn Any> = run::rehearse(&self.inner, Box::new(operation)).await?;
        done.downcast().map(|operation| *operation).map_err(|_| broken(O::KIND, &"ended as another kind"))
    }

    async fn spawn_any(&self, operation: Box<dyn AnyOperation>) -> Result<i64> {
        let kind = operation.kind();
        let (tell, told) = oneshot::channel();
        let task = self.task(operation, Some(tell));
        match told.await {
            Ok(id) => Ok(id),
            Err(_) => match task.await {
                Ok(Err(error)) => Err(error),
                Ok(Ok(_)) => Err(broken(kind, &"told no id")),
                Err(e) => Err(broken(kind, &e)),
            },
        }
    }

    /// Runs an operation to its end in a task, and sends the operation's id to `tell` once it is recorded.
    fn task(
        &self,
        operation: Box<dyn AnyOperation>,
        tell: Option<oneshot::Sender<i64>>,
    ) -> JoinHandle<Result<Box<dyn AnyOperation>>> {
        let inner = self.inner.clone();
        tokio::spawn(async move { run::start(&inner, operation, tell).await })
    }
}

fn broken(kind: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("operation {kind}: {why}"))
}

impl Inner {
    /// Returns the context for this job.
    fn of(&self, job: &Job) -> Context {
        self.context.of(job.id, &job.databases, &job.live.progress, &job.live.cancel)
    }

    fn databases(&self) -> Databases {
        Databases::clone(&self.databases.load())
    }

    fn live(&self, id: i64) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Makes the job visible to other tasks of this process until the guard is dropped.
    fn watched(&self, job: &Job) -> Watched<'_> {
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
