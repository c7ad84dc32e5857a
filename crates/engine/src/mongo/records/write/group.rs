//! Runs several callers' writes in one transaction, each of which succeeds or fails on its own.
//!
//! Callers do not notice: if a write is refused, the transaction is rolled back and runs again without it.

use super::transaction::{self, Trouble};
use crate::{
    error::{Error, Kind, Result},
    mongo::{opened::Opened, server::Server},
    write::{Ready, Request, Written, prepare},
};

/// How often a write looks at the ledger again because a migration was applied meanwhile.
const ATTEMPTS: usize = 4;

/// A write whose changes are valid.
pub(super) struct Write<'a> {
    pub(super) request: &'a Request,
    pub(super) changes: Vec<Ready<'a>>,
}

/// Runs all requests and returns their outcomes, in their order.
pub(super) async fn run(server: &Server, place: &Opened, requests: &[&Request]) -> Vec<Result<Vec<Written>>> {
    let mut outcomes: Vec<Option<Result<Vec<Written>>>> = requests.iter().map(|_| None).collect();
    let (mut shared, mut alone) = (vec![], vec![]);
    for (at, request) in requests.iter().enumerate() {
        match prepare::all(&request.schema, &request.changes) {
            Err(error) => outcomes[at] = Some(Err(error)),
            Ok(changes) if request.options.dry_run => alone.push((at, Write { request, changes })),
            Ok(changes) => shared.push((at, Write { request, changes })),
        }
    }
    while shared.len() > 1 {
        let (places, writes): (Vec<_>, Vec<_>) = shared.into_iter().unzip();
        match transaction::run(server, place, &writes).await {
            Ok(written) => {
                places.into_iter().zip(written).for_each(|(at, written)| outcomes[at] = Some(Ok(written)));
                shared = vec![];
            }
            Err(Trouble::All(error)) => {
                places.into_iter().for_each(|at| outcomes[at] = Some(Err(again(&error))));
                shared = vec![];
            }
            Err(Trouble::InDoubt(error, doubts)) => {
                let each = places.into_iter().zip(doubts);
                each.for_each(|(at, doubt)| outcomes[at] = Some(Err(again(&error).with_doubt(doubt))));
                shared = vec![];
            }
            // What it is refused for may be of a write before it, so its own transaction decides.
            Err(Trouble::Refused(index, _) | Trouble::Outdated(index)) => {
                shared = places.into_iter().zip(writes).collect();
                alone.push(shared.remove(index));
            }
            // Each finds out for itself whether the place is there.
            Err(Trouble::NotOpen) => {
                alone.extend(places.into_iter().zip(writes));
                shared = vec![];
            }
        }
    }
    alone.append(&mut shared);
    alone.sort_by_key(|(at, _)| *at);
    for (at, write) in alone {
        outcomes[at] = Some(one(server, place, write).await);
    }
    let lost = || Err(Error::new(Kind::Internal, "a write without an outcome"));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect()
}

/// Runs one write in its own transaction.
async fn one(server: &Server, place: &Opened, write: Write<'_>) -> Result<Vec<Written>> {
    let writes = [write];
    let known = writes[0].request.schema.known();
    for _ in 0..ATTEMPTS {
        match transaction::run(server, place, &writes).await {
            Ok(mut written) => return Ok(written.pop().unwrap_or_default()),
            Err(Trouble::Outdated(_)) => {
                server.why(place, known).await?;
            }
            Err(Trouble::NotOpen) => {
                server.why(place, known).await?;
                return Err(transaction::fenced());
            }
            Err(Trouble::All(error)) => return Err(error),
            Err(Trouble::Refused(_, error)) => return Err(*error),
            Err(Trouble::InDoubt(error, mut doubts)) => {
                return Err(error.with_doubt(doubts.pop().flatten()));
            }
        }
    }
    Err(Error::new(Kind::Busy, format!("{} is being migrated", place.site)))
}

/// Copies an error that concerns every write of the group.
fn again(error: &Error) -> Error {
    Error::new(error.kind().clone(), error.to_string())
}
