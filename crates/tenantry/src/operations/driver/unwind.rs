//! Undoes an operation, last step first. Called when a step fails, and by recovery.

use super::outside::outside;
use crate::{
    Error, Result,
    control::Write,
    error::caught::caught,
    operations::{
        Inner,
        erased::AnyOperation,
        journal::{self, Job, State, Stop, attempts::pause_us},
        step::{Direction, StepInfo},
    },
};

/// Undoes a job whose step at the cursor failed with `error`. Returns that error.
pub(in crate::operations) async fn after(inner: &Inner, job: &mut Job, error: Error) -> Result<()> {
    job.live.cancel.refuse();
    let mut remaining = job.cursor;
    if job.operation.step(remaining).is_some_and(|step| step.outside) {
        // The outside step failed, perhaps midway, so it must be undone too.
        remaining += 1;
    }
    match mark(inner, job, remaining, &error).await {
        Ok(()) => {}
        Err(Stop::Lost) => {
            // The commit may have succeeded although it returned an error.
            return match journal::state(&inner.context.control, job.id).await {
                Ok(State::Done) => Ok(()),
                _ => Err(error),
            };
        }
        // The operation is not recorded as unwinding: a worker that takes it over goes forward and finishes it.
        Err(Stop::Failed(e)) => {
            tracing::error!(operation = job.id, error = %e, "not marked for undoing");
            return Err(error);
        }
    }
    if let Err(e) = to_nothing(inner, job, remaining).await {
        tracing::error!(operation = job.id, error = %e, "not undone yet; will be tried again");
    }
    Err(error)
}

async fn mark(inner: &Inner, job: &Job, remaining: usize, error: &Error) -> Result<(), Stop> {
    let mut write = inner.context.control.begin().await?;
    journal::save(&mut write, job, &*job.operation, remaining, State::Unwinding).await?;
    journal::note(&mut write, job.id, error).await?;
    Ok(write.commit_unaudited().await?)
}

/// Undoes the first `remaining` steps. If an undo fails, the reconciler continues, after increasing pauses.
pub(in crate::operations) async fn to_nothing(inner: &Inner, job: &mut Job, remaining: usize) -> Result<()> {
    match back(inner, job, remaining).await {
        Ok(()) => Ok(()),
        Err(Stop::Lost) => Err(Error::Unavailable(format!("operation {} was taken over", job.id))),
        Err(Stop::Failed(error)) => {
            let pause_us = pause_us(job.attempts);
            journal::release(&inner.context.control, job.id, &job.owner, &error, pause_us).await?;
            Err(error)
        }
    }
}

pub(in crate::operations) async fn back(
    inner: &Inner,
    job: &mut Job,
    mut remaining: usize,
) -> Result<(), Stop> {
    // Control steps of an abandoned operation that are skipped because their undo fails.
    let mut passed_over = Vec::new();
    loop {
        if let Some((last, step)) = last(&*job.operation, remaining).filter(|(_, step)| step.outside) {
            if let Err(error) = outside(inner, job, Direction::Undo, last).await {
                job.leave(step.name, error)?;
            }
            remaining = last;
        }
        let mut write = inner.context.control.begin().await?;
        let mut draft = job.operation.draft();
        let (left, again) = match control_batch(inner, &mut write, &mut *draft, remaining, &passed_over).await
        {
            Ok(done) => done,
            Err((failed, error)) => {
                // Roll back the transaction so far, then repeat it without the failed step.
                drop(write);
                job.leave(failed.1.name, error)?;
                passed_over.push(failed.0);
                continue;
            }
        };
        if again {
            continue;
        }
        remaining = left;
        let state = if remaining == 0 { State::Undone } else { State::Unwinding };
        journal::save(&mut write, job, &*draft, remaining, state).await?;
        if state == State::Undone {
            // Clean up before the commit makes the end visible: an operation that is over leaves nothing behind.
            inner.of(job).clean();
        }
        write.commit_unaudited().await?;
        job.operation = draft;
        if state == State::Undone {
            return Ok(());
        }
    }
}

/// Undoes the last control steps of the first `remaining` steps, back to the outside step before them. Returns how many
/// steps remain, and whether a test suite wants the batch repeated. On failure, returns the failed step.
async fn control_batch(
    inner: &Inner,
    write: &mut Write,
    draft: &mut dyn AnyOperation,
    remaining: usize,
    passed_over: &[usize],
) -> Result<(usize, bool), ((usize, StepInfo), Stop)> {
    let (kind, mut left, mut again) = (draft.kind(), remaining, false);
    while let Some((index, step)) = last(draft, left).filter(|(_, step)| !step.outside) {
        left = index;
        if passed_over.contains(&left) {
            continue;
        }
        let failed = |error: Error| ((index, step), Stop::from(error));
        let work = async {
            inner.faults.pass(kind, step.name, "undo-before").await?;
            draft.control(Direction::Undo, index, write).await?;
            inner.faults.pass(kind, step.name, "undo-after").await
        };
        caught(work).await.map_err(failed)?;
        again |= inner.faults.repeats(kind, step.name, "undo");
    }
    Ok((left, again))
}

/// Returns the last of the first `remaining` steps, with its index.
fn last(operation: &dyn AnyOperation, remaining: usize) -> Option<(usize, StepInfo)> {
    let index = remaining.checked_sub(1)?;
    Some((index, operation.step(index)?))
}
