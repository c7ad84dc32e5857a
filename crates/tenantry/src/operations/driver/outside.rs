//! Runs one outside step, or its undo, while the lease is renewed. Called in both directions of an operation.

use super::heartbeat::{HEARTBEAT, Heartbeat};
use crate::{
    Error,
    error::caught::caught,
    operations::{
        Inner, Operation, Step,
        journal::{Job, Stop},
    },
};
use std::pin::pin;

/// Direction in which an outside step runs.
#[derive(Clone, Copy)]
pub(in crate::operations) enum Direction {
    /// The action.
    Run,
    /// Its undo.
    Undo,
}

/// Runs the outside step at `index` and renews the lease while it runs. A panic in it is a failure like any other.
pub(in crate::operations) async fn outside<O: Operation>(
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
    let times = 1 + usize::from(inner.faults.repeats(O::KIND, name, repeat));
    let context = inner.of(job);
    for _ in 0..times {
        let work = async {
            inner.faults.pass(O::KIND, name, before).await?;
            action(&context, &mut job.operation).await
        };
        let mut work = pin!(caught(work));
        let mut heartbeat = Heartbeat::new(inner, job.id, &job.owner, &job.live);
        loop {
            match tokio::time::timeout(HEARTBEAT, work.as_mut()).await {
                Ok(result) => break result?,
                Err(_) => heartbeat.tick().await?,
            }
        }
    }
    job.live.progress.put(None);
    Ok(inner.faults.pass(O::KIND, name, after).await?)
}
