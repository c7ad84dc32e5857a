//! The control store: the platform's own database, in hand-written SQL.
//!
//! Tenants, plans, users, access, operations and topology call it. They own the statements; this module owns the
//! commit. A change commits only together with its audit row (`audited-commit`) and its cache invalidations. It never
//! holds tenant data and never authorises.

pub(crate) mod carry;
pub mod clock;
pub(crate) mod ids;
pub(crate) mod invalidation;
pub(crate) mod members;
mod migrate;
pub mod settings;
mod view;
pub(crate) mod witness;
mod write;

pub use invalidation::Subject;
pub(crate) use migrate::has_table;
#[cfg(feature = "internals")]
pub(crate) use migrate::tables;
pub(crate) use view::View;
pub use witness::ClockState;
pub use write::Write;

use crate::{Error, Result, audit::Heads, control::clock::Clock};
use invalidation::Hub;
use members::{Facts, Member};
use std::{path::PathBuf, sync::Arc, time::Instant};
use tenantry_engine::{Engine, SystemDb, Tx};

/// Statement parameters, converted to engine values.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(tenantry_engine::value::Value::from($value)),*] };
}
pub(crate) use params;

/// The open control store. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    db: SystemDb,
    /// Engine with the servers on which the catalog places databases.
    engine: Engine,
    heads: Arc<Heads>,
    hub: Hub,
    clock: Clock,
    membership: members::Membership,
}

impl Inner {
    /// Adopts the time of the control store's server, if it has one, because leases of all hosts are measured by it.
    async fn measure_clock(&self) -> Result<()> {
        measure_clock(&self.clock, &self.db).await
    }
}

async fn measure_clock(clock: &Clock, db: &SystemDb) -> Result<()> {
    let asked = Instant::now();
    if let Some(us) = db.clock_us().await? {
        clock.set_by_server(us, asked + asked.elapsed() / 2);
    }
    Ok(())
}

impl Control {
    /// Opens the control store: migrates its tables and starts with empty caches. Heads of the audit chain are
    /// published in `heads_file`, outside the database that they protect (`audit-tampering`).
    ///
    /// # Errors
    /// Returns [`crate::Error::Internal`] if the store was migrated by a newer program, or the heads file cannot be
    /// opened.
    pub async fn open(engine: &Engine, db: SystemDb, heads_file: Option<PathBuf>) -> Result<Self> {
        migrate::run(&db, Clock::default().now_us()).await?;
        Self::of(engine, db, heads_file).await
    }

    /// Opens the control store without migrating it.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if its tables belong to an older or a newer program.
    pub(crate) async fn open_to_read(
        engine: &Engine,
        db: SystemDb,
        heads_file: Option<PathBuf>,
    ) -> Result<Self> {
        match migrate::is_current(&db).await? {
            true => Self::of(engine, db, heads_file).await,
            false => Err(Error::Internal("the control store is that of an older program".into())),
        }
    }

    async fn of(engine: &Engine, db: SystemDb, heads_file: Option<PathBuf>) -> Result<Self> {
        let clock = Clock::default();
        measure_clock(&clock, &db).await?;
        witness::begin(&clock, &mut db.snapshot().await?).await?;
        let hub = Hub::open(&db).await?;
        let heads = Arc::new(Heads::open(heads_file)?);
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                engine: engine.clone(),
                heads,
                hub,
                clock,
                membership: Default::default(),
            }),
        })
    }

    /// Begins a change. Other writers wait until the change is committed or dropped.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn begin(&self) -> Result<Write> {
        let tx = self.inner.db.begin().await?;
        Ok(Write::new(tx, &self.inner))
    }

    /// Makes this process a member, if processes on several hosts may use the control store; see [`members`]. `refuse`
    /// returns an error for another member if this process must not serve at the same time.
    ///
    /// # Errors
    /// Returns the error that `refuse` returns, and the errors of the control store.
    pub(crate) async fn join(&self, facts: Facts, refuse: impl Fn(&Member) -> Option<Error>) -> Result<()> {
        members::join(&self.inner, facts, refuse).await
    }

    /// Ends the membership of this process. Called before the process ends.
    pub(crate) async fn leave(&self) {
        members::leave(&self.inner).await;
    }

    /// Returns the members, or `None` if the control store is a file of this host, which needs no members.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub(crate) async fn members(&self) -> Result<Option<Vec<Member>>> {
        members::list(&self.inner).await
    }

    /// Returns true if the control store is on a server, which processes on several hosts may use.
    pub(crate) fn is_shared(&self) -> bool {
        self.inner.db.is_shared()
    }

    /// Returns true if this process must be a member to rely on its caches, but is not.
    pub(crate) fn is_outside(&self) -> bool {
        self.inner.db.is_shared() && !self.inner.membership.is_joined()
    }

    /// Opens a consistent snapshot for reading.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(self.inner.db.snapshot().await?)
    }

    /// Returns the clock of this platform.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Returns the current time of the system clock, in microseconds.
    pub fn now_us(&self) -> i64 {
        self.inner.clock.now_us()
    }

    /// Returns the time up to which irreversible work is due; see [`Clock::due_us`].
    pub fn due_us(&self) -> i64 {
        self.inner.clock.due_us()
    }

    /// Brings every cache of this process up to date. Call it once at the start of each request. If nothing was
    /// committed anywhere, it costs one read of 48 bytes.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn refresh(&self) -> Result<()> {
        self.inner.hub.refresh(&self.inner.db).await
    }

    /// Returns the current state of the control store. Data read after the next [`Self::refresh`] is at least as new.
    pub(crate) fn view(&self) -> View {
        View::new(self.clone())
    }

    /// Registers a cache. `drop_entry` is called for every subject that changed, in any process.
    pub fn listen(&self, drop_entry: impl Fn(&Subject) + Send + Sync + 'static) {
        self.inner.hub.listen(Box::new(drop_entry));
    }

    /// Returns the number of applied invalidations. A cache reads it before it loads, and again after it has inserted
    /// the value. If the two differ, it removes the value, which may be older than the change.
    pub fn epoch(&self) -> u64 {
        self.inner.hub.epoch()
    }

    /// Returns the published heads of the audit chain.
    pub fn heads(&self) -> &Heads {
        &self.inner.heads
    }
}
