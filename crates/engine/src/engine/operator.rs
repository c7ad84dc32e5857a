//! An operator's UPDATE in a database, under any schema.

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
        at!(self.server(place)?, server => server.operator_repair(place, script, text, limit))
    }
}
