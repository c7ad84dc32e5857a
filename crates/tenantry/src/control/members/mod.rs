//! The members of an installation: processes that serve requests from caches, on any number of hosts.
//!
//! Members exist only if the control store is on a database server. On SQLite, every process sees in shared memory that
//! another process has committed, so they need no agreement.
//!
//! A member sends a heartbeat once a second: it records that it is alive, and up to which invalidation its caches are
//! current. It trusts its caches for [`LEASE`] after a heartbeat began. After that, every request asks the control
//! store first, and is refused if the store does not answer. A change that invalidates is acknowledged to its caller
//! only when every member has applied it, or has sent no heartbeat for [`GONE`], which is longer. So the first request
//! after a revocation is refused everywhere. No host's clock is compared with another host's clock: both times are
//! measured by the monotonic clock of one process.

mod living;

pub(crate) use living::living;

use super::{Inner, params};
use crate::{Error, Result};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{Kind, SqlRow, SystemDb};
use tokio::task::JoinHandle;

/// Time between two heartbeats.
const BEAT: Duration = Duration::from_secs(1);
/// Time for which a member trusts its caches after a heartbeat began.
const LEASE: Duration = Duration::from_secs(4);
/// Time without a heartbeat after which a member is gone. It exceeds [`LEASE`] by more than the clocks of two hosts
/// differ in rate.
const GONE: Duration = Duration::from_secs(5);
/// Longest time that a change waits for members while the control store does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time that the server of the control store may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Shortest and longest pause between two checks of what members have applied.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// The facts that a member records about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Id of the process, which is never used twice.
    pub(crate) node: String,
    /// Host and process id, for people.
    pub(crate) name: String,
    /// Names of the servers in the member's configuration.
    pub(crate) servers: Vec<String>,
    /// Locations of the member's data that is on no database server. Each line has a configuration key and an id of the
    /// location.
    pub(crate) kept: Vec<String>,
}

/// A member as its row records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) facts: Facts,
    /// Version of the member's program.
    pub(crate) version: String,
    /// Time at which the member began to serve, in microseconds.
    pub(crate) since_us: i64,
    /// Time of the member's last heartbeat, in microseconds.
    pub(crate) seen_us: i64,
    beats: i64,
}

impl Member {
    fn read(row: &SqlRow) -> Result<Self> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let facts = Facts {
            node: row.text(0)?.to_owned(),
            name: row.text(1)?.to_owned(),
            servers: lines(row.text(2)?),
            kept: lines(row.text(3)?),
        };
        Ok(Self {
            facts,
            version: row.text(5)?.to_owned(),
            since_us: row.integer(6)?,
            seen_us: row.integer(7)?,
            beats: row.integer(4)?,
        })
    }
}

/// Time until which this process may trust its caches.
#[derive(Debug)]
pub(super) struct Trust {
    start: Instant,
    /// Microseconds after `start`. `u64::MAX` means always, because the store itself reports every commit.
    until: AtomicU64,
}

impl Trust {
    pub(super) fn of(db: &SystemDb) -> Self {
        let until = if db.is_shared() { 0 } else { u64::MAX };
        Self { start: Instant::now(), until: AtomicU64::new(until) }
    }

    pub(super) fn holds(&self) -> bool {
        let until = self.until.load(SeqCst);
        until == u64::MAX || self.start.elapsed().as_micros() < u128::from(until)
    }

    fn extend(&self, began: Instant) {
        let until = (began + LEASE).saturating_duration_since(self.start).as_micros();
        self.until.store(u64::try_from(until).unwrap_or(0), SeqCst);
    }

    fn end(&self) {
        self.until.store(0, SeqCst);
    }
}

/// Number of heartbeats of each member when this process last saw it change, and when that was.
#[derive(Debug, Default)]
struct Pulse(HashMap<String, (i64, Instant)>);

impl Pulse {
    /// Returns true if the member has sent no heartbeat for so long that it trusts none of its caches.
    fn is_gone(&mut self, node: &str, beats: i64) -> bool {
        let now = Instant::now();
        let seen = self.0.entry(node.to_owned()).or_insert((beats, now));
        if seen.0 != beats {
            *seen = (beats, now);
        }
        now.duration_since(seen.1) >= GONE
    }
}

/// The membership of this process.
#[derive(Debug, Default)]
pub(super) struct Membership(std::sync::Mutex<Option<Joined>>);

#[derive(Debug)]
struct Joined {
    node: String,
    task: JoinHandle<()>,
}

impl Membership {
    pub(super) fn is_joined(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn node(&self) -> String {
        let joined = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        joined.as_ref().map(|joined| joined.node.clone()).unwrap_or_default()
    }

    fn set(&self, joined: Option<Joined>) -> Option<Joined> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), joined)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(joined) = self.set(None) {
            joined.task.abort();
        }
    }
}

