//! Long work off the async threads: bounded in number, stopped at a deadline or when its caller goes away.
//!
//! Called by sessions for everything that is not a read by key. It never lends a connection on that was
//! interrupted: such a one is closed (rule 9).

use super::{database::Database, pool::Lease};
use crate::error::{Error, Kind, Result};
use rusqlite::Connection;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Instructions of SQLite's machine between two looks at the clock: some ten microseconds.
const OPS_BETWEEN_LOOKS: i32 = 1000;

/// Longest one write transaction may take, as a multiple of a read.
const WRITE_FACTOR: u32 = 6;

/// How much long work may run at a time, over all databases, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct LongWork {
    permits: Arc<Semaphore>,
    /// Longest a list or a count may take (threat 38).
    read: Duration,
}

/// Tells the work when its caller is gone.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl LongWork {
    /// At most `at_once` pieces of work, a read for at most `read`.
    pub(crate) fn new(at_once: usize, read: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), read }
    }

    /// Longest a read may take.
    pub(crate) fn read_deadline(&self) -> Duration {
        self.read
    }

    /// Longest one write transaction may take.
    pub(crate) fn write_deadline(&self) -> Duration {
        self.read * WRITE_FACTOR
    }

    /// Runs `work` on a connection of `database` for at most `limit`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        database: &Arc<Database>,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let lease = Lease::take(database.clone()).await?;
        self.run_on(lease, permit, limit, work).await
    }

    /// The same for the holder of the database's write lock.
    pub(crate) async fn run_as_writer<T: Send + 'static>(
        &self,
        database: &Arc<Database>,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let lease = Lease::take_as_writer(database.clone()).await?;
        self.run_on(lease, permit, limit, work).await
    }

    async fn run_on<T: Send + 'static>(
        &self,
        mut lease: Lease<Arc<Database>>,
        permit: OwnedSemaphorePermit,
        limit: Duration,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (gone, _caller) = caller();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            stop_when(&mut lease, Instant::now() + limit, gone.clone())?;
            let done = work(&lease);
            lease.progress_handler(0, None::<fn() -> bool>)?;
            if !gone.load(Relaxed) {
                lease.give_back();
            }
            done
        });
        task.await.map_err(panicked)?
    }

    /// Runs `work` that opens what it needs by itself; it is told when to stop through the flag.
    pub(crate) async fn run_apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<AtomicBool>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let (gone, _caller) = caller();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(gone)
        });
        task.await.map_err(panicked)?
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        self.permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| Error::with_source(Kind::Internal, "long work", error))
    }
}

fn caller() -> (Arc<AtomicBool>, Caller) {
    let gone = Arc::new(AtomicBool::new(false));
    (gone.clone(), Caller(gone))
}

fn panicked(error: tokio::task::JoinError) -> Error {
    Error::with_source(Kind::Internal, "long work panicked", error)
}

fn stop_when(conn: &mut Connection, deadline: Instant, gone: Arc<AtomicBool>) -> Result<()> {
    Ok(conn.progress_handler(
        OPS_BETWEEN_LOOKS,
        Some(move || gone.load(Relaxed) || Instant::now() >= deadline),
    )?)
}
