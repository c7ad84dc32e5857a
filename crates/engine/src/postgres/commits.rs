//! Determines the outcome of a transaction whose commit was not answered.

use super::{
    connections::{Connection, refusal},
    opened::Opened,
    server::Server,
};
use crate::{
    error::{Error, Kind, Result},
    write::doubt::Commit,
};
use tokio_postgres::{error::SqlState, types::Type};

impl Server {
    /// Returns the system identifier of the cluster, which the first caller reads; `None` if it cannot be read.
    pub(super) async fn cluster(&self, connection: &mut Connection) -> Option<i64> {
        let read = async || {
            let rows = connection.once("SELECT system_identifier FROM pg_control_system()", &[]).await?;
            let row = rows.first().ok_or_else(|| Error::new(Kind::Internal, "no control file"))?;
            Ok::<i64, Error>(row.get(0))
        };
        self.cluster.get_or_try_init(read).await.ok().copied()
    }

    /// Returns true if the transaction of a write of this place was not committed, and false if that is unknown.
    pub(super) async fn was_aborted(&self, place: &Opened, commit: Commit) -> Result<bool> {
        let mut lease = self.lease_to(place).await?;
        let connection = lease.connection()?;
        if self.cluster(connection).await != Some(commit.cluster) {
            return Ok(false);
        }
        let (sql, xid) = ("SELECT pg_xact_status($1::xid8) = 'aborted'", commit.xid.to_string());
        match connection.once(sql, &[(&xid, Type::TEXT)]).await {
            Ok(rows) => Ok(rows.first().is_some_and(|row| row.get::<_, Option<bool>>(0) == Some(true))),
            // The server has not assigned this number yet. So it crashed, and its log did not contain the transaction.
            Err(error) if is_of_the_future(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn is_of_the_future(error: &Error) -> bool {
    refusal(error).is_some_and(|refused| *refused.code() == SqlState::INVALID_PARAMETER_VALUE)
}