/// Makes this process a member, unless it already is one. `refuse` returns an error for another member if this process
/// must not serve at the same time.
pub(super) async fn join(
    inner: &Arc<Inner>,
    facts: Facts,
    refuse: impl Fn(&Member) -> Option<Error>,
) -> Result<()> {
    if !inner.db.is_shared() || inner.membership.is_joined() {
        return Ok(());
    }
    enter(inner, &facts, refuse).await?;
    let (weak, node) = (Arc::downgrade(inner), facts.node.clone());
    let mut beat = Beat { facts, pulse: Pulse::default(), acked: 0, is_behind: false };
    beat.follow(inner).await?;
    let task = tokio::spawn(beat.run(weak));
    if let Some(earlier) = inner.membership.set(Some(Joined { node, task })) {
        earlier.task.abort();
    }
    Ok(())
}

/// Records the member, once no other member is in the way. Removes a member that is in the way but gone.
async fn enter(inner: &Inner, facts: &Facts, refuse: impl Fn(&Member) -> Option<Error>) -> Result<()> {
    let (mut pulse, began) = (Pulse::default(), Instant::now());
    loop {
        let mut tx = inner.db.begin().await?;
        let mut refused = None;
        for member in members(&tx.query(MEMBERS, &[]).await?)? {
            if let Some(error) = refuse(&member) {
                match pulse.is_gone(&member.facts.node, member.beats) {
                    true => {
                        tx.execute(REMOVE, params![member.facts.node.as_str(), member.beats]).await?;
                    }
                    false => refused = Some(error),
                }
            }
        }
        match refused {
            None => {
                tx.execute(ENTER, &enter_values(facts, inner.hub.applied().await, inner.clock.now_us()))
                    .await?;
                return Ok(tx.commit().await?);
            }
            // The other member has sent a heartbeat meanwhile, so it is alive.
            Some(error) if began.elapsed() > GONE + BEAT => return Err(error),
            Some(_) => drop(tx),
        }
        tokio::time::sleep(BEAT / 4).await;
    }
}

const MEMBERS: &str = "SELECT node, name, servers, kept, beats, version, started_at, seen_at FROM members \
    ORDER BY started_at, node";
const REMOVE: &str = "DELETE FROM members WHERE node = ? AND beats = ?";
const ENTER: &str = "INSERT INTO members (node, name, servers, kept, version, acked, started_at, seen_at, beats) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1) ON CONFLICT (node) DO UPDATE SET beats = members.beats + 1";

fn enter_values(facts: &Facts, acked: i64, now_us: i64) -> [tenantry_engine::value::Value; 7] {
    let Facts { node, name, servers, kept } = facts;
    [
        node.as_str().into(),
        name.as_str().into(),
        servers.join("\n").into(),
        kept.join("\n").into(),
        env!("CARGO_PKG_VERSION").into(),
        acked.into(),
        now_us.into(),
    ]
}

fn members(rows: &[SqlRow]) -> Result<Vec<Member>> {
    rows.iter().map(Member::read).collect()
}

/// Lists the members, the longest serving first. Returns `None` if the control store is on SQLite, which needs no
/// members.
pub(super) async fn list(inner: &Inner) -> Result<Option<Vec<Member>>> {
    match inner.db.is_shared() {
        true => members(&inner.db.query(MEMBERS, &[]).await?).map(Some),
        false => Ok(None),
    }
}

/// Ends the membership of this process, which no longer serves.
pub(super) async fn leave(inner: &Inner) {
    let Some(joined) = inner.membership.set(None) else { return };
    joined.task.abort();
    inner.hub.trust.end();
    let gone = inner.db.note("DELETE FROM members WHERE node = ? RETURNING 1", params![joined.node]).await;
    if let Err(error) = gone {
        tracing::warn!(%error, "this process is a member until others notice that it does not beat");
    }
}

/// The task that sends the heartbeats.
struct Beat {
    facts: Facts,
    pulse: Pulse,
    /// Number of the last invalidation that the member's row reports as applied.
    acked: i64,
    /// True if the caches could not be brought up to date. The member then sends no heartbeat until they are, so no
    /// change waits for it.
    is_behind: bool,
}

