//! The read replicas of a server: streaming standbys that serve reads which may be older than the newest commit.
//!
//! A read goes to a replica only if that is known to hold everything that was committed up to `lag` ago, and everything
//! that this process wrote to the place or found there (`known-schema`). What a replica holds is told in moments of this
//! process: while reads happen, a task asks the primary for its position in the log, and each replica for the position up
//! to which it has replayed it. A replica that has passed a position holds all that was committed when the primary was
//! asked for it. So no two clocks are compared, and a write needs nothing but the moment at which it was over.
//!
//! A caller whose write was done by another process brings the position in the log after it ([`crate::Position`]): then only a
//! replica that has replayed that position answers.
//!
//! Whatever goes wrong at a replica, the primary answers instead.

mod moment;
mod position;
mod replica;
mod samples;
mod watch;

use super::{
    connections::{Access, ConnectionLimits, Connections},
    opened::Opened,
};
use crate::{
    error::Result,
    name::ServerName,
    position::{LogPosition, Seal},
};
pub(crate) use moment::{Latest, Moment};
pub(super) use position::{POSITION, position};
pub(crate) use replica::Replica;
use samples::Samples;
use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::OnceCell;

/// The replicas of a server.
#[derive(Debug, Clone, Default)]
pub struct Replication {
    /// A replica is not used while it lacks commits that are older.
    pub lag: Duration,
    /// The replicas; none if the primary answers every read.
    pub replicas: Vec<ReplicaOptions>,
}

/// How to reach a replica. Its `Debug` form has no password.
#[derive(Clone)]
pub struct ReplicaOptions {
    /// What reports call it.
    pub name: ServerName,
    /// `postgresql://` URL with the role that owns everything. Reads choose the database.
    pub url: String,
    /// How many connections there may be.
    pub connections: ConnectionLimits,
}

impl fmt::Debug for ReplicaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, url: _, connections } = self;
        let mut out = f.debug_struct("ReplicaOptions");
        out.field("name", name).field("connections", connections).finish_non_exhaustive()
    }
}

/// What is known about a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplicaStanding {
    /// Nothing: no read asked for it yet.
    Unknown,
    /// It replays the log of the primary.
    Following,
    /// It did not answer when it was last asked.
    Away,
    /// It is no standby: it is a primary itself, perhaps since it was promoted.
    NotAStandby,
    /// It is a standby, but not of this primary: another cluster, or another timeline.
    Foreign,
}

/// A replica, for operators' reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplicaReport {
    /// The server that it is a replica of.
    pub server: ServerName,
    /// Its name there.
    pub replica: ServerName,
    /// What is known about it.
    pub standing: ReplicaStanding,
    /// How far it was behind when it was last asked; None if that is not known.
    pub lag: Option<Duration>,
    /// Reads that it answered.
    pub reads: u64,
    /// Reads that passed it by because it lacked too much or was away.
    pub skipped: u64,
    /// Those of them that another process's write had to be seen by: it had not replayed their position yet.
    pub awaited: u64,
    /// Reads that failed there, so that the primary answered them.
    pub repeated: u64,
}

/// The replicas of one server.
#[derive(Debug)]
pub(crate) struct Replicas {
    server: ServerName,
    home: Arc<str>,
    primary: Connections,
    lag: Duration,
    all: Vec<Replica>,
    /// Which replica is tried first.
    turn: AtomicUsize,
    samples: Mutex<Samples>,
    /// Seals positions that callers get, once the secret of the server is known.
    seal: OnceCell<Seal>,
    /// When a read last asked for a replica.
    wanted: Latest,
    /// A task asks primary and replicas for their positions.
    is_watched: AtomicBool,
}

impl Replicas {
    /// Returns the replicas of `server`; None if there are none. Connects to nothing.
    ///
    /// # Errors
    /// Returns [`crate::Kind::Statement`] if a URL is wrong.
    pub(super) fn new(
        server: &ServerName,
        (primary, home): (&Connections, &str),
        prepares: bool,
        options: &Replication,
    ) -> Result<Option<Arc<Self>>> {
        if options.replicas.is_empty() {
            return Ok(None);
        }
        let replica = |options: &ReplicaOptions| {
            let connections = Connections::new(Access::new(&options.url, prepares)?, options.connections);
            Ok(Replica::new(options.name.clone(), connections))
        };
        Ok(Some(Arc::new(Self {
            server: server.clone(),
            home: home.into(),
            primary: primary.clone(),
            lag: options.lag,
            all: options.replicas.iter().map(replica).collect::<Result<_>>()?,
            turn: AtomicUsize::new(0),
            samples: Mutex::default(),
            seal: OnceCell::new(),
            wanted: Latest::default(),
            is_watched: AtomicBool::new(false),
        })))
    }

    /// Returns the replica for a read of this place: in turn one of those that hold enough, and have replayed the log up to
    /// `after`. None if the primary must answer.
    pub(super) fn choose(self: &Arc<Self>, place: &Opened, after: Option<LogPosition>) -> Option<&Replica> {
        let now = Moment::now();
        self.wanted.raise(now);
        watch::start(self);
        let since = now.before(self.lag).max(place.changed.get());
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let turns = (0..self.all.len()).map(|n| &self.all[first.wrapping_add(n) % self.all.len()]);
        for replica in turns {
            match (replica.holds(since), replica.has_replayed(after)) {
                (true, true) => return Some(replica),
                (is_fit, _) => replica.skip(is_fit),
            }
        }
        None
    }

    /// Describes the replicas.
    pub(super) fn reports(&self) -> Vec<ReplicaReport> {
        self.all.iter().map(|replica| replica.report(&self.server)).collect()
    }
}
