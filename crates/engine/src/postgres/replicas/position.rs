//! Positions that callers carry from a write in one process to a read in another.

use super::Replicas;
use crate::{
    error::Result,
    position::{LogPosition, Position, Seal},
    postgres::server::Server,
};
use tokio_postgres::Row;

/// Query for the position of a primary after a commit. The position may include later log entries of other writers.
pub(in crate::postgres) const POSITION: &str = "SELECT (l.at - '0/0')::bigint, \
    ('x' || left(pg_walfile_name(l.at), 8))::bit(32)::integer FROM pg_current_wal_insert_lsn() AS l(at)";

/// Reads the result of [`POSITION`].
pub(in crate::postgres) fn position(row: &Row) -> LogPosition {
    LogPosition { timeline: row.get(1), at: row.get(0) }
}

impl Replicas {
    async fn seal(&self, server: &Server) -> Result<&Seal> {
        self.seal.get_or_try_init(async || Ok(Seal::new(server.secret().await?))).await
    }

    /// Seals the position of a commit; `None` if the secret of the server cannot be read.
    pub(in crate::postgres) async fn sealed(&self, server: &Server, at: LogPosition) -> Option<Position> {
        match self.seal(server).await {
            Ok(seal) => Some(seal.close(at)),
            Err(error) => {
                tracing::warn!(%error, server = %self.server, "a write has no position");
                None
            }
        }
    }

    /// Returns the latest of the positions that belong to this server.
    ///
    /// # Errors
    /// Returns the reason why the secret of the server cannot be read.
    pub(in crate::postgres) async fn opened(
        &self,
        server: &Server,
        positions: &[Position],
    ) -> Result<Option<LogPosition>> {
        let seal = self.seal(server).await?;
        Ok(positions.iter().filter_map(|position| seal.open(position)).max())
    }
}
