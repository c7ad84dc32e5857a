//! Runs an operation forward. `Operations::run` and recovery call it.
//!
//! The loop commits all adjacent control steps together with the journal's advance, then runs the outside step at the
//! cursor. An outside step has no commit of its own: if the worker dies after it, the step is repeated.

use super::{outside::outside, unwind};
use crate::{
    Error, Result,
    control::Write,
    error::caught::caught,
    operations::{
        Inner,
        erased::AnyOperation,
        journal::{self, Job, Live, State, Stop, attempts::pause_us, lease},
        progress::Cancel,
        step::{Direction, StepInfo},
    },
};
use tokio::sync::oneshot::Sender;

/// Runs a new operation to its end. Sends its id to `tell` once it is in the journal. If the first control steps fail,
/// nothing is recorded; if a later step fails, all steps are undone before this returns the error.
pub(in crate::operations) async fn start(
    inner: &Inner,
    mut operation: Box<dyn AnyOperation>,
    tell: Option<Sender<i64>>,
) -> Result<Box<dyn AnyOperation>> {
    let owner = lease::new_owner();
    let Recorded { write, cursor, state, id } = record(inner, &mut operation, &owner).await?;
    let databases = inner.databases();
    if state == State::Running {
        operation.begin_early(&inner.context.with(databases.clone()));
    }
    write.commit_unaudited().await?;
    let mut job =
        Job { id, owner, cursor, operation, attempts: 1, live: Live::default(), databases, left: None };
    let _watched = inner.watched(&job);
    if let Some(tell) = tell {
        // Sending fails if the caller has gone away.
        let _ = tell.send(id);
    }
    if state == State::Running {
        finish(inner, &mut job).await?;
    }
    Ok(job.operation)
}

/// Records a new operation and undoes that, to learn whether it may begin. Returns its state after the first control steps.
pub(in crate::operations) async fn rehearse(
    inner: &Inner,
    mut operation: Box<dyn AnyOperation>,
) -> Result<Box<dyn AnyOperation>> {
    record(inner, &mut operation, &lease::new_owner()).await?.write.roll_back().await?;
    Ok(operation)
}

/// A new operation in the journal, in a transaction that the caller ends.
struct Recorded {
    write: Write,
    cursor: usize,
    state: State,
    id: i64,
}

/// Runs the first control steps of a new operation and writes it into the journal.
async fn record(inner: &Inner, operation: &mut Box<dyn AnyOperation>, owner: &str) -> Result<Recorded> {
    let kind = operation.kind();
    if inner.kind(kind).is_none() {
        return Err(Error::Internal(format!("operation {kind} is not in the list of kinds")));
    }
    let (mut write, cursor) = match control_batch(inner, operation, 0, None).await {
        Ok(done) => done,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Lost) => return Err(Error::Internal("a new operation has no lease to lose".into())),
    };
    let state = if operation.step(cursor).is_none() { State::Done } else { State::Running };
    let id = journal::insert(&mut write, &**operation, cursor, state, owner).await?;
    Ok(Recorded { write, cursor, state, id })
}

/// Runs an operation forward, and back again if that fails. Past the point of no return, the operation rests instead,
/// and the reconciler continues it.
pub(in crate::operations) async fn finish(inner: &Inner, job: &mut Job) -> Result<()> {
    match forward(inner, job).await {
        Ok(()) => Ok(()),
        Err(Stop::Lost) => Err(Error::Unavailable(format!("operation {} was taken over", job.id))),
        Err(Stop::Failed(error)) if job.operation.past_return(job.cursor) => {
            journal::release(&inner.context.control, job.id, &job.owner, &error, pause_us(job.attempts))
                .await?;
            Err(Error::Unavailable(format!("operation {} rests and will be finished: {error}", job.id)))
        }
        Err(Stop::Failed(error)) => unwind::after(inner, job, error).await,
    }
}

pub(in crate::operations) async fn forward(inner: &Inner, job: &mut Job) -> Result<(), Stop> {
    let kind = job.operation.kind();
    loop {
        if job.operation.past_return(job.cursor) {
            job.live.cancel.refuse();
        }
        if let Some(step) = job.operation.step(job.cursor).filter(|step| step.outside) {
            match outside(inner, job, Direction::Run, job.cursor).await {
                Err(error) if !job.operation.is_essential(step.name) => job.leave(step.name, error)?,
                done => done?,
            }
            job.cursor += 1;
        }
        let lease = Some((job.id, job.owner.as_str(), &job.live.cancel));
        let (mut write, next) = control_batch(inner, &mut job.operation, job.cursor, lease).await?;
        // Commit before removing the scratch directory: until the commit, a worker that takes over may need the
        // directory. Mark the operation as done only afterwards, so that a done operation leaves nothing behind.
        let (context, finished) = (inner.of(job), job.operation.step(next).is_none());
        let over = finished && !context.has_scratch();
        if finished {
            inner.faults.pass(kind, "end", "before").await?;
        }
        let state = if over { State::Done } else { State::Running };
        journal::save(&mut write, job, &*job.operation, next, state).await?;
        write.commit_unaudited().await?;
        job.cursor = next;
        if over {
            return Ok(inner.faults.pass(kind, "end", "after").await?);
        }
        if finished {
            context.clean();
            inner.faults.pass(kind, "end", "inside").await?;
        }
    }
}

/// Runs the control steps from `from` up to the next outside step in one new transaction, which the caller commits. The
/// operation's state changes only if all steps succeed.
async fn control_batch(
    inner: &Inner,
    operation: &mut Box<dyn AnyOperation>,
    from: usize,
    lease: Option<(i64, &str, &Cancel)>,
) -> Result<(Write, usize), Stop> {
    let kind = operation.kind();
    loop {
        let mut write = inner.context.control.begin().await?;
        if let Some((id, owner, cancel)) = lease {
            journal::hold(&mut write, id, owner, cancel).await?;
        }
        let mut draft = operation.draft();
        let mut next = from;
        let mut again = false;
        while let Some(StepInfo { name, outside: false, .. }) = draft.step(next) {
            let work = async {
                inner.faults.pass(kind, name, "before").await?;
                draft.control(Direction::Run, next, &mut write).await?;
                inner.faults.pass(kind, name, "after").await
            };
            caught(work).await?;
            again |= inner.faults.repeats(kind, name, "run");
            next += 1;
        }
        if !again {
            *operation = draft;
            return Ok((write, next));
        }
    }
}
