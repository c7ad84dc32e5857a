//! Runs one transaction with the changes of one or more writes. The transaction locks the document of the place,
//! applies the changes, writes what follows from them, and commits.

use super::{changes::Changes, end};
use crate::{
    error::{Error, Kind, Result},
    mongo::{
        cells::whole,
        opened::Opened,
        place_state::at,
        server::Server,
        tables::PLACES,
        transaction::{NotCommitted, Patience, Transaction, again},
    },
    write::{Doubt, Effects, Trouble, Write, WriteCondition, Written},
};
use mongodb::{
    ClientSession, Database,
    bson::{Document, doc},
    error::Error as DriverError,
    options::ReturnDocument,
};
use std::{collections::BTreeMap, time::Duration};

/// Maximum time that a write waits for a writer in another process.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Reason why an attempt to run a transaction failed.
pub(super) enum Ended {
    For(Trouble),
    /// The attempt conflicted with another transaction, or the primary changed. Nothing was stored, and the attempt may
    /// be repeated.
    Again(DriverError),
}

impl From<NotCommitted> for Ended {
    fn from(why: NotCommitted) -> Self {
        match why {
            NotCommitted::Transient(error) => Self::Again(error),
            NotCommitted::Failed(error) | NotCommitted::InDoubt(error) => Self::For(Trouble::All(error)),
        }
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::For(Trouble::All(error))
    }
}

/// The counters in the document of a place, the last numbers that it assigned, and whether it records changes.
pub(super) struct Held {
    pub(super) records: bool,
    pub(super) rows: i64,
    pub(super) bytes: i64,
    pub(super) ledger: Option<i64>,
    /// Last integer id of each model.
    pub(super) last: BTreeMap<String, i64>,
    /// Last number of the activity log.
    pub(super) lines: i64,
    /// Last number of the recorded changes.
    pub(super) noted: i64,
}

impl Held {
    fn read(place: &Document) -> Self {
        let number = |name: &str| place.get(name).and_then(whole);
        let last = place.get_document("last").into_iter().flatten();
        Self {
            records: number("recorder").is_some(),
            rows: number("rows").unwrap_or_default(),
            bytes: number("bytes").unwrap_or_default(),
            ledger: number("ledger"),
            last: last.filter_map(|(model, last)| Some((model.clone(), whole(last)?))).collect(),
            lines: number("lines").unwrap_or_default(),
            noted: number("noted").unwrap_or_default(),
        }
    }
}

/// A transaction on the database of a place.
pub(super) struct Work<'s> {
    server: &'s Server,
    pub(super) database: Database,
    pub(super) transaction: Transaction,
}

impl<'s> Work<'s> {
    /// Returns the server, which waits for answers, and the session of the transaction.
    pub(super) fn parts(&mut self) -> (&'s Server, &mut ClientSession) {
        (self.server, &mut self.transaction.session)
    }
}

/// Returns the error for a place that is fenced, or not here at this generation.
pub(crate) fn fenced() -> Error {
    Error::new(Kind::Fenced, "the place is fenced or of another generation")
}

/// Runs the writes and returns the rows that each of them has written, in order.
pub(crate) async fn run(
    server: &Server,
    place: &Opened,
    writes: &[Write<'_>],
) -> Result<Vec<Vec<Written>>, Trouble> {
    let mut patience = Patience::of(LOCK_WAIT);
    loop {
        match attempt(server, place, writes).await {
            Ok(written) => return Ok(written),
            Err(Ended::For(trouble)) => return Err(trouble),
            Err(Ended::Again(error)) => patience.wait(error).await.map_err(Trouble::All)?,
        }
    }
}

async fn attempt(server: &Server, place: &Opened, writes: &[Write<'_>]) -> Result<Vec<Vec<Written>>, Ended> {
    let database = server.database(&place.site.database).await?;
    let mut work = Work { server, database, transaction: server.begin().await? };
    match make(&mut work, place, writes).await {
        Ok(effects) if writes.iter().any(|write| write.request.options.dry_run) => {
            work.transaction.roll_back().await;
            Ok(effects.written)
        }
        Ok(effects) => match work.transaction.commit().await {
            Ok(()) => Ok(effects.written),
            Err(NotCommitted::InDoubt(error)) => {
                let doubts = writes.iter().zip(&effects.written);
                let doubts = doubts.map(|(write, written)| Doubt::of(&write.request.changes, written, None));
                Err(Ended::For(Trouble::InDoubt(error.into(), doubts.collect())))
            }
            Err(why) => Err(why.into()),
        },
        Err(ended) => {
            work.transaction.roll_back().await;
            Err(ended)
        }
    }
}

/// Applies the changes of all writes, and writes what follows from them.
async fn make<'w>(
    work: &mut Work<'_>,
    place: &Opened,
    writes: &'w [Write<'w>],
) -> Result<Effects<'w>, Ended> {
    let mut held = lock(work, place).await?.ok_or_else(|| Ended::For(Trouble::Gone(fenced())))?;
    let is_old = |write: &Write<'_>| {
        held.ledger.is_none() || place.verified.position(write.request.schema.known()) != held.ledger
    };
    if let Some(at) = writes.iter().position(is_old) {
        return Err(Ended::For(Trouble::Outdated(at)));
    }
    let now = jiff::Timestamp::now();
    let now = jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    let effects = Changes::new(work, place, writes, &mut held, now).run().await?;
    effects.judge((held.rows, held.bytes)).map_err(Ended::For)?;
    for (at, write) in writes.iter().enumerate() {
        WriteCondition::check(write.request.condition.as_ref())
            .map_err(|error| Ended::For(Trouble::Refused(at, error.into())))?;
    }
    if writes.iter().all(|write| !write.request.options.dry_run) {
        end::run(work, place, writes, (&effects, &held), now).await?;
    }
    Ok(effects)
}

/// Locks the place by changing its document: no other write of the place commits until this transaction has ended.
/// Returns `None` if the place is not open at this generation.
async fn lock(work: &mut Work<'_>, place: &Opened) -> Result<Option<Held>, Ended> {
    let mut open = at(&place.site);
    open.insert("state", "open");
    let places = work.database.collection::<Document>(PLACES);
    let turn = doc! { "$inc": { "turn": 1_i64 } };
    let (server, session) = work.parts();
    let locked = async {
        places.find_one_and_update(open, turn).return_document(ReturnDocument::After).session(session).await
    };
    let found = server.answer(locked).await;
    Ok(again(found)?.as_ref().map(Held::read))
}
