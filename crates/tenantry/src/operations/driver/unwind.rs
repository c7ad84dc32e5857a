//! Takes an operation back, last step first. Called when a step fails, and by recovery.

use super::outside::{Direction, outside};
use crate::{
    Error, Result,
    control::Write,
    error::caught::caught,
    operations::{
        Inner, Operation, Step,
        journal::{self, Job, State, Stop, attempts::pause_us},
    },
};

/// Undoes a job whose step at the cursor failed with `error`. Returns that error.
pub(in crate::operations) async fn after<O: Operation>(
    inner: &Inner,
    job: &mut Job<O>,
    error: Error,
) -> Result<()> {
    job.live.cancel.refuse();
    let mut remaining = job.cursor;
    if O::steps().get(remaining).is_some_and(Step::is_outside) {
        // It failed, perhaps midway.
        remaining += 1;
    }
    match mark(inner, job, remaining, &error).await {
        Ok(()) => {}
        Err(Stop::Lost) => {
            // The commit that returned an error may have succeeded all the same.
            return match journal::state(&inner.context.control, job.id).await {
                Ok(State::Done) => Ok(()),
                _ => Err(error),
            };
        }
        // Not recorded as unwinding: a worker that takes it over goes forward and finishes it.
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

async fn mark<O: Operation>(
    inner: &Inner,
    job: &Job<O>,
    remaining: usize,
    error: &Error,
) -> Result<(), Stop> {
    let mut write = inner.context.control.begin().await?;
    journal::save(&mut write, job, &job.operation, remaining, State::Unwinding).await?;
    journal::note(&mut write, job.id, error).await?;
    Ok(write.commit_unaudited().await?)
}

/// Undoes the first `remaining` steps. If a step fails, the reconciler continues, after longer and longer pauses.
pub(in crate::operations) async fn to_nothing<O: Operation>(
    inner: &Inner,
    job: &mut Job<O>,
    remaining: usize,
) -> Result<()> {
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

pub(in crate::operations) async fn back<O: Operation>(
    inner: &Inner,
    job: &mut Job<O>,
    mut remaining: usize,
) -> Result<(), Stop> {
    let steps = O::steps();
    // Control steps that are skipped: those of an abandoned operation whose undo fails.
    let mut passed_over = Vec::new();
    loop {
        if remaining > 0 && steps[remaining - 1].is_outside() {
            if let Err(error) = outside(inner, job, Direction::Undo, remaining - 1).await {
                job.leave(steps[remaining - 1].name(), error)?;
            }
            remaining -= 1;
        }
        let mut write = inner.context.control.begin().await?;
        let mut draft = job.operation.clone();
        let (left, again) = match control_batch(inner, &mut write, &mut draft, remaining, &passed_over).await
        {
            Ok(done) => done,
            Err((failed, error)) => {
                // Roll back the transaction so far, then repeat it without the failed step.
                drop(write);
                job.leave(steps[failed].name(), error)?;
                passed_over.push(failed);
                continue;
            }
        };
        if again {
            continue;
        }
        remaining = left;
        let state = if remaining == 0 { State::Undone } else { State::Unwinding };
        journal::save(&mut write, job, &draft, remaining, state).await?;
        if state == State::Undone {
            // Before the commit makes the end visible: an operation that is over leaves nothing behind.
            inner.of(job).clean();
        }
        write.commit_unaudited().await?;
        job.operation = draft;
        if state == State::Undone {
            return Ok(());
        }
    }
}

/// Undoes the control steps between the first `remaining` steps' end and the outside step before them. Returns how many
/// steps remain, and whether a test suite wants the batch repeated. On failure, returns the index of the step.
async fn control_batch<O: Operation>(
    inner: &Inner,
    write: &mut Write,
    draft: &mut O,
    remaining: usize,
    passed_over: &[usize],
) -> Result<(usize, bool), (usize, Stop)> {
    let (mut left, mut again) = (remaining, false);
    while left > 0
        && let Step::Control { name, undo, .. } = &O::steps()[left - 1]
    {
        left -= 1;
        if passed_over.contains(&left) {
            continue;
        }
        let failed = |error: Error| (left, Stop::from(error));
        let work = async {
            inner.faults.pass(O::KIND, name, "undo-before").await?;
            if let Some(undo) = undo {
                undo(write, draft).await?;
            }
            inner.faults.pass(O::KIND, name, "undo-after").await
        };
        caught(work).await.map_err(failed)?;
        again |= inner.faults.repeats(O::KIND, name, "undo");
    }
    Ok((left, again))
}
