//! Passes the writes of a place on a server to its transactions.
//!
//! Such a place commits one transaction after the other. To save time, small writes that wait at the same time share a
//! transaction: sessions put them into the queue of the place, and a task takes them out in groups. The task exists as
//! long as a write waits. Dropping a caller's future cancels no write, because the task does not belong to the caller.

use super::{
    Queue, Request, SMALL_CHANGES, Waiting, WriteCondition, WriteOptions, Written,
    group::{self, Trouble, Write},
};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    query::Change,
    schema::{Confinement, Known, Schema},
};
use std::{borrow::Cow, sync::Arc, time::Instant};
use tokio::sync::oneshot;

/// A place on a server, and how the server's engine runs transactions there.
pub(crate) trait Writer: Clone + Send + Sync + 'static {
    /// Returns the place.
    fn place(&self) -> &Place;

    /// Returns the small writes that wait for the place.
    fn queue(&self) -> &Queue;

    /// Applies all writes in one transaction. Returns the rows that each of them has written, in order.
    fn transact(
        &self,
        writes: &[Write<'_>],
    ) -> impl Future<Output = Result<Vec<Vec<Written>>, Trouble>> + Send;

    /// Determines why a transaction found the place in another state than the verified one. Returns the position of the
    /// ledger if the place is in order now.
    ///
    /// # Errors
    /// Returns the precise reason.
    fn why(&self, known: &Known) -> impl Future<Output = Result<i64>> + Send;
}

/// Applies all changes or none. Errors that concern one change carry its index.
///
/// # Errors
/// Returns the errors of [`crate::engine::Session::write`].
pub(crate) async fn submit<W: Writer>(
    writer: &W,
    schema: &Arc<Schema>,
    changes: Cow<'_, [Change]>,
    options: &WriteOptions,
    condition: Option<WriteCondition>,
) -> Result<Vec<Written>> {
    let (answer, told) = oneshot::channel();
    let request = Request {
        schema: schema.clone(),
        who: Confinement::of(writer.place()),
        changes: changes.into_owned(),
        options: options.clone(),
        condition,
    };
    match request.changes.len() {
        0 => return Ok(vec![]),
        1..=SMALL_CHANGES => {
            if writer.queue().push(Waiting { request, answer, until: Instant::now() }) {
                tokio::spawn(serve(Service { writer: writer.clone(), over: false }));
            }
        }
        _ => {
            let writer = writer.clone();
            tokio::spawn(async move {
                let done = group::run(&writer, &[&request]).await.pop();
                drop(request);
                drop(answer.send(done.unwrap_or_else(|| Err(Error::new(Kind::Internal, "no outcome")))));
            });
        }
    }
    told.await.map_err(|error| Error::with_source(Kind::Internal, "the writer ended", error))?
}

/// The task that serves the queue of a place.
struct Service<W: Writer> {
    writer: W,
    over: bool,
}

impl<W: Writer> Drop for Service<W> {
    fn drop(&mut self) {
        if !self.over {
            self.writer.queue().abandon();
        }
    }
}

async fn serve<W: Writer>(mut service: Service<W>) {
    while !service.over {
        // Let every ready task run first, so that its write can join the group.
        tokio::task::yield_now().await;
        let waiting = service.writer.queue().next();
        let requests: Vec<&Request> = waiting.iter().map(|waiting| &waiting.request).collect();
        let outcomes = group::run(&service.writer, &requests).await;
        service.over = service.writer.queue().is_over();
        for (Waiting { request, answer, .. }, done) in waiting.into_iter().zip(outcomes) {
            // Drop the values of the write before answering. Ignore callers that are gone.
            drop(request);
            drop(answer.send(done));
        }
    }
}
