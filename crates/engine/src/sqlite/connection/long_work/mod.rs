//! Long work on blocking threads: limited in number, and stopped at a deadline or when its caller goes away.
//!
//! Sessions use it for everything that is not a read by key. A connection that was interrupted is closed and never lent
//! again (`clean-connection`).
//!
//! A piece of work waits for its tenant's share, for a connection and for a thread, in this order. So a tenant with
//! many requests waits only for its own work, and no thread is held by work that waits for something else.

mod shares;
mod stop;

pub(crate) use stop::Stop;

use super::{database::Database, lease::Lease};
use crate::error::{Error, Kind, Result};
use rusqlite::Connection;
use shares::Shares;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Number of instructions of SQLite's virtual machine between two checks of the clock; they take a few microseconds.
const OPS_BETWEEN_CHECKS: i32 = 200;
/// `nice` value of the threads that run tenants' own statements. All other threads have priority over them.
const STATEMENT_NICENESS: i32 = 10;

/// Longest duration of one write transaction, as a multiple of the longest duration of a read.
const WRITE_FACTOR: u32 = 6;

/// Limits of long work: how many pieces run at a time over all databases, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct LongWork {
    permits: Arc<Semaphore>,
    shares: Arc<Shares>,
    /// Longest duration of a list or a count (`heavy-query`).
    read: Duration,
}

impl LongWork {
    /// Allows `at_once` concurrent pieces of work, `share` of them for one tenant. A read may take up to `read`.
    pub(crate) fn new(at_once: usize, share: usize, read: Duration) -> Self {
        let shares = Arc::new(Shares::new(share.clamp(1, at_once)));
        Self { permits: Arc::new(Semaphore::new(at_once)), shares, read }
    }

    /// Returns the longest duration of a read.
    pub(crate) fn read_deadline(&self) -> Duration {
        self.read
    }

    /// Returns the longest duration of one write transaction.
    pub(crate) fn write_deadline(&self) -> Duration {
        self.read * WRITE_FACTOR
    }

    /// Runs `work` for `tenant` on a connection of `database` for at most `limit`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        tenant: i64,
        database: &Arc<Database>,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let share = self.shares.take(tenant).await?;
        let lease = Lease::take(database.clone()).await?;
        let done = self.run_on(lease, limit, work).await;
        drop(share);
        done
    }

    /// Runs `work` for the holder of the database's write lock, for at most `limit`. It needs no share, because a
    /// database has one writer at a time.
    pub(crate) async fn run_as_writer<T: Send + 'static>(
        &self,
        database: &Arc<Database>,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let lease = Lease::take_as_writer(database.clone()).await?;
        self.run_on(lease, limit, work).await
    }

    async fn run_on<T: Send + 'static>(
        &self,
        mut lease: Lease<Arc<Database>>,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let (stop, end) = (Stop::default(), Instant::now() + limit);
        let stopped = stop.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            stop_when(&mut lease, end, stopped.clone())?;
            stopped.interrupts(&lease);
            let done = work(&lease);
            let whole = stopped.ends();
            lease.progress_handler(0, None::<fn() -> bool>)?;
            if whole {
                lease.give_back();
            }
            done
        });
        stop.at(end, task).await.map_err(panicked)?
    }

    /// Runs `work` for `tenant` on its own low-priority thread, for at most `limit`. `work` opens the connections that
    /// it needs. Its [`Stop`] signals when it must end.
    pub(crate) async fn run_on_own_thread<T: Send + 'static>(
        &self,
        tenant: i64,
        limit: Duration,
        work: impl FnOnce(Stop) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let share = self.shares.take(tenant).await?;
        let permit = self.permit().await?;
        let (stop, end) = (Stop::default(), Instant::now() + limit);
        let (answer, told) = tokio::sync::oneshot::channel();
        let stopped = stop.clone();
        let run = move || {
            let _held = (permit, share);
            if let Err(error) = rustix::process::setpriority_process(None, STATEMENT_NICENESS) {
                tracing::debug!(%error, "a statement runs at the usual priority");
            }
            // The send fails if the caller went away.
            drop(answer.send(work(stopped)));
        };
        std::thread::Builder::new()
            .name("statement".into())
            .spawn(run)
            .map_err(|error| Error::with_source(Kind::Busy, "no thread for a statement", error))?;
        stop.at(end, told)
            .await
            .map_err(|error| Error::with_source(Kind::Internal, "a statement's thread panicked", error))?
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        self.permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| Error::with_source(Kind::Internal, "long work", error))
    }
}

fn panicked(error: tokio::task::JoinError) -> Error {
    Error::with_source(Kind::Internal, "long work panicked", error)
}

fn stop_when(conn: &mut Connection, deadline: Instant, stop: Stop) -> Result<()> {
    Ok(conn
        .progress_handler(OPS_BETWEEN_CHECKS, Some(move || stop.is_told() || Instant::now() >= deadline))?)
}
