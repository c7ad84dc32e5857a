//! The connections of one open database: identical, read-write, each lent for one piece of work.
//!
//! A connection comes back through [`Lease::give_back`] only, which proves it clean (`clean-connection`): outside any
//! transaction, or in an idle snapshot ([`Rest`]). A lease that is dropped any other way (cancelled future, error,
//! panic) closes its connection. No borrower holds a lease while it waits for a client.

use super::{base::Opened, database::Database, handles::Ticket};
use crate::{
    error::{Error, Kind, Result},
    schema::Schema,
    sqlite::wal_index::Rest,
};
use rusqlite::Connection;
use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// One connection, its idle snapshot and the cap last set on it.
#[derive(Debug)]
pub(crate) struct Pooled {
    pub(crate) conn: Connection,
    /// The size cap in bytes that was applied last, see [`Database::set_cap`].
    pub(crate) cap: Option<u64>,
    /// Declared after `conn`, so that the connection closes first and the `-shm` file may already be unlinked.
    rest: Rest,
    /// Declared after `conn`: the descriptors are free only after the connection is closed.
    _ticket: Ticket,
    /// Declared after `conn`: the file is open in this process until the connection is closed.
    _opened: Arc<Opened>,
}

impl Pooled {
    /// Wraps a connection that has been set up.
    pub(crate) fn new(conn: Connection, ticket: Ticket, opened: Arc<Opened>) -> Self {
        Self { conn, cap: None, rest: Rest::default(), _ticket: ticket, _opened: opened }
    }
}

/// Idle connections, most recently used last.
#[derive(Debug, Default)]
struct Idle {
    connections: Vec<Pooled>,
    /// Smallest number of idle connections since the last trim: so many were not needed.
    spare: usize,
    /// The maintenance thread knows of the spare connections. It is told once and not at every return, because waking
    /// it costs more than a point read.
    told: bool,
    /// The maintenance thread knows that there may be idle snapshots.
    told_of_rest: bool,
}

/// What the maintenance thread must be told.
#[derive(Debug, Default, PartialEq)]
struct News {
    /// There is more than one idle connection.
    spare: bool,
    /// A connection is in an idle snapshot.
    rest: bool,
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

    fn push(&self, pooled: Pooled) -> News {
        let mut idle = self.lock();
        let rest = pooled.rest.is_resting() && !idle.told_of_rest;
        idle.connections.push(pooled);
        let spare = idle.connections.len() > 1 && !idle.told;
        idle.told |= spare;
        idle.told_of_rest |= rest;
        News { spare, rest }
    }

    /// Ends the idle snapshots of all idle connections.
    pub(crate) fn wake(&self) {
        let mut idle = self.lock();
        idle.told_of_rest = false;
        idle.connections.retain_mut(|pooled| {
            let woken = pooled.rest.wake(&pooled.conn);
            woken.inspect_err(|error| tracing::error!(%error, "a resting connection is closed")).is_ok()
        });
    }

    /// Takes out the connections that were not needed since the last call, leaving at least one. Also returns how many
    /// idle connections are left.
    pub(crate) fn trim(&self) -> (Vec<Pooled>, usize) {
        let mut idle = self.lock();
        let surplus = idle.spare.min(idle.connections.len().saturating_sub(1));
        let closed = idle.connections.drain(..surplus).collect();
        idle.spare = idle.connections.len();
        idle.told = idle.spare > 1;
        (closed, idle.spare)
    }

    /// Takes out all idle connections but one.
    pub(crate) fn spare(&self) -> Vec<Pooled> {
        let mut idle = self.lock();
        let surplus = idle.connections.len().saturating_sub(1);
        idle.spare = 0;
        idle.connections.drain(..surplus).collect()
    }

    /// Takes out all idle connections when the pool ends.
    pub(crate) fn drain(&self) -> Vec<Pooled> {
        std::mem::take(&mut self.lock().connections)
    }
}

/// A borrowed connection of the database `D` points at.
#[derive(Debug)]
pub(crate) struct Lease<D: Deref<Target = Database>> {
    database: D,
    pooled: Option<Pooled>,
    /// Holds one of the pool's permits.
    counted: bool,
}

impl<D: Deref<Target = Database>> Lease<D> {
    /// Waits for a free connection or opens another one, up to the limit of the pool. The connection is in no
    /// transaction.
    pub(crate) async fn take(database: D) -> Result<Self> {
        let lease = Self::permitted(database).await?.fill_now()?;
        let lease = if lease.pooled.is_some() { lease } else { Box::pin(lease.fill_later()).await? };
        lease.awake()
    }

