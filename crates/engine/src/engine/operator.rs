//! An operator's statements in a tenant's own database, whatever schema it has.

use super::Engine;
use crate::{
    error::Result,
    place::Place,
    sqlite::{self, SqlLimits, SqlRows},
};
use std::time::Duration;

impl Engine {
    /// Runs a read-only statement in a tenant's own database, whatever its schema. Operators use it to look at stored
    /// values, even in a database whose migration failed. Tenants use [`super::session::Session::sql`].
    pub async fn operator_sql(&self, place: &Place, text: &str, limits: SqlLimits) -> Result<SqlRows> {
        let (index, server) = self.server(place)?;
        let database = self.0.cache.database(index, server, place).await?;
        sqlite::sql_at_any_schema(database, place, &self.0.long, text, limits).await
    }

    /// Runs one UPDATE in a tenant's own database, whatever its schema is, so that the operator can correct values that
    /// stop a migration. Returns the number of rows changed. Rows, keys and the platform's own tables stay as they are.
    ///
    /// # Errors
    /// [`crate::error::Kind::Denied`] for any other statement; [`crate::error::Kind::Busy`] while the rows are being moved.
    pub async fn operator_repair(&self, place: &Place, text: &str, limit: Duration) -> Result<u64> {
        let text = text.to_owned();
        self.on_file(place, move |site| sqlite::repair(site, &text, limit)).await
    }
}
