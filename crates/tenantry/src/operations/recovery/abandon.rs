//! Abandons a stuck operation: finishes or undoes as much as possible, leaves the rest behind, and records it.
//!
//! Called only by the `abandon` command, never by recovery. The catalog stays consistent, because only control steps
//! and their undo actions change it. The journal and the audit log name the files, fences and rows that are left
//! behind.

use super::takeover::{self, Taken};
use crate::{
    Error, Result,
    access::Actor,
    control::{Write, params},
    operations::{
        Inner, Listed, OperationKind, Operations,
        driver::{run, unwind},
        journal::{self, Job, Left, Live, State, Stop, lease},
    },
};

impl Operations {
    /// Abandons an operation that can be neither finished nor undone, and returns its final state. The journal and the
    /// audit log record what the operation leaves behind.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor is not a superuser; [`Error::Conflict`] if the operation is over, or a
    /// worker has its lease.
    pub async fn abandon(&self, actor: &Actor, id: i64) -> Result<Listed> {
        actor.require_superuser("abandon an operation")?;
        let (inner, by) = (&self.inner, &actor.by());
        let mut write = inner.context.control.begin().await?;
        let found = journal::find(&mut write, id).await?;
        if found.state.is_over() {
            return Err(Error::Conflict(format!("operation {id} is over: there is nothing to abandon")));
        }
        let sql = "UPDATE operations SET lease_until = ? WHERE id = ? AND lease_owner IS NULL";
        let now = write.at_us();
        write.execute(sql, params![now, id]).await?;
        let owner = lease::new_owner();
        let Some(taken) = takeover::take_in(&mut write, id, &owner, false).await? else {
            return Err(Error::Conflict(format!(
                "operation {id} is being worked on right now: stop it with `tenantry operation cancel {id}`, or wait until it \
                 rests"
            )));
        };
        let detail = serde_json::json!({ "operation": id, "kind": found.kind });
        write.audit(by, found.tenant, "operation.abandon", detail).await?;
        write.commit().await?;
        match inner.kind(&taken.kind) {
            Some(kind) => end(inner, kind, taken, owner).await?,
            None => forget(inner, id, &owner, "this program does not know its kind").await?,
        }
        self.show(id).await
    }
}

/// Runs the operation forward if it is past its point of no return and a step can still succeed; otherwise runs it
/// back.
async fn end(inner: &Inner, kind: &OperationKind, taken: Taken, owner: String) -> Result<()> {
    let Ok(operation) = kind.read(&taken.data) else {
        return forget(inner, taken.id, &owner, "its state cannot be read").await;
    };
    let Taken { id, cursor, attempts, .. } = taken;
    let (live, left) = (Live::default(), Some(vec![]));
    let (attempts, databases) = (attempts + 1, inner.databases());
    let mut job = Job { id, owner, cursor, operation, attempts, live, databases, left };
    let _watched = inner.watched(&job);
    job.live.cancel.refuse();
    let mut remaining = cursor;
    if taken.state == State::Running {
        if job.operation.past_return(cursor) {
            match run::forward(inner, &mut job).await {
                Ok(()) => return note(inner, &job, "done").await,
                Err(Stop::Lost) => return Err(lost(id)),
                Err(Stop::Failed(error)) => {
                    let step = job.operation.step(job.cursor).map_or("end", |step| step.name);
                    job.leave(step, Stop::Failed(error)).map_err(failed)?;
                }
            }
        }
        remaining = job.cursor + usize::from(job.operation.step(job.cursor).is_some_and(|step| step.outside));
        unwinding(inner, &job, remaining).await?;
    }
    match unwind::back(inner, &mut job, remaining).await {
        Ok(()) => note(inner, &job, "undone").await,
        Err(Stop::Lost) => Err(lost(id)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn lost(id: i64) -> Error {
    Error::Unavailable(format!("operation {id} was taken over"))
}

fn failed(stop: Stop) -> Error {
    match stop {
        Stop::Failed(error) => error,
        Stop::Lost => Error::Unavailable("the operation was taken over".into()),
    }
}

async fn unwinding(inner: &Inner, job: &Job, remaining: usize) -> Result<()> {
    let mut write = inner.context.control.begin().await?;
    journal::save(&mut write, job, &*job.operation, remaining, State::Unwinding).await.map_err(failed)?;
    write.commit_unaudited().await
}

/// Records in the journal and in the audit log what is left behind.
async fn note(inner: &Inner, job: &Job, state: &str) -> Result<()> {
    let left = job.left.as_deref().unwrap_or_default();
    let told = |left: &Left| format!("{}: {}", left.step, left.why);
    let text = match left {
        [] => "abandoned; nothing is left behind".to_owned(),
        some => format!("abandoned; left behind: {}", some.iter().map(told).collect::<Vec<_>>().join("; ")),
    };
    let mut write = inner.context.control.begin().await?;
    journal::note(&mut write, job.id, &Error::Conflict(text)).await?;
    let detail = serde_json::json!({ "operation": job.id, "kind": job.operation.kind(), "state": state, "left": left });
    write.audit(job.operation.by(), job.operation.tenant(), "operation.abandoned", detail).await?;
    write.commit().await
}

/// Closes an operation whose state cannot be read, so that it no longer blocks the tenant.
async fn forget(inner: &Inner, id: i64, owner: &str, why: &str) -> Result<()> {
    let mut write: Write = inner.context.control.begin().await?;
    let sql = "UPDATE operations SET state = 'undone', data = '{}', lease_owner = NULL, lease_until = NULL, progress = NULL \
        WHERE id = ? AND lease_owner = ?";
    write.execute(sql, params![id, owner]).await?;
    journal::note(
        &mut write,
        id,
        &Error::Conflict(format!("abandoned: {why}; all that it did is left behind")),
    )
    .await?;
    write.commit_unaudited().await
}