impl Beat {
    async fn run(mut self, of: Weak<Inner>) {
        let mut next = Instant::now() + BEAT;
        loop {
            let Some(inner) = of.upgrade() else { return };
            // Drop the handle while this task waits, so that the control store can be dropped.
            let (db, wait) = (inner.db.clone(), next.saturating_duration_since(Instant::now()));
            drop(inner);
            let heard = tokio::time::timeout(wait, db.heard()).await.is_ok();
            let Some(inner) = of.upgrade() else { return };
            let is_due = !heard || Instant::now() >= next;
            if is_due {
                next = Instant::now() + BEAT;
            }
            let work = async {
                match is_due {
                    true => self.beat(&inner).await,
                    false => self.acknowledge(&inner).await,
                }
            };
            let done = tokio::time::timeout(ANSWER, work).await.unwrap_or_else(|_| Err(no_answer()));
            self.is_behind = done.is_err();
            if let Err(error) = done {
                tracing::warn!(%error, "the control store does not hear this process; without it, nothing is answered from caches");
            }
        }
    }

    /// Records that this process is alive and what it has applied, then applies what is new. Only after that may it
    /// trust its caches: a change that was committed before the heartbeat did not wait for this process.
    async fn beat(&mut self, inner: &Inner) -> Result<()> {
        if self.is_behind {
            inner.hub.catch_up(&inner.db).await?;
        }
        inner.measure_clock().await?;
        self.follow(inner).await?;
        self.remove_gone(inner).await
    }

    async fn follow(&mut self, inner: &Inner) -> Result<()> {
        let (began, applied) = (Instant::now(), inner.hub.applied().await);
        let sql =
            "UPDATE members SET beats = beats + 1, acked = ?, seen_at = ? WHERE node = ? RETURNING beats";
        let values = params![applied, inner.clock.now_us(), self.facts.node.as_str()];
        if inner.db.note(sql, values).await?.is_empty() {
            // Other members considered this process gone.
            let mut tx = inner.db.begin().await?;
            tx.execute(ENTER, &enter_values(&self.facts, applied, inner.clock.now_us())).await?;
            tx.commit().await?;
        }
        self.acked = applied;
        self.acknowledge(inner).await?;
        inner.hub.trust.extend(began);
        Ok(())
    }

    /// Applies what is new, and records that, whether this call applied it or a request did.
    async fn acknowledge(&mut self, inner: &Inner) -> Result<()> {
        let applied = inner.hub.catch_up(&inner.db).await?;
        if applied > self.acked {
            let sql = "UPDATE members SET acked = ?1 WHERE node = ?2 AND acked < ?1 RETURNING acked";
            inner.db.note(sql, params![applied, self.facts.node.as_str()]).await?;
            self.acked = applied;
        }
        Ok(())
    }

    async fn remove_gone(&mut self, inner: &Inner) -> Result<()> {
        let others = inner.db.query("SELECT node, beats, name FROM members", &[]).await?;
        for other in &others {
            let (node, beats) = (other.text(0)?, other.integer(1)?);
            if node != self.facts.node && self.pulse.is_gone(node, beats) {
                remove(&inner.db, node, beats).await?;
                tracing::warn!(member = other.text(2)?, "does not beat any more, and is no member any more");
            }
        }
        self.pulse.0.retain(|node, _| others.iter().any(|other| other.text(0).is_ok_and(|is| is == node)));
        Ok(())
    }
}

/// Returns the error of a control store whose server does not answer.
pub(super) fn no_answer() -> Error {
    let what = format!("the control store has not answered in {} s", ANSWER.as_secs());
    tenantry_engine::Error::new(Kind::Unreachable, what).into()
}

async fn remove(db: &SystemDb, node: &str, beats: i64) -> Result<()> {
    let sql = "DELETE FROM members WHERE node = ? AND beats = ? RETURNING node";
    db.note(sql, params![node, beats]).await?;
    Ok(())
}

/// Waits until every other member has applied the committed invalidation `seq`, or is gone.
///
/// # Errors
/// Returns [`Kind::InDoubt`] if the control store does not answer: the change is committed, but a member may not know
/// it yet.
pub(super) async fn await_members(inner: &Inner, seq: i64) -> Result<()> {
    if !inner.db.is_shared() {
        return Ok(());
    }
    let (mut pulse, mut pause, began) = (Pulse::default(), PAUSES[0], Instant::now());
    let node = inner.membership.node();
    loop {
        let sql = "SELECT node, beats FROM members WHERE acked < ? AND node <> ?";
        match inner.db.query(sql, params![seq, node.as_str()]).await {
            Ok(late) if late.is_empty() => return Ok(()),
            Ok(late) => {
                for member in &late {
                    let (node, beats) = (member.text(0)?, member.integer(1)?);
                    if pulse.is_gone(node, beats) {
                        remove(&inner.db, node, beats).await?;
                    }
                }
            }
            Err(error) if began.elapsed() < PATIENCE => tracing::debug!(%error, "cannot ask members yet"),
            Err(error) => {
                let what = "the change is stored, but whether other servers know it is not known";
                return Err(tenantry_engine::Error::with_source(Kind::InDoubt, what, error).into());
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}
