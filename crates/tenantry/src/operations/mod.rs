//! Operations: journalled sequences of idempotent steps that end finished or gone, never half-made.
//!
//! Called by the platform facade, the command line and, for what a crash left, by start-up and the
//! lease reconciler. Adjoining control steps share one commit with the journal's advance, so the
//! creation of a tenant costs two commits of the control store and one synced file. Databases are
//! reached through [`Databases`] only; nothing here knows an engine.

pub mod faults;
mod journal;
mod lease;
mod list;
mod on_demand;
pub mod provision;
mod recover;
mod run;
mod step;
mod takeover;
mod unwind;

pub use journal::State;
pub use list::{Listed, list};
pub use provision::{CreateTenant, Created, Owner};
pub use recover::Recovered;
pub use step::{ControlFn, Operation, OutsideFn, Step};

use crate::{Error, Result, control::Control};
use faults::Faults;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tenantry_engine::place::Place;

/// Makes and removes databases for the outside steps. Every method may be repeated, also after a
/// crash in its middle, and by two workers at once.
pub trait Databases: Send + Sync + 'static {
    /// Makes the database of `place` (pooled: enrols the tenant) with the current schema, durably;
    /// the fingerprint of that schema. Finds it made already: checks that it is this place's.
    fn make<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<String>>;

    /// Removes the database of `place` (pooled: the tenant's rows) if it carries this place's
    /// identity; absent or another's is no error and is left alone.
    fn remove<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<()>>;

    /// Whether the database is there. For operators' decisions, never for routing (X1).
    fn exists<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<bool>>;
}

/// Runs operations. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    inner: Arc<Inner>,
}

struct Inner {
    control: Control,
    databases: Arc<dyn Databases>,
    faults: Faults,
}

impl Operations {
    /// Starts nothing; call [`Operations::recover`] next.
    pub fn new(control: Control, databases: Arc<dyn Databases>) -> Self {
        Self { inner: Arc::new(Inner { control, databases, faults: Faults::from_env() }) }
    }

    /// Where suites make steps fail; empty in a shipped binary.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Runs an operation to its end in a task of its own: a caller that goes away does not stop it
    /// midway. On failure everything is undone before the error is returned.
    pub async fn run<O: Operation>(&self, operation: O) -> Result<O> {
        let inner = self.inner.clone();
        let task = tokio::spawn(async move { run::start(&inner, operation).await });
        task.await.map_err(|e| Error::Internal(format!("operation {}: {e}", O::KIND)))?
    }

    /// At start-up: finishes or undoes everything that dead workers left, one after the other, past
    /// failing ones (X5).
    pub async fn recover(&self) -> Result<Recovered> {
        recover::pass(&self.inner, true).await
    }

    /// Reconciler, to be called every few seconds: the same for operations whose lease has lapsed.
    pub async fn reconcile(&self) -> Result<Recovered> {
        recover::pass(&self.inner, false).await
    }
}
