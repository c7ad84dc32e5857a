//! Changes to records: validated, then applied all or none in one transaction, together with the fence, the quota and the
//! activity log.
//!
//! Every write changes the document of its place first, so a tenant's writes are committed one after the other, and what a
//! write reads in its transaction stays true until it commits: references, unique values and limits are checked so. Small
//! writes that wait at the same time share a transaction: sessions queue them, and a task that lives as long as one waits
//! takes them out in groups. Dropping a caller's future cancels no write, because the task does not belong to the caller.

mod changes;
mod documents;
mod end;
mod group;
mod outcome;
mod references;
mod transaction;

pub(crate) use transaction::fenced;

use crate::{
    error::{Error, Kind, Result},
    mongo::{opened::Opened, server::Server},
    query::Change,
    schema::{Confinement, Schema},
    write::{Request, SMALL_CHANGES, Waiting, WriteCondition, WriteOptions, Written},
};
use std::{borrow::Cow, sync::Arc, time::Instant};
use tokio::sync::oneshot;

/// Applies all changes or none. Errors that concern one change carry its index.
///
/// # Errors
/// Those of [`crate::engine::Session::write`].
pub(crate) async fn write(
    server: &Server,
    place: &Arc<Opened>,
    schema: &Arc<Schema>,
    changes: Cow<'_, [Change]>,
    options: &WriteOptions,
    condition: Option<WriteCondition>,
) -> Result<Vec<Written>> {
    let (answer, told) = oneshot::channel();
    let of = &place.site.place;
    let who = Confinement {
        isolation: of.isolation,
        tenant: place.site.tenant,
        generation: of.generation,
        ledger: 0,
    };
    let request = Request {
        schema: schema.clone(),
        who,
        changes: changes.into_owned(),
        options: options.clone(),
        condition,
    };
    match request.changes.len() {
        0 => return Ok(vec![]),
        1..=SMALL_CHANGES => {
            if place.queue.push(Waiting { request, answer, until: Instant::now() }) {
                let service = Service { server: server.clone(), place: place.clone(), over: false };
                tokio::spawn(serve(service));
            }
        }
        _ => {
            let (server, place) = (server.clone(), place.clone());
            tokio::spawn(async move {
                let done = group::run(&server, &place, &[&request]).await.pop();
                drop(request);
                drop(answer.send(done.unwrap_or_else(|| Err(Error::new(Kind::Internal, "no outcome")))));
            });
        }
    }
    told.await.map_err(|error| Error::with_source(Kind::Internal, "the writer ended", error))?
}

/// The task that serves the queue of a place.
struct Service {
    server: Server,
    place: Arc<Opened>,
    over: bool,
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.over {
            self.place.queue.abandon();
        }
    }
}

async fn serve(mut service: Service) {
    while !service.over {
        // Every task that is ready runs first and may join the group.
        tokio::task::yield_now().await;
        let waiting = service.place.queue.next();
        let requests: Vec<&Request> = waiting.iter().map(|waiting| &waiting.request).collect();
        let outcomes = group::run(&service.server, &service.place, &requests).await;
        service.over = service.place.queue.is_over();
        for (Waiting { request, answer, .. }, done) in waiting.into_iter().zip(outcomes) {
            // The write's values are dropped first. Callers that went away are skipped.
            drop(request);
            drop(answer.send(done));
        }
    }
}
