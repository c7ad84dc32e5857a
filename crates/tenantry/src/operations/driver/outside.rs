//! Runs one outside step, or its undo, and renews the lease meanwhile. Used in both directions of an operation.

use super::heartbeat::{HEARTBEAT, Heartbeat};
use crate::{
    Error,
    error::caught::caught,
    operations::{
        Inner,
        journal::{Job, Stop},
        step::Direction,
    },
};
use std::pin::pin;

/// Runs the outside step at `index`, and renews the lease while it runs. A panic in the step counts as a failure.
pub(in crate::operations) async fn outside(
    inner: &Inner,
    job: &mut Job,
    direction: Direction,
    index: usize,
) -> Result<(), Stop> {
    let kind = job.operation.kind();
    let Some(name) = job.operation.step(index).map(|step| step.name) else {
        return Err(Error::Internal(format!("{kind} has no step {index}")).into());
    };
    let (before, after, repeat) = match direction {
        Direction::Run => ("before", "after", "run"),
        Direction::Undo => ("undo-before", "undo-after", "undo"),
    };
    let times = 1 + usize::from(inner.faults.repeats(kind, name, repeat));
    let context = inner.of(job);
    for _ in 0..times {
        let work = async {
            inner.faults.pass(kind, name, before).await?;
            job.operation.outside(direction, index, &context).await
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
    Ok(inner.faults.pass(kind, name, after).await?)
}
