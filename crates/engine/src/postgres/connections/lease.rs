//! Leases: a slot among the connections of a server, and the connection once it is open.

use super::{Connection, Login, budget::Grant, connection::Role, pool::Pool};
use crate::error::{Error, Kind, Result};
use std::sync::Arc;

/// A connection that one caller uses. Dropping the lease gives the connection back if it is clean, and closes it
/// otherwise (`clean-connection`).
#[derive(Debug)]
pub struct Lease {
    connection: Option<Box<Connection>>,
    place: Place,
    /// False if another role has signed in.
    is_ours: bool,
}

impl Lease {
    /// Opens a connection, unless the slot came with one. A connection for another role is always a new one.
    pub(super) async fn open(mut place: Place, login: Option<&Login>) -> Result<Self> {
        let database = place.database.clone();
        let connection = match place.grant.replace(Grant::Free) {
            Some(Grant::Ready(connection)) if connection.is_clean() && login.is_none() => Some(connection),
            Some(Grant::Ready(connection) | Grant::Replace(connection)) => {
                // Close it in a task, so that the slot stays taken until then even if the caller goes away.
                let closed = tokio::spawn(async move {
                    connection.close().await;
                    place
                });
                let failed = |error| Error::with_source(Kind::Internal, "closing a connection", error);
                place = closed.await.map_err(failed)?;
                None
            }
            Some(Grant::Free) | None => None,
        };
        let connection = match connection {
            Some(connection) => connection,
            None => {
                // Boxed because it is rare, so that the future of a read stays small.
                let connection = Box::pin(place.pool.access.connect(&database, login)).await?;
                let connection = Box::new(connection);
                place.pool.opened(&connection);
                connection
            }
        };
        Ok(Self { connection: Some(connection), place, is_ours: login.is_none() })
    }

    /// Resets the connection to the role that signed in.
    pub(super) async fn reset_role(&mut self) -> Result<()> {
        let connection = self.connection()?;
        if connection.role != Role::Login {
            connection.batch("RESET ROLE").await?;
            connection.role = Role::Login;
        }
        Ok(())
    }

    /// Marks the role of the connection as unknown if it is another role than `role`, because statements for `role`
    /// cannot be prepared with that other role.
    pub(super) fn forget_other_role(&mut self, role: &Arc<str>) -> Result<()> {
        let connection = self.connection()?;
        if matches!(&connection.role, Role::Set(set) if set != role) {
            connection.role = Role::Unknown;
        }
        Ok(())
    }

    /// Returns the connection.
    ///
    /// # Errors
    /// Never fails while the lease lives.
    pub fn connection(&mut self) -> Result<&mut Connection> {
        let connection = self.connection.as_deref_mut();
        connection.ok_or_else(|| Error::new(Kind::Internal, "a lease without a connection"))
    }

    /// Returns true if a statement was sent and its end was not received.
    pub(crate) fn is_in_statement(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.in_statement)
    }

    /// Closes the connection instead of giving it back, so that its database can be copied, renamed or removed.
    ///
    /// # Errors
    /// Returns [`Kind::Internal`] if closing it panicked.
    pub async fn close(mut self) -> Result<()> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        let place = self.place.hand_over();
        let closed = tokio::spawn(async move {
            connection.close().await;
            drop(place);
        });
        closed.await.map_err(|error| Error::with_source(Kind::Internal, "closing a connection", error))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.is_clean() && self.is_ours {
            self.place.grant = Some(Grant::Ready(connection));
            return;
        }
        // Outside a runtime, the socket ends with the runtime that owned it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let place = self.place.hand_over();
        runtime.spawn(async move {
            connection.close().await;
            drop(place);
        });
    }
}

/// A slot of the budget that is taken for a database. Dropping it gives the slot back, with its connection if it has
/// one.
#[derive(Debug)]
pub(super) struct Place {
    pool: Arc<Pool>,
    database: Arc<str>,
    grant: Option<Grant<Box<Connection>>>,
}

impl Place {
    pub(super) fn new(pool: &Arc<Pool>, database: Arc<str>, grant: Grant<Box<Connection>>) -> Self {
        Self { pool: pool.clone(), database, grant: Some(grant) }
    }

    /// Moves the slot to a value that is dropped elsewhere. Dropping `self` then does nothing.
    fn hand_over(&mut self) -> Self {
        Self { pool: self.pool.clone(), database: self.database.clone(), grant: self.grant.take() }
    }

    /// Takes the slot apart, so that dropping it does nothing.
    pub(super) fn dissolve(mut self) -> Option<(Arc<str>, Grant<Box<Connection>>)> {
        self.grant.take().map(|grant| (self.database.clone(), grant))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            self.pool.give_back(&self.database, grant);
        }
    }
}
