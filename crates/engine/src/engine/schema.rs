//! Migrates databases and compares them with the migrations.

use super::{Engine, Server};
use crate::{
    error::Result,
    ledger::MigrateReport,
    migration::Migration,
    place::Place,
    schema::{Fault, Inspection, Script, Template},
};
use std::{path::PathBuf, sync::Arc};

impl Engine {
    /// Applies the migrations in `migrations` that the database of `place` lacks.
    pub async fn migrate(&self, place: &Place, migrations: &[Migration]) -> Result<MigrateReport> {
        let script = Arc::new(Script::new(&place.store, migrations)?);
        self.migrate_with(place, &script).await
    }

    /// Applies the missing migrations of a script. The script can be compiled once for a whole fleet.
    pub async fn migrate_with(&self, place: &Place, script: &Arc<Script>) -> Result<MigrateReport> {
        at!(self.server(place).await?, server => server.migrate_with(place, script))
    }

    /// Applies the missing `migrations` to the database of `place` and rolls them back. Other writers wait for it.
    ///
    /// # Errors
    /// Returns [`crate::Kind::Statement`] if the database refuses one of them.
    pub async fn rehearse(&self, place: &Place, migrations: &[Migration]) -> Result<()> {
        let script = Script::new(&place.store, migrations)?;
        at!(self.server(place).await?, server => server.rehearse(place, &script))
    }

    /// Compares the database of `place` with the schema that `migrations` produce.
    pub async fn inspect(&self, place: &Place, migrations: &[Migration]) -> Result<Inspection> {
        let script = Script::new(&place.store, migrations)?;
        at!(self.server(place).await?, server => server.inspect(place, &script))
    }

    /// Compares the search indexes of the database of `place` with its rows; in a pool, with the rows of all tenants.
    /// The database must have all migrations of `script`.
    pub async fn check_search(&self, place: &Place, script: &Arc<Script>) -> Result<Vec<Fault>> {
        at!(self.server(place).await?, server => server.check_search(place, script))
    }

    /// Compares the counters of `place` with its rows, and each of its values with its field. The database must have all
    /// migrations of `script`.
    pub async fn check_rows(&self, place: &Place, script: &Arc<Script>) -> Result<Vec<Fault>> {
        at!(self.server(place).await?, server => server.check_rows(place, script))
    }

    /// Returns the files of the template that are damaged, on all servers.
    pub async fn damaged_templates(&self, template: &Template) -> Result<Vec<PathBuf>> {
        let mut damaged = vec![];
        for server in &self.0.servers {
            if let Server::Sqlite(server) = server {
                damaged.extend(server.damaged_template(template).await?);
            }
        }
        Ok(damaged)
    }
}