    /// Borrows a connection for one short read outside any transaction of the borrower. It may be in an idle snapshot.
    pub(crate) async fn take_to_read(database: D) -> Result<Self> {
        let lease = Self::permitted(database).await?.fill_now()?;
        let mut lease = if lease.pooled.is_some() { lease } else { Box::pin(lease.fill_later()).await? };
        if let Some(Pooled { conn, rest, .. }) = &mut lease.pooled {
            rest.before_read(conn, lease.database.path())?;
        }
        Ok(lease)
    }

    /// Runs `work` on one state of the database, after making sure that this state has `schema` (`known-schema`). An
    /// idle snapshot is checked only once. For leases from [`Lease::take_to_read`].
    pub(crate) fn read<T>(
        &mut self,
        schema: &Schema,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let Some(Pooled { conn, rest, .. }) = &mut self.pooled else {
            return Err(Error::new(Kind::Internal, "a lease without a connection"));
        };
        if rest.has_schema(schema.known()) {
            return work(conn);
        }
        if rest.is_resting() {
            self.database.check(conn, schema)?;
            rest.set_schema(schema.known());
            return work(conn);
        }
        conn.prepare_cached("BEGIN")?.execute([])?;
        let done = self.database.check(conn, schema).and_then(|()| work(conn));
        if !conn.is_autocommit() {
            conn.prepare_cached("COMMIT")?.execute([])?;
        }
        done
    }

    /// Borrows a connection for the holder of the write lock. It takes no permit: there is one such holder, and it must
    /// not wait for connections of readers that want to write as well. It waits only if the process is out of
    /// descriptors.
    pub(crate) async fn take_as_writer(database: D) -> Result<Self> {
        let lease = Self { database, pooled: None, counted: false }.fill_now()?;
        let lease = if lease.pooled.is_some() { lease } else { Box::pin(lease.fill_later()).await? };
        lease.awake()
    }

    async fn permitted(database: D) -> Result<Self> {
        match database.pool().permits.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(Error::new(Kind::Internal, "pool closed")),
        }
        // From here on, dropping the lease gives the permit back.
        Ok(Self { database, pooled: None, counted: true })
    }

    /// Fills the lease with an idle or a new connection; leaves it empty if the process is out of descriptors.
    fn fill_now(mut self) -> Result<Self> {
        self.database.still_there()?;
        self.pooled = match self.database.pool().pop() {
            Some(pooled) => Some(pooled),
            None => self.database.connect_if_free()?,
        };
        self.capped()
    }

    /// Fills the lease once a connection is available. Kept apart, because its state would make every read's future
    /// large.
    async fn fill_later(mut self) -> Result<Self> {
        self.pooled = Some(self.database.one_more().await?);
        self.capped()
    }

    fn capped(mut self) -> Result<Self> {
        if let Some(pooled) = &mut self.pooled {
            self.database.apply_cap(pooled)?;
        }
        Ok(self)
    }

    fn awake(mut self) -> Result<Self> {
        if let Some(Pooled { conn, rest, .. }) = &mut self.pooled {
            rest.wake(conn)?;
        }
        Ok(self)
    }

    /// Returns the connection to the pool. There is no other way back.
    pub(crate) fn give_back(mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        if pooled.rest.is_clean(&pooled.conn) {
            let news = self.database.pool().push(pooled);
            if news.spare {
                self.database.has_spare();
            }
            if news.rest {
                self.database.has_rest();
            }
        } else {
            tracing::error!(database = %self.database.path().display(), "a connection came back unclean and was closed");
        }
    }
}

impl<D: Deref<Target = Database>> Deref for Lease<D> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        match &self.pooled {
            Some(pooled) => &pooled.conn,
            None => unreachable!("a lease holds its connection until it is given back"),
        }
    }
}

impl<D: Deref<Target = Database>> DerefMut for Lease<D> {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.pooled {
            Some(pooled) => &mut pooled.conn,
            None => unreachable!("a lease holds its connection until it is given back"),
        }
    }
}

impl<D: Deref<Target = Database>> Drop for Lease<D> {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.database.discard(pooled);
        }
        if self.counted {
            self.database.pool().permits.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled() -> Pooled {
        Pooled::new(Connection::open_in_memory().unwrap(), Ticket::reserved(), Arc::default())
    }

    #[test]
    fn connections_nobody_needed_are_closed_but_the_last() {
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
        assert!(pooled.rest.is_clean(&pooled.conn));
        pooled.conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2); BEGIN").unwrap();
        assert!(!pooled.rest.is_clean(&pooled.conn));
        pooled.conn.execute_batch("COMMIT").unwrap();
        let mut statement = pooled.conn.prepare("SELECT a FROM t").unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next().unwrap();
        assert!(!pooled.rest.is_clean(&pooled.conn));
    }
}
