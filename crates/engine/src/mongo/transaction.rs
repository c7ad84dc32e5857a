//! Transactions on a deployment. A transaction reads one consistent state. Its writes are stored on a majority of the
//! servers, all or none.

use super::{
    error::{Driven, is_transient, within},
    server::{GRACE, Server},
};
use crate::error::{Error, Kind, Result};
use mongodb::{
    ClientSession,
    error::{Error as DriverError, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{Acknowledgment, ReadConcern, WriteConcern},
};
use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Maximum time for repeating a commit that was not answered.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// Pause before a commit is repeated, and upper limit for the growing pause of [`Patience`].
const PAUSE: Duration = Duration::from_millis(50);

/// A transaction. Dropping it rolls it back.
pub(super) struct Transaction {
    pub(super) session: ClientSession,
    limit: Duration,
}

/// Reason why a transaction was not committed.
pub(super) enum NotCommitted {
    /// The transaction was rolled back, and may succeed when it is run again.
    Transient(DriverError),
    /// The transaction was rolled back.
    Failed(Error),
    /// The commit was not answered. The transaction is stored completely or not at all.
    InDoubt(Error),
}

impl From<NotCommitted> for Error {
    fn from(why: NotCommitted) -> Self {
        match why {
            NotCommitted::Transient(error) => error.into(),
            NotCommitted::Failed(error) | NotCommitted::InDoubt(error) => error,
        }
    }
}

impl Server {
    /// Begins a transaction. Its first statement determines the state that it reads.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the deployment does not answer.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        let mut session = self.client().await?.start_session().await?;
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).build())
            .await?;
        Ok(Transaction { session, limit: self.read_deadline + GRACE })
    }
}

impl Transaction {
    /// Commits. The driver and this function repeat the same commit until it is answered, which stores nothing twice.
    ///
    /// # Errors
    /// Returns whether the transaction may be run again, has failed, or is in doubt.
    pub(super) async fn commit(mut self) -> Result<(), NotCommitted> {
        let until = Instant::now() + COMMIT_WAIT;
        loop {
            match within(self.limit, async { self.session.commit_transaction().await }).await {
                Ok(()) => return Ok(()),
                Err(error) if is_transient(&error) => return Err(NotCommitted::Transient(error)),
                Err(error) if is_unknown(&error) && Instant::now() < until => sleep(PAUSE).await,
                Err(error) if is_unknown(&error) => {
                    let detail = "the commit was not answered";
                    return Err(NotCommitted::InDoubt(Error::with_source(Kind::InDoubt, detail, error)));
                }
                Err(error) => return Err(NotCommitted::Failed(error.into())),
            }
        }
    }

    /// Rolls back and waits for the answer, so that the documents are unlocked afterwards.
    pub(super) async fn roll_back(mut self) {
        // If the rollback fails, the server ends the transaction by itself.
        drop(within(self.limit, async { self.session.abort_transaction().await }).await);
    }
}

/// Returns true if the outcome of a commit is unknown.
fn is_unknown(error: &DriverError) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
        || *Error::from(error.clone()).kind() == Kind::Unreachable
}

/// Limit and pauses for repeating a transaction that conflicted with another one.
pub(super) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    /// Starts the time limit `wait`.
    pub(super) fn of(wait: Duration) -> Self {
        Self { until: Instant::now() + wait, pause: Duration::from_millis(1) }
    }

    /// Waits before the next attempt. The pause grows with each attempt and is random, so that waiting callers do not
    /// retry in step.
    ///
    /// # Errors
    /// Returns the error of the last attempt if no time is left, with the kind `Busy` unless it is `Unreachable`.
    pub(super) async fn wait(&mut self, error: DriverError) -> Result<()> {
        if Instant::now() + self.pause > self.until {
            let error = Error::from(error);
            let kind = match error.kind() {
                Kind::Unreachable => Kind::Unreachable,
                _ => Kind::Busy,
            };
            return Err(error.with_kind(kind));
        }
        let random = RandomState::new().hash_one(0_u8) % 1000;
        sleep(self.pause / 2 + self.pause * u32::try_from(random).unwrap_or_default() / 1000).await;
        self.pause = (self.pause * 2).min(PAUSE);
        Ok(())
    }
}

/// Returns the result of a statement. An error states whether the transaction may be run again.
pub(super) fn again<T>(answer: Driven<T>) -> Result<T, NotCommitted> {
    answer.map_err(|error| match is_transient(&error) {
        true => NotCommitted::Transient(error),
        false => NotCommitted::Failed(error.into()),
    })
}
