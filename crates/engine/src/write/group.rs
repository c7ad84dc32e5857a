//! Runs the writes of several callers in one transaction on a server. Each write succeeds or fails on its own.
//!
//! Callers do not notice: if a write is refused, the transaction is rolled back and runs again without it.

use super::{Doubt, Ready, Request, Written, prepare, submit::Writer};
use crate::error::{Error, Kind, Result};

/// Maximum number of attempts of a write, which is repeated if a migration was applied in the meantime.
const ATTEMPTS: usize = 4;

/// A write whose changes are valid.
pub(crate) struct Write<'a> {
    pub(crate) request: &'a Request,
    pub(crate) changes: Vec<Ready<'a>>,
}

/// Reason why a transaction was not committed.
pub(crate) enum Trouble {
    /// The error concerns all writes of the transaction.
    All(Error),
    /// The place is fenced or gone. If a later check finds the place in order, this error concerns all writes.
    Gone(Error),
    /// This write was refused.
    Refused(usize, Box<Error>),
    /// The ledger has changed since the schema of this write was verified.
    Outdated(usize),
    /// The commit was not answered. For each write, contains the doubt that later determines whether it was stored.
    InDoubt(Box<Error>, Vec<Option<Doubt>>),
}

/// Runs all requests and returns their outcomes, in their order.
pub(super) async fn run<W: Writer>(writer: &W, requests: &[&Request]) -> Vec<Result<Vec<Written>>> {
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
        match writer.transact(&writes).await {
            Ok(written) => {
                places.into_iter().zip(written).for_each(|(at, written)| outcomes[at] = Some(Ok(written)));
                shared = vec![];
            }
            Err(trouble @ (Trouble::All(_) | Trouble::Gone(_))) => {
                let error = explain(writer, &writes[0], trouble).await;
                places.into_iter().for_each(|at| outcomes[at] = Some(Err(again(&error))));
                shared = vec![];
            }
            Err(Trouble::InDoubt(error, doubts)) => {
                let each = places.into_iter().zip(doubts);
                each.for_each(|(at, doubt)| outcomes[at] = Some(Err(again(&error).with_doubt(doubt))));
                shared = vec![];
            }
            // A write before it may be the reason for the refusal, so run it again in its own transaction.
            Err(Trouble::Refused(index, _) | Trouble::Outdated(index)) => {
                shared = places.into_iter().zip(writes).collect();
                alone.push(shared.remove(index));
            }
        }
    }
    alone.append(&mut shared);
    alone.sort_by_key(|(at, _)| *at);
    for (at, write) in alone {
        outcomes[at] = Some(one(writer, write).await);
    }
    let lost = || Err(Error::new(Kind::Internal, "a write without an outcome"));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect()
}

/// Runs one write in its own transaction.
async fn one<W: Writer>(writer: &W, write: Write<'_>) -> Result<Vec<Written>> {
    let writes = [write];
    for _ in 0..ATTEMPTS {
        match writer.transact(&writes).await {
            Ok(mut written) => return Ok(written.pop().unwrap_or_default()),
            Err(Trouble::Outdated(_)) => {
                writer.why(writes[0].request.schema.known()).await?;
            }
            Err(trouble) => return Err(explain(writer, &writes[0], trouble).await),
        }
    }
    Err(is_migrated(writer))
}

/// Returns the error of a transaction. If the place was fenced or gone, determines the precise reason.
async fn explain<W: Writer>(writer: &W, write: &Write<'_>, trouble: Trouble) -> Error {
    match trouble {
        Trouble::All(error) => error,
        Trouble::Refused(_, error) => *error,
        Trouble::InDoubt(error, mut doubts) => error.with_doubt(doubts.pop().flatten()),
        Trouble::Gone(error) => writer.why(write.request.schema.known()).await.err().unwrap_or(error),
        Trouble::Outdated(_) => is_migrated(writer),
    }
}

fn is_migrated<W: Writer>(writer: &W) -> Error {
    Error::new(Kind::Busy, format!("{} is being migrated", writer.place()))
}

/// Copies an error that concerns every write of the group.
fn again(error: &Error) -> Error {
    Error::new(error.kind().clone(), error.to_string())
}
