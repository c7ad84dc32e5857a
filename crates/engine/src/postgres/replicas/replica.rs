//! One replica: how much of the primary's log it has replayed, and the reads that it answers.

use super::{
    Latest, Moment, ReplicaReport, ReplicaStanding,
    samples::{History, Samples},
};
use crate::{
    error::{Error, Kind, Result},
    name::ServerName,
    position::LogPosition,
    postgres::{
        connections::{Answers, Call, Connections, Lease},
        opened::Opened,
    },
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Query for the log of a standby and the position up to which it has replayed it. If a standby is on another timeline
/// than its primary, it has not replayed the checkpoint of that timeline yet, or never will.
const ASK: &str = "SELECT pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0')::bigint, \
    (SELECT system_identifier FROM pg_control_system()), (SELECT timeline_id FROM pg_control_checkpoint())";
/// Query after a read: whether the server was a standby until then.
const IS_STANDBY: &str = "SELECT pg_is_in_recovery()";

/// A replica.
#[derive(Debug)]
pub(crate) struct Replica {
    name: ServerName,
    connections: Connections,
    /// Moment until which the replica holds everything that was committed.
    held: Latest,
    known: Mutex<Known>,
    /// Wakes reads that wait for an answer when the server is away.
    lost: Notify,
    reads: AtomicU64,
    skipped: AtomicU64,
    awaited: AtomicU64,
    repeated: AtomicU64,
}

/// Content of the replica's last answer.
#[derive(Debug)]
struct Known {
    standing: ReplicaStanding,
    lag: Option<Duration>,
    /// Position up to which the replica has replayed the log of its primary.
    replayed: Option<LogPosition>,
}

impl Replica {
    pub(super) fn new(name: ServerName, connections: Connections) -> Self {
        Self {
            name,
            connections,
            held: Latest::default(),
            known: Mutex::new(Known { standing: ReplicaStanding::Unknown, lag: None, replayed: None }),
            lost: Notify::new(),
            reads: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            awaited: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
        }
    }

    /// Returns true if the replica holds everything that was committed until `moment`.
    pub(super) fn holds(&self, moment: Moment) -> bool {
        self.held.get() >= moment
    }

    /// Returns true if the replica has replayed the log up to this position.
    pub(super) fn has_replayed(&self, position: Option<LogPosition>) -> bool {
        position.is_none() || self.known().replayed >= position
    }

    /// Counts a read that did not use the replica. `is_fit` is true if the replica could have answered reads without a
    /// position.
    pub(super) fn skip(&self, is_fit: bool) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.awaited.fetch_add(is_fit.into(), Ordering::Relaxed);
    }

    /// Runs reads of a place, confined to it. Returns `None` if the primary must answer them.
    pub(crate) async fn read(&self, place: &Opened, calls: &[Call<'_>]) -> Option<Answers> {
        let answers = tokio::select! {
            biased;
            answers = self.answers(place, calls) => answers,
            () = self.lost.notified() => Err(Error::new(Kind::Unreachable, "the replica does not answer")),
        };
        let counter = if answers.is_ok() { &self.reads } else { &self.repeated };
        counter.fetch_add(1, Ordering::Relaxed);
        match answers {
            Ok(answers) => Some(answers),
            Err(error) => {
                if *error.kind() == Kind::Unreachable {
                    // Use it again only after it has answered.
                    self.held.clear();
                }
                tracing::debug!(%error, replica = %self.name, "the primary answers instead");
                None
            }
        }
    }

    async fn answers(&self, place: &Opened, calls: &[Call<'_>]) -> Result<Answers> {
        let standby = Call::again(IS_STANDBY, &[]);
        let calls: Vec<_> = calls.iter().copied().chain([standby]).collect();
        let mut lease = self.lease_to(place).await?;
        let mut answers = place.read(lease.connection()?, &calls).await?;
        let last = answers.pop().unwrap_or_default();
        match last.first().is_some_and(|row| row.get(0)) {
            true => Ok(answers),
            false => Err(Error::new(Kind::Unreachable, "the replica was promoted")),
        }
    }

    async fn lease_to(&self, place: &Opened) -> Result<Lease> {
        match &place.role {
            Some(role) => self.connections.lease_for(&place.site.database, role).await,
            None => self.connections.lease(&place.site.database).await,
        }
    }

    /// Asks the replica how much it holds, and records the answer.
    ///
    /// # Errors
    /// Returns the reason why the replica did not answer.
    pub(super) async fn ask(&self, home: &Arc<str>, samples: &Mutex<Samples>) -> Result<()> {
        let mut lease = self.connections.lease(home).await?;
        let rows = lease.connection()?.query(ASK, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::new(Kind::Internal, "no answer"))?;
        let history = History { cluster: row.get(2), timeline: row.get(3) };
        let at = row.get::<_, Option<i64>>(1);
        let (primary, held) = {
            let samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
            (samples.history(), at.and_then(|at| samples.held_at(at)))
        };
        let standing = match primary {
            _ if !row.get::<_, bool>(0) => ReplicaStanding::NotAStandby,
            None => return Ok(()),
            Some(primary) if primary != history => ReplicaStanding::Foreign,
            Some(_) => ReplicaStanding::Following,
        };
        match held.filter(|_| standing == ReplicaStanding::Following) {
            Some(held) => {
                self.held.raise(held);
                let replayed = at.map(|at| LogPosition { timeline: history.timeline, at });
                self.note(Known { standing, lag: Some(Moment::now().since(held)), replayed });
            }
            None => self.unfit(standing),
        }
        Ok(())
    }

    /// Records that the replica did not answer.
    pub(super) fn is_away(&self, error: &Error) {
        tracing::debug!(%error, replica = %self.name, "does not answer");
        self.unfit(ReplicaStanding::Away);
        self.lost.notify_waiters();
    }

    fn unfit(&self, standing: ReplicaStanding) {
        self.held.clear();
        self.note(Known { standing, lag: None, replayed: None });
    }

    fn note(&self, known: Known) {
        let standing = known.standing;
        let before = std::mem::replace(&mut *self.known(), known).standing;
        if before == standing {
            return;
        }
        let replica = &self.name;
        match standing {
            ReplicaStanding::Following => tracing::info!(%replica, "the replica follows its primary"),
            _ => tracing::warn!(%replica, ?standing, "reads pass the replica by"),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Describes the replica.
    pub(super) fn report(&self, server: &ServerName) -> ReplicaReport {
        let known = self.known();
        ReplicaReport {
            server: server.clone(),
            replica: self.name.clone(),
            standing: known.standing,
            lag: known.lag,
            reads: self.reads.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            awaited: self.awaited.load(Ordering::Relaxed),
            repeated: self.repeated.load(Ordering::Relaxed),
        }
    }
}
