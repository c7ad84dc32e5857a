//! An operator's UPDATE in a database, whatever schema it has.

use super::{Engine, Server};
use crate::{error::Result, place::Place, schema::Script};
use std::{sync::Arc, time::Duration};

impl Engine {
    /// Runs one UPDATE on the rows of a place, whatever its schema is, so that the operator can correct values that stop a
    /// migration. Returns the number of rows changed. `REINDEX` instead makes all indexes of the database and the counters
    /// of the place anew, and returns `None`. Rows, keys and the platform's own tables stay as they are. A
    /// shared database is confined as in [`Engine::operator_sql`].
    ///
    /// # Errors
    /// Returns [`crate::error::Kind::Denied`] for any other statement; [`crate::error::Kind::Busy`] while the rows are
    /// being moved; [`crate::error::Kind::SchemaAhead`] as in [`Engine::operator_sql`].
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
