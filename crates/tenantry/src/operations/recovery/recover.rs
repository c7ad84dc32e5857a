//! Takes over operations that dead workers left, and continues each in its recorded direction.
//!
//! Called at start-up and by the lease reconciler. A failing operation does not stop the others.

use super::takeover::{self, Taken};
use crate::{
    Error, Result,
    error::caught::caught,
    operations::{
        Inner, OperationKind, Operations, context,
        driver::{run, unwind},
        journal::{self, Job, Live, State, attempts::MOST_ATTEMPTS, lease, show},
    },
};
use std::{sync::atomic::Ordering::Relaxed, time::Duration};

/// Result of a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recovered {
    /// Number of operations that were finished.
    pub finished: usize,
    /// Number of operations that were undone.
    pub undone: usize,
    /// Number of operations that could be neither finished nor undone. The next pass tries again.
    pub failed: usize,
}

impl Operations {
    /// Finishes or undoes all operations that dead workers left, one after the other. Called at start-up. A failing
    /// operation does not stop the others.
    ///
    /// # Errors
    /// Returns the errors of the control store. Failed operations are counted in the result.
    pub async fn recover(&self) -> Result<Recovered> {
        pass(&self.inner, true).await
    }

    /// Runs [`Operations::recover`] in its own task, and waits for it at most `patience`. The task continues
    /// afterwards.
    ///
    /// # Errors
    /// Returns the errors of [`Operations::recover`], if the task ends within `patience`.
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
    /// Returns the errors of the control store. Failed operations are counted in the result.
    pub async fn reconcile(&self) -> Result<Recovered> {
        pass(&self.inner, false).await
    }
}

async fn pass(inner: &Inner, at_start: bool) -> Result<Recovered> {
    let scratches = inner.context.scratches();
    let mut tx = inner.context.control.snapshot().await?;
    let ids = takeover::open_ids(&mut tx).await?;
    drop(tx);
    context::sweep(scratches, &ids);
    let mut recovered = Recovered::default();
    for id in ids {
        match one(inner, id, at_start).await {
            Ok(None) => {}
            Ok(Some(State::Done)) => recovered.finished += 1,
            Ok(Some(State::Undone)) => recovered.undone += 1,
            Ok(Some(_)) => recovered.failed += 1,
            Err(error) => {
                tracing::error!(operation = id, %error, "not recovered; will be tried again");
                recovered.failed += 1;
            }
        }
    }
    // Stuck operations are not logged when a command starts, because it serves another purpose. `serve` and
    // `operations list` report them.
    if !at_start && (recovered.failed > 0 || !inner.raised.swap(true, Relaxed)) {
        raise(inner).await?;
    }
    Ok(recovered)
}

/// Logs every operation that is stuck.
async fn raise(inner: &Inner) -> Result<()> {
    for stuck in show::stuck(inner).await? {
        tracing::error!(
            operation = stuck.id,
            kind = stuck.kind,
            tenant = stuck.slug,
            attempts = stuck.attempts,
            error = stuck.error,
            "stuck; see: tenantry operation show {}",
            stuck.id
        );
    }
    Ok(())
}

/// Takes over one operation. Returns `None` if a worker has its lease, or the operation is over.
async fn one(inner: &Inner, id: i64, at_start: bool) -> Result<Option<State>> {
    let owner = lease::new_owner();
    let Some(taken) = takeover::take(&inner.context.control, id, &owner, at_start).await? else {
        return Ok(None);
    };
    go_on(inner, taken, owner).await.map(Some)
}

/// Continues an operation whose lease this worker has taken.
pub(in crate::operations) async fn go_on(inner: &Inner, taken: Taken, owner: String) -> Result<State> {
    let id = taken.id;
    tracing::info!(operation = id, kind = taken.kind, attempts = taken.attempts, "taken over");
    let unknown = || Error::Internal(format!("operation {id}: this program knows no {:?}", taken.kind));
    let kind = inner.kind(&taken.kind).ok_or_else(unknown)?;
    // A panic must not stop the pass before the operations that follow.
    caught(resume(inner, kind, taken, owner)).await?;
    journal::state(&inner.context.control, id).await
}

async fn resume(inner: &Inner, kind: &OperationKind, taken: Taken, owner: String) -> Result<()> {
    let operation = kind.read(&taken.data);
    let operation = operation.map_err(|e| Error::Internal(format!("operation {}: {e}", taken.id)))?;
    let Taken { id, cursor, attempts, .. } = taken;
    let (attempts, databases) = (attempts + 1, inner.databases());
    let mut job =
        Job { id, owner, cursor, operation, attempts, live: Live::default(), databases, left: None };
    let _watched = inner.watched(&job);
    journal::hear(&inner.context.control, id, &job.live.cancel).await?;
    if taken.state == State::Unwinding {
        job.live.cancel.refuse();
        return unwind::to_nothing(inner, &mut job, cursor).await;
    }
    let outcome = if attempts < MOST_ATTEMPTS || job.operation.past_return(cursor) {
        run::finish(inner, &mut job).await
    } else {
        let error = Error::Unavailable(format!("given up after {attempts} attempts"));
        unwind::after(inner, &mut job, error).await
    };
    if let Err(error) = outcome {
        tracing::warn!(operation = id, %error, "did not finish");
    }
    Ok(())
}
