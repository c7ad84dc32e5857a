//! The read replicas of a server: streaming standbys that answer reads which may lack the newest commits.
//!
//! A read goes to a replica only if that replica is known to hold everything that was committed up to `lag` ago, and
//! everything that this process wrote to the place or found there (`known-schema`). The state of a replica is measured
//! in moments of this process. While reads happen, a task asks the primary for its position in the log, and each
//! replica for the position up to which it has replayed the log. A replica that has passed a position holds everything
//! that was committed when the primary was asked for it. So clocks of two machines are never compared, and for a write
//! it is enough to know the moment at which it ended.
//!
//! If another process did a caller's write, the caller passes the position in the log after the write
//! ([`crate::Position`]). Then only a replica that has replayed that position answers.
//!
//! Whatever fails at a replica, the primary answers instead.

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

/// The replicas of a server, and how old their answers may be.
#[derive(Debug, Clone, Default)]
pub struct Replication {
    /// Maximum age of commits that a replica may lack. It is not used while it lacks older ones.
    pub lag: Duration,
    /// The replicas. If there are none, the primary answers every read.
    pub replicas: Vec<ReplicaOptions>,
}

/// Access to a replica. Its `Debug` output contains no password.
#[derive(Clone)]
pub struct ReplicaOptions {
    /// Name of the replica in reports.
    pub name: ServerName,
    /// `postgresql://` URL with the role that owns everything. Each read chooses its database.
    pub url: String,
    /// Limits of the connections to the replica.
    pub connections: ConnectionLimits,
}

impl fmt::Debug for ReplicaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, url: _, connections } = self;
        let mut out = f.debug_struct("ReplicaOptions");
        out.field("name", name).field("connections", connections).finish_non_exhaustive()
    }
}

/// State of a replica, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplicaStanding {
    /// No read has asked for the replica yet.
    Unknown,
    /// The replica replays the log of the primary.
    Following,
    /// The replica did not answer when it was last asked.
    Away,
    /// The server is not a standby but a primary, perhaps because it was promoted.
    NotAStandby,
    /// The server is a standby of another primary: of another cluster, or on another timeline.
    Foreign,
}

/// A replica, for operators' reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplicaReport {
    /// Name of the server whose replica it is.
    pub server: ServerName,
    /// Name of the replica on that server.
    pub replica: ServerName,
    /// State of the replica.
    pub standing: ReplicaStanding,
    /// Lag of the replica when it was last asked; `None` if it is unknown.
    pub lag: Option<Duration>,
    /// Number of reads that the replica answered.
    pub reads: u64,
    /// Number of reads that did not use the replica because it lacked too much or was away.
    pub skipped: u64,
    /// Number of those reads that had to include another process's write whose position the replica had not replayed
    /// yet.
    pub awaited: u64,
    /// Number of reads that failed at the replica, so that the primary answered them.
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
    /// Index of the replica that is tried first.
    turn: AtomicUsize,
    samples: Mutex<Samples>,
    /// Seals the positions that callers get. Set once the secret of the server is known.
    seal: OnceCell<Seal>,
    /// Moment at which a read last asked for a replica.
    wanted: Latest,
    /// True while a task asks the primary and the replicas for their positions.
    is_watched: AtomicBool,
}

impl Replicas {
    /// Returns the replicas of `server`; `None` if it has none. Connects to nothing.
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

    /// Returns a replica for a read of this place: in turn one of those that hold enough and have replayed the log up
    /// to `after`. Returns `None` if the primary must answer.
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
