//! Stops a running statement when its time is over or its caller is gone.
//!
//! Used by [`crate::sqlite::connection::long_work`]. Setting the flag that the statement's progress handler reads is
//! not enough: counting a table or a full-text search is a single instruction, during which SQLite only checks for
//! interrupts. So the connection is interrupted as well.

use rusqlite::{Connection, InterruptHandle};
use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

/// Signal that a piece of work must stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    told: AtomicBool,
    /// Handle of the connection while the statement runs on it.
    running: Mutex<Option<InterruptHandle>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stop({})", self.told.load(Relaxed))
    }
}

/// Stops the work when it is dropped, which also happens if the caller goes away.
struct Caller(Stop);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.tell();
    }
}

impl Stop {
    /// Returns true if the work must stop.
    pub(crate) fn is_told(&self) -> bool {
        self.0.told.load(Relaxed)
    }

    /// Sets the connection that the work runs on. Until [`Stop::ends`], stopping the work interrupts this connection.
    pub(crate) fn interrupts(&self, conn: &Connection) {
        *self.running() = Some(conn.get_interrupt_handle());
    }

    /// Ends the work. Returns true if its connection was not interrupted; from now on it cannot be.
    pub(crate) fn ends(&self) -> bool {
        let mut running = self.running();
        *running = None;
        !self.is_told()
    }

    fn tell(&self) {
        let running = self.running();
        self.0.told.store(true, Relaxed);
        if let Some(handle) = &*running {
            handle.interrupt();
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<InterruptHandle>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the work, and signals it to stop at `end` or when the caller goes away.
    pub(crate) async fn at<F: Future + Unpin>(&self, end: Instant, mut work: F) -> F::Output {
        let _caller = Caller(self.clone());
        match tokio::time::timeout_at(end.into(), &mut work).await {
            Ok(done) => done,
            Err(_) => {
                self.tell();
                work.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Counting is one instruction, during which SQLite does not call the progress handler.
    #[tokio::test(flavor = "multi_thread")]
    async fn work_is_interrupted_at_its_end_and_not_after_it() {
        let stop = Stop::default();
        let stopped = stop.clone();
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let work = tokio::task::spawn_blocking(move || {
            let conn = Connection::open_in_memory().unwrap();
            stopped.interrupts(&conn);
            let done = conn.query_row(endless, [], |_| Ok(()));
            let whole = stopped.ends();
            // The next statement of this connection belongs to another caller.
            stopped.tell();
            (done, whole, conn.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)))
        });
        let end = Instant::now() + Duration::from_millis(50);
        let (done, whole, next) = stop.at(end, work).await.unwrap();
        assert_eq!(done.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        assert!(!whole, "the connection must not be lent on");
        assert_eq!(next, Ok(1));
    }
}
