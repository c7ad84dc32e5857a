//! Leases of connections: each lends a connection for one piece of work.
//!
//! A connection comes back only through [`Lease::give_back`], which proves it clean (`clean-connection`): outside any
//! transaction, or in an idle snapshot. A lease that is dropped in any other way (cancelled future, error, panic)
//! closes its connection. No borrower holds a lease while it waits for a client.

use super::{database::Database, pool::Pooled};
use crate::{
    error::{Error, Kind, Result},
    schema::Schema,
};
use rusqlite::Connection;
use std::ops::{Deref, DerefMut};

/// A borrowed connection of the database that `D` points at.
#[derive(Debug)]
pub(crate) struct Lease<D: Deref<Target = Database>> {
    database: D,
    pooled: Option<Pooled>,
    /// True if the lease holds one of the pool's permits.
    counted: bool,
}

impl<D: Deref<Target = Database>> Lease<D> {
    /// Waits for a free connection or opens another one, up to the limit of the pool. The connection is not in a
    /// transaction.
    pub(crate) async fn take(database: D) -> Result<Self> {
        let lease = Self::permitted(database).await?.fill_now()?;
        let lease = if lease.pooled.is_some() { lease } else { Box::pin(lease.fill_later()).await? };
        lease.without_snapshot()
    }

    /// Borrows a connection for one short read outside a transaction of the borrower. The connection may be in an idle
    /// snapshot.
    pub(crate) async fn take_to_read(database: D) -> Result<Self> {
        let lease = Self::permitted(database).await?.fill_now()?;
        let mut lease = if lease.pooled.is_some() { lease } else { Box::pin(lease.fill_later()).await? };
        if let Some(Pooled { conn, snapshot, .. }) = &mut lease.pooled {
            snapshot.before_read(conn, lease.database.path())?;
        }
        Ok(lease)
    }

    /// Runs `work` on one state of the database, after making sure that this state has `schema` (`known-schema`).
    /// Checks an idle snapshot only once. For leases from [`Lease::take_to_read`].
    pub(crate) fn read<T>(
        &mut self,
        schema: &Schema,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let Some(Pooled { conn, snapshot, .. }) = &mut self.pooled else {
            return Err(Error::new(Kind::Internal, "a lease without a connection"));
        };
        if snapshot.has_schema(schema.known()) {
            return work(conn);
        }
        if snapshot.is_open() {
            self.database.check(conn, schema)?;
            snapshot.set_schema(schema.known());
            return work(conn);
        }
        conn.prepare_cached("BEGIN")?.execute([])?;
        let done = self.database.check(conn, schema).and_then(|()| work(conn));
        if !conn.is_autocommit() {
            conn.prepare_cached("COMMIT")?.execute([])?;
        }
        done
    }

    /// Borrows a connection for the holder of the write lock. Takes no permit: there is only one such holder, and it
    /// must not wait for the connections of readers that want to write as well. Waits only if the process is out of
    /// descriptors.
    pub(crate) async fn take_as_writer(database: D) -> Result<Self> {
        let lease = Self { database, pooled: None, counted: false }.fill_now()?;
        let lease = if lease.pooled.is_some() { lease } else { Box::pin(lease.fill_later()).await? };
        lease.without_snapshot()
    }

    async fn permitted(database: D) -> Result<Self> {
        database.pool().take_permit().await?;
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
        Ok(self)
    }

    /// Fills the lease once a connection is available. A function of its own, because its state would enlarge the
    /// future of every read.
    async fn fill_later(mut self) -> Result<Self> {
        self.pooled = Some(self.database.one_more().await?);
        Ok(self)
    }

    fn without_snapshot(mut self) -> Result<Self> {
        if let Some(Pooled { conn, snapshot, .. }) = &mut self.pooled {
            snapshot.end(conn)?;
        }
        Ok(self)
    }

    /// Returns the database that lent the connection.
    pub(crate) fn database(&self) -> &D {
        &self.database
    }

    /// Returns the connection to the pool if it is clean; otherwise closes it. No other function returns connections.
    pub(crate) fn give_back(mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        if pooled.snapshot.is_clean(&pooled.conn) {
            let news = self.database.pool().push(pooled);
            if news.spare {
                self.database.has_spare();
            }
            if news.snapshot {
                self.database.has_idle_snapshot();
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
            self.database.pool().add_permit();
        }
    }
}
