//! Drives an operation forward. Called by `Operations::run` and by recovery.
//!
//! The loop is: commit all adjoining control steps with the journal's advance; run the outside step
//! the cursor then points at; again. An outside step has no commit of its own: if the worker dies
//! after it, it is repeated.

use super::{
    Inner, Operation, Step,
    journal::{self, Job, State, Stop},
    lease::{self, LEASE_US},
    unwind,
};
use crate::{Error, Result, control::Write};
use std::{pin::pin, time::Duration};

/// Runs a new operation to its end. An error of the first control steps leaves no trace; a later one
/// has been undone when it is returned.
pub(super) async fn start<O: Operation>(inner: &Inner, mut operation: O) -> Result<O> {
    let (mut write, cursor) = match control_batch(inner, &mut operation, 0, None).await {
        Ok(done) => done,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Lost) => return Err(Error::Internal("a new operation has no lease to lose".into())),
    };
    let owner = lease::new_owner();
    let state = if cursor == O::steps().len() { State::Done } else { State::Running };
    let id = journal::insert(&mut write, &operation, cursor, state, &owner).await?;
    write.commit_unaudited().await?;
    let mut job = Job { id, owner, cursor, operation };
    if state == State::Running {
        finish(inner, &mut job).await?;
    }
    Ok(job.operation)
}

/// Forward, and back again if that fails.
pub(super) async fn finish<O: Operation>(inner: &Inner, job: &mut Job<O>) -> Result<()> {
    match forward(inner, job).await {
        Ok(()) => Ok(()),
        Err(Stop::Lost) => Err(Error::Unavailable(format!("operation {} was taken over", job.id))),
        Err(Stop::Failed(error)) => unwind::after(inner, job, error).await,
    }
}

async fn forward<O: Operation>(inner: &Inner, job: &mut Job<O>) -> Result<(), Stop> {
    let steps = O::steps();
    loop {
        if steps.get(job.cursor).is_some_and(Step::is_outside) {
            outside(inner, job, Direction::Run, job.cursor).await?;
            job.cursor += 1;
        }
        let lease = Some((job.id, job.owner.as_str()));
        let (mut write, next) = control_batch(inner, &mut job.operation, job.cursor, lease).await?;
        let state = if next == steps.len() { State::Done } else { State::Running };
        journal::save(&mut write, job, &job.operation, next, state).await?;
        write.commit_unaudited().await?;
        job.cursor = next;
        if state == State::Done {
            inner.faults.pass(O::KIND, "end", "after")?;
            return Ok(());
        }
    }
}

/// Runs the control steps from `from` up to the next outside step in one new transaction, which the
/// caller commits. The operation's state changes only if all succeed.
async fn control_batch<O: Operation>(
    inner: &Inner,
    operation: &mut O,
    from: usize,
    lease: Option<(i64, &str)>,
) -> Result<(Write, usize), Stop> {
    loop {
        let mut write = inner.control.begin().await?;
        if let Some((id, owner)) = lease {
            journal::hold(&mut write, id, owner).await?;
        }
        let mut draft = operation.clone();
        let mut next = from;
        let mut again = false;
        while let Some(Step::Control { name, run, .. }) = O::steps().get(next) {
            inner.faults.pass(O::KIND, name, "before")?;
            run(&mut write, &mut draft).await?;
            inner.faults.pass(O::KIND, name, "after")?;
            again |= inner.faults.repeats(O::KIND, name, "run");
            next += 1;
        }
        if !again {
            *operation = draft;
            return Ok((write, next));
        }
    }
}

/// Which half of an outside step.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    /// The action.
    Run,
    /// Its undo.
    Undo,
}

/// Runs the outside step at `index`, renewing the lease while it takes its time.
pub(super) async fn outside<O: Operation>(
    inner: &Inner,
    job: &mut Job<O>,
    direction: Direction,
    index: usize,
) -> Result<(), Stop> {
    let Some(Step::Outside { name, run, undo }) = O::steps().get(index) else {
        return Err(Error::Internal(format!("{} step {index} is not outside", O::KIND)).into());
    };
    let (action, before, after, repeat) = match direction {
        Direction::Run => (run, "before", "after", "run"),
        Direction::Undo => (undo, "undo-before", "undo-after", "undo"),
    };
    inner.faults.pass(O::KIND, name, before)?;
    let times = 1 + usize::from(inner.faults.repeats(O::KIND, name, repeat));
    for _ in 0..times {
        let mut work = pin!(action(&*inner.databases, &mut job.operation));
        loop {
            let patience = Duration::from_micros(LEASE_US.unsigned_abs() / 3);
            match tokio::time::timeout(patience, work.as_mut()).await {
                Ok(result) => break result?,
                Err(_) => journal::renew(&inner.control, job.id, &job.owner).await?,
            }
        }
    }
    Ok(inner.faults.pass(O::KIND, name, after)?)
}
