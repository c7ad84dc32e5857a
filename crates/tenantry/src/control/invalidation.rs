//! Keeps the caches of all processes coherent, without a query while nothing changes.
//!
//! Every change appends the subjects that it touched to the table `invalidations`, in its own transaction. A reader
//! compares the database's change counter (in the header of its shared memory, or as its server reports it) with the
//! value that it last saw. Only if they differ, it reads the new rows and drops exactly those cache entries. Called
//! through `Control::refresh`, `listen` and `epoch`. It never guesses: a reader that is too far behind drops
//! everything.

use super::{
    members::{self, Trust},
    params,
};
use crate::Result;
use std::sync::{
    PoisonError, RwLock,
    atomic::{
        AtomicU64,
        Ordering::{self, Acquire},
    },
};
use tenantry_engine::{
    SqlRow, SystemDb, Tx,
    name::{TenantId, UserId},
};
use tokio::sync::Mutex;

/// Number of rows retained for readers that are behind.
const KEEP: i64 = 10_000;
/// Number of changes between two prunings.
const PRUNE_EVERY: i64 = 1_000;

/// Something that caches may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// Record, subscription, entitlements or placements of a tenant.
    Tenant(TenantId),
    /// A user with their flags, memberships or credentials.
    User(UserId),
    /// A session, by the hash of its token.
    Session(String),
    /// An API key, by its hash.
    ApiKey(String),
    /// Rows of a shared model that are being deleted, by the name of the model.
    Leaving(String),
    /// An attached database, by the name of its server.
    Attachment(String),
    /// Everything of one kind, or something of an unknown kind: caches drop all entries.
    Everything,
}

impl Subject {
    pub(super) fn to_parts(&self) -> (&'static str, String) {
        match self {
            Self::Tenant(id) => ("tenant", id.to_string()),
            Self::User(id) => ("user", id.to_string()),
            Self::Session(hash) => ("session", hash.clone()),
            Self::ApiKey(hash) => ("api_key", hash.clone()),
            Self::Leaving(model) => ("leaving", model.clone()),
            Self::Attachment(server) => ("attachment", server.clone()),
            Self::Everything => ("everything", String::new()),
        }
    }

    /// Parses a row. An unknown row of a newer program drops everything.
    fn from_row(row: &SqlRow) -> Result<Self> {
        let key = row.text(2)?;
        Ok(match (row.text(1)?, key.parse::<i64>()) {
            ("tenant", Ok(id)) => Self::Tenant(TenantId::from_raw(id)),
            ("user", Ok(id)) => Self::User(UserId::from_raw(id)),
            ("session", _) => Self::Session(key.to_owned()),
            ("api_key", _) => Self::ApiKey(key.to_owned()),
            ("attachment", _) => Self::Attachment(key.to_owned()),
            ("leaving", _) => Self::Leaving(key.to_owned()),
            _ => Self::Everything,
        })
    }
}

type Listener = Box<dyn Fn(&Subject) + Send + Sync>;

pub(super) struct Hub {
    /// Change counter of the database as of the last refresh.
    seen: AtomicU64,
    /// Last applied sequence number. Locked during a refresh, so that no task continues with a stale entry that another
    /// task is still dropping.
    seq: Mutex<i64>,
    epoch: AtomicU64,
    listeners: RwLock<Vec<Listener>>,
    /// Time until which this process may answer from its caches without asking the control store for commits.
    pub(super) trust: Trust,
}

impl Hub {
    pub(super) async fn open(db: &SystemDb) -> Result<Self> {
        let seen = db.mark();
        let mut tx = db.snapshot().await?;
        let rows = tx.query("SELECT coalesce(max(seq), 0) FROM invalidations", &[]).await?;
        let seq = rows.first().map_or(Ok(0), |r| r.integer(0))?;
        Ok(Self {
            seen: AtomicU64::new(seen),
            seq: Mutex::new(seq),
            epoch: AtomicU64::new(0),
            listeners: RwLock::new(Vec::new()),
            trust: Trust::of(db),
        })
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    pub(super) fn listen(&self, listener: Listener) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(super) async fn refresh(&self, db: &SystemDb) -> Result<()> {
        if self.trust.holds() && db.mark() == self.seen.load(Acquire) {
            return Ok(());
        }
        // Boxed because new invalidations are rare: the future of a request stays small.
        let news = Box::pin(async {
            let mut seq = self.seq.lock().await;
            // Read the counter before the rows: a commit in between is processed again next time, never missed.
            let counter = db.mark();
            match self.trust.holds() && counter == self.seen.load(Acquire) {
                true => Ok(()),
                false => self.read(db, &mut seq, counter).await,
            }
        });
        if !db.is_shared() {
            return news.await;
        }
        tokio::time::timeout(members::ANSWER, news).await.unwrap_or_else(|_| Err(members::no_answer()))
    }

    /// Applies everything that was committed before this call, whatever this process has heard of. Returns the number
    /// of the last applied invalidation.
    pub(super) async fn catch_up(&self, db: &SystemDb) -> Result<i64> {
        let mut seq = self.seq.lock().await;
        let counter = db.mark();
        self.read(db, &mut seq, counter).await?;
        Ok(*seq)
    }

    /// Returns the number of the last applied invalidation.
    pub(super) async fn applied(&self) -> i64 {
        *self.seq.lock().await
    }

    async fn read(&self, db: &SystemDb, seq: &mut i64, counter: u64) -> Result<()> {
        let rows = news(db, *seq).await?;
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            let cut = first.integer(0)? > *seq + 1;
            let all = rows.iter().map(Subject::from_row).collect::<Result<Vec<_>>>()?;
            *seq = last.integer(0)?;
            self.apply(if cut { vec![Subject::Everything] } else { all });
        }
        self.seen.store(counter, Ordering::Release);
        Ok(())
    }

    fn apply(&self, subjects: Vec<Subject>) {
        // Advance the epoch before dropping entries: a load that began earlier either finds a new epoch, or has its
        // entry dropped here.
        self.epoch.fetch_add(1, Ordering::SeqCst);
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for subject in &subjects {
            listeners.iter().for_each(|drop_entry| drop_entry(subject));
        }
    }
}

async fn news(db: &SystemDb, after: i64) -> Result<Vec<SqlRow>> {
    let mut tx = db.snapshot().await?;
    Ok(tx
        .query("SELECT seq, kind, key FROM invalidations WHERE seq > ? ORDER BY seq", params![after])
        .await?)
}

/// Prunes the log. Sequence numbers have no gaps, so a reader notices that rows are gone which it has not seen.
pub(super) async fn prune(tx: &mut Tx, seq: i64) -> Result<()> {
    if seq % PRUNE_EVERY == 0 {
        tx.execute("DELETE FROM invalidations WHERE seq <= ?", params![seq - KEEP]).await?;
    }
    Ok(())
}
