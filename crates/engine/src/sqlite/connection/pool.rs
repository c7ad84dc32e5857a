//! The idle connections of one open database. All are alike and read-write; each is lent for one piece of work.

use super::{base::OpenFile, closing::ClosesAlone, handles::Ticket};
use crate::{
    error::{Error, Kind, Result},
    sqlite::wal_index::IdleSnapshot,
};
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// One connection and its idle snapshot.
#[derive(Debug)]
pub(crate) struct Pooled {
    pub(crate) conn: ClosesAlone,
    /// Declared after `conn`, so that the connection closes first and the `-shm` file may already be unlinked.
    pub(super) snapshot: IdleSnapshot,
    /// Declared after `conn`: the descriptors are free only after the connection is closed.
    _ticket: Ticket,
    /// Declared after `conn`: the file is open in this process until the connection is closed.
    _opened: Arc<OpenFile>,
}

impl Pooled {
    /// Wraps a connection that has been set up.
    pub(crate) fn new(conn: Connection, ticket: Ticket, opened: Arc<OpenFile>) -> Self {
        Self { conn: conn.into(), snapshot: IdleSnapshot::default(), _ticket: ticket, _opened: opened }
    }
}

/// Idle connections, most recently used last.
#[derive(Debug, Default)]
struct Idle {
    connections: Vec<Pooled>,
    /// Smallest number of idle connections since the last trim, which is the number of connections that were not
    /// needed.
    spare: usize,
    /// Set once the maintenance thread knows of the spare connections. It is notified once and not at every return,
    /// because waking it costs more than a point read.
    told: bool,
    /// Set once the maintenance thread knows that there may be idle snapshots.
    told_of_snapshot: bool,
}

/// Facts that the caller must report to the maintenance thread.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// There is more than one idle connection.
    pub(super) spare: bool,
    /// A connection is in an idle snapshot.
    pub(super) snapshot: bool,
}

/// The pool: idle connections, and permits to borrow one.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
    permits: Semaphore,
}

impl Pool {
    /// Makes a pool that lends out up to `most` connections at a time and starts with `first`.
    pub(crate) fn new(most: usize, first: Pooled) -> Self {
        let idle = Idle { connections: vec![first], ..Idle::default() };
        Self { idle: Mutex::new(idle), permits: Semaphore::new(most) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection, the most recently used one.
    pub(crate) fn pop(&self) -> Option<Pooled> {
        let mut idle = self.lock();
        let pooled = idle.connections.pop();
        idle.spare = idle.spare.min(idle.connections.len());
        pooled
    }

    /// Takes a permit to borrow one connection. [`Pool::add_permit`] gives it back.
    pub(super) async fn take_permit(&self) -> Result<()> {
        match self.permits.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(Error::new(Kind::Internal, "pool closed")),
        }
        Ok(())
    }

    /// Gives back the permit that [`Pool::take_permit`] took.
    pub(super) fn add_permit(&self) {
        self.permits.add_permits(1);
    }

    /// Adds an idle connection. Returns what the caller must report to the maintenance thread.
    pub(super) fn push(&self, pooled: Pooled) -> News {
        let mut idle = self.lock();
        let snapshot = pooled.snapshot.is_open() && !idle.told_of_snapshot;
        idle.connections.push(pooled);
        let spare = idle.connections.len() > 1 && !idle.told;
        idle.told |= spare;
        idle.told_of_snapshot |= snapshot;
        News { spare, snapshot }
    }

    /// Ends the idle snapshots of all idle connections.
    pub(crate) fn end_snapshots(&self) {
        let mut idle = self.lock();
        idle.told_of_snapshot = false;
        idle.connections.retain_mut(|pooled| {
            let ended = pooled.snapshot.end(&pooled.conn);
            ended.inspect_err(|error| tracing::error!(%error, "an idle snapshot did not end")).is_ok()
        });
    }

    /// Removes the connections that were not needed since the last call, but leaves at least one. Returns them and the
    /// number of idle connections that are left.
    pub(crate) fn trim(&self) -> (Vec<Pooled>, usize) {
        let mut idle = self.lock();
        let surplus = idle.spare.min(idle.connections.len().saturating_sub(1));
        let closed = idle.connections.drain(..surplus).collect();
        idle.spare = idle.connections.len();
        idle.told = idle.spare > 1;
        (closed, idle.spare)
    }

    /// Removes and returns all idle connections but one.
    pub(crate) fn spare(&self) -> Vec<Pooled> {
        let mut idle = self.lock();
        let surplus = idle.connections.len().saturating_sub(1);
        idle.spare = 0;
        idle.connections.drain(..surplus).collect()
    }

    /// Removes and returns all idle connections when the pool ends.
    pub(crate) fn drain(&self) -> Vec<Pooled> {
        std::mem::take(&mut self.lock().connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled() -> Pooled {
        Pooled::new(Connection::open_in_memory().unwrap(), Ticket::reserved(), Arc::default())
    }

    #[test]
    fn connections_that_were_not_needed_are_closed_but_the_last() {
        let pool = Pool::new(4, pooled());
        pool.push(pooled());
        pool.push(pooled());
        assert_eq!(pool.trim().0.len(), 0, "they were in use a moment ago");
        let busy = [pool.pop().unwrap(), pool.pop().unwrap()];
        for pooled in busy {
            pool.push(pooled);
        }
        let (surplus, left) = pool.trim();
        assert_eq!((surplus.len(), left), (1, 2), "two were needed at the same time");
        let (surplus, left) = pool.trim();
        assert_eq!((surplus.len(), left), (1, 1));
        assert_eq!(pool.trim().1, 1);
    }

    #[test]
    fn an_open_transaction_or_statement_is_not_clean() {
        let pooled = pooled();
        assert!(pooled.snapshot.is_clean(&pooled.conn));
        pooled.conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2); BEGIN").unwrap();
        assert!(!pooled.snapshot.is_clean(&pooled.conn));
        pooled.conn.execute_batch("COMMIT").unwrap();
        let mut statement = pooled.conn.prepare("SELECT a FROM t").unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next().unwrap();
        assert!(!pooled.snapshot.is_clean(&pooled.conn));
    }
}
