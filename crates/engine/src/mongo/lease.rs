//! Leases of reads: how long a read may rely on an earlier check of the document of its place.
//!
//! Every answer of a replica set has its *operation time*: the second and the number of the newest operation that the
//! answer can show. A check grants a lease of the second in which it was made. A later read needs no check if its own
//! answer is of the same second. A change of a place after which leased reads would be wrong waits until a later second
//! has begun, before it touches the documents that they read ([`Server::outlast_leases`]). No clock of a client takes
//! part: if a process stands still, its answers are of the second in which the server gave them.

use super::{server::Server, site::Site, tables::META};
use crate::error::{Error, Kind, Result};
use mongodb::bson::{Document, Timestamp, doc};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Maximum time to wait for the next second of operation times. If the clock of a primary is behind that of an earlier
/// one, their second lasts longer.
const NEXT_SECOND: Duration = Duration::from_secs(20);
/// Pause between two attempts to reach the next second.
const PAUSE: Duration = Duration::from_millis(20);

/// What a check of a place found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lease {
    /// Position of the ledger.
    position: i64,
    /// Operation time of the answer.
    from: Timestamp,
}

impl Lease {
    /// Returns the lease of a check that found the ledger at this position. `before` is an operation time that the
    /// deployment had reached when the check began, `from` the operation time of its answer. Returns `None` if a second
    /// began meanwhile: the place may have changed in the earlier one.
    pub(super) fn of_check(position: i64, before: Timestamp, from: Timestamp) -> Option<Self> {
        (before.time == from.time).then_some(Self { position, from })
    }

    /// Returns true if what the check found holds for everything in an answer with this operation time. The answer is to
    /// a read that began after that of the check had arrived. An answer of an earlier primary may be older than the check.
    pub(super) fn covers(self, answer: Timestamp) -> bool {
        answer.time == self.from.time && answer >= self.from
    }
}

/// The lease of a place that this process renewed last, if any.
#[derive(Debug, Default)]
pub(super) struct Leased(Mutex<Option<Lease>>);

impl Leased {
    /// Returns the lease if it is for this position, and nothing newer than it allows is known of the deployment.
    pub(super) fn get(&self, position: i64, newest: &Newest) -> Option<Lease> {
        let lease = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        (lease.position == position && newest.get()?.time == lease.from.time).then_some(lease)
    }

    pub(super) fn set(&self, lease: Option<Lease>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }
}

/// The newest operation time that a deployment has answered with; zero before the first answer.
#[derive(Debug, Default)]
pub(super) struct Newest(AtomicU64);

impl Newest {
    /// Returns the operation time; `None` before the first answer.
    pub(super) fn get(&self) -> Option<Timestamp> {
        let newest = self.0.load(Relaxed);
        let part = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
        let time = Timestamp { time: part(newest >> 32), increment: part(newest) };
        (newest > 0).then_some(time)
    }

    /// Records the operation time of an answer.
    pub(super) fn saw(&self, time: Timestamp) {
        self.0.fetch_max(u64::from(time.time) << 32 | u64::from(time.increment), Relaxed);
    }
}

impl Server {
    /// Waits until no read relies any more on a check that was made before this call: at most a second, as long as the
    /// clocks of the servers agree. Call it after the change that makes checks fail, and before changing the documents
    /// of the place. `collection` is the one in which the database has its version.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if the operation times do not advance, and the errors of the deployment.
    pub(super) async fn outlast_leases(&self, site: &Site, collection: &str) -> Result<()> {
        if !self.grants_leases() {
            return Ok(());
        }
        let until = Instant::now() + NEXT_SECOND;
        let Some(began) = self.written_at(site, collection).await? else { return Ok(()) };
        let now = jiff::Timestamp::now().as_millisecond().rem_euclid(1000);
        sleep(Duration::from_millis(1002 - now.unsigned_abs())).await;
        while let Some(now) = self.written_at(site, collection).await? {
            if now.time > began.time {
                return Ok(());
            }
            if Instant::now() > until {
                let detail =
                    format!("{site}: the clock of the primary is behind the deployment's operation time");
                return Err(Error::new(Kind::Busy, detail));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Writes to the document with the version of a database, and returns the operation time of the write. Returns
    /// `None` if there is no such document: then the database is gone, and every read there is empty.
    async fn written_at(&self, site: &Site, collection: &str) -> Result<Option<Timestamp>> {
        let mut session = self.client().await?.start_session().await?;
        let places = self.database(&site.database).await?.collection::<Document>(collection);
        let (own, turn) = (doc! { "_id": META }, doc! { "$inc": { "turn": 1_i64 } });
        let written = async { places.update_one(own, turn).session(&mut session).await };
        let written = self.answer(written).await?;
        Ok(session.operation_time().filter(|_| written.matched_count > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: u32, increment: u32) -> Timestamp {
        Timestamp { time, increment }
    }

    #[test]
    fn a_lease_covers_the_rest_of_its_second() {
        let lease = Lease::of_check(3, at(100, 2), at(100, 7)).unwrap();
        assert!(lease.covers(at(100, 7)) && lease.covers(at(100, u32::MAX)));
        assert!(!lease.covers(at(101, 0)) && !lease.covers(at(100, 6)) && !lease.covers(at(99, 9)));
        assert_eq!(Lease::of_check(3, at(99, 2), at(100, 7)), None);
    }

    #[test]
    fn a_lease_is_for_one_position_and_ends_with_its_second() {
        let (leased, newest) = (Leased::default(), Newest::default());
        let lease = Lease::of_check(3, at(100, 2), at(100, 7));
        leased.set(lease);
        newest.saw(at(100, 9));
        assert_eq!((leased.get(3, &newest), leased.get(2, &newest)), (lease, None));
        newest.saw(at(101, 1));
        assert_eq!(leased.get(3, &newest), None);
    }

    #[test]
    fn the_newest_time_never_goes_back() {
        let newest = Newest::default();
        assert_eq!(newest.get(), None);
        for time in [at(5, 9), at(4, u32::MAX), at(5, 2)] {
            newest.saw(time);
            assert_eq!(newest.get(), Some(at(5, 9)));
        }
        newest.saw(at(5, 10));
        assert_eq!(newest.get(), Some(at(5, 10)));
    }
}
