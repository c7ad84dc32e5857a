//! Changes in a database under any schema: an operator's UPDATE, and the removal of old entries of the activity log.

use super::{Engine, Server};
use crate::{error::Result, place::Place, schema::Script};
use std::{sync::Arc, time::Duration};

impl Engine {
    /// Runs one UPDATE on the rows of a place, under any schema, so that the operator can correct values that stop a
    /// migration. Returns the number of changed rows. `REINDEX` instead rebuilds all indexes of the database and the
    /// counters of the place, and returns `None`. The set of rows, their keys and the platform's own tables do not
    /// change. A shared database is confined as in [`Engine::operator_sql`].
    ///
    /// # Errors
    /// Returns [`crate::error::Kind::Denied`] for any other statement, [`crate::error::Kind::Busy`] while the rows are
    /// being moved, and [`crate::error::Kind::SchemaAhead`] as in [`Engine::operator_sql`].
    pub async fn operator_repair(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limit: Duration,
    ) -> Result<Option<u64>> {
        at!(self.server(place).await?, server => server.operator_repair(place, script, text, limit))
    }

    /// Removes at most `most` entries of the place's activity log that are older than `before`, the oldest first. The newest
    /// entry always stays. Returns the number of removed entries.
    ///
    /// # Errors
    /// Returns [`crate::error::Kind::Busy`] while the rows are being moved.
    pub async fn trim_activity(&self, place: &Place, before: jiff::Timestamp, most: u32) -> Result<u64> {
        at!(self.server(place).await?, server => server.trim_activity(place, before, most))
    }
}
