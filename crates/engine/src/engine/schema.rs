//! Migrates databases and compares them with the migrations.

use super::{Engine, Template, blocking};
use crate::{
    error::Result,
    ledger::MigrateReport,
    migration::Migration,
    name::StoreName,
    place::{Isolation, Place},
    schema::{Fault, Inspection},
    sqlite::{self, Script},
};
use std::{path::PathBuf, sync::Arc};

impl Engine {
    /// Applies those of `migrations` that the database of `place` lacks.
    pub async fn migrate(&self, place: &Place, migrations: &[Migration]) -> Result<MigrateReport> {
        let script = Arc::new(Script::new(&place.store, place.isolation, migrations)?);
        self.migrate_with(place, &script).await
    }

    /// Applies the missing migrations of a script, which can be compiled once for a whole fleet.
    pub async fn migrate_with(&self, place: &Place, script: &Arc<Script>) -> Result<MigrateReport> {
        let script = script.clone();
        self.on_file(place, move |site| sqlite::migrate_file(site, &script)).await
    }

    /// Applies the missing `migrations` to the database of `place` and rolls them back. Other writers wait meanwhile.
    ///
    /// # Errors
    /// [`crate::Kind::Statement`] if one of them is refused.
    pub async fn rehearse(&self, place: &Place, migrations: &[Migration]) -> Result<()> {
        let script = Script::new(&place.store, place.isolation, migrations)?;
        self.on_file(place, move |site| sqlite::rehearse_file(site, &script)).await
    }

    /// Compares the database of `place` with the schema that `migrations` make.
    pub async fn inspect(&self, place: &Place, migrations: &[Migration]) -> Result<Inspection> {
        let script = Script::new(&place.store, place.isolation, migrations)?;
        self.on_file(place, move |site| sqlite::inspect_file(site, &script)).await
    }

    /// Compares the search indexes of the database of `place` with its rows, in a pool those of all tenants. The database
    /// must have all migrations of `script`.
    pub async fn check_search(&self, place: &Place, script: &Arc<Script>) -> Result<Vec<Fault>> {
        let script = script.clone();
        self.on_file(place, move |site| sqlite::check_search(site, &script)).await
    }

    /// Compares the counters of `place` with its rows, and each of its values with its field. The database must have all
    /// migrations of `script`.
    pub async fn check_rows(&self, place: &Place, script: &Arc<Script>) -> Result<Vec<Fault>> {
        let script = script.clone();
        self.on_file(place, move |site| sqlite::check_rows(site, &script)).await
    }

    /// Returns the files of the template that are damaged, on all servers.
    pub async fn damaged_templates(&self, template: &Template) -> Result<Vec<PathBuf>> {
        let (servers, template) = (self.0.servers.clone(), template.clone());
        blocking(move || {
            let mut damaged = vec![];
            for server in &servers {
                damaged.extend(template.damaged(server)?);
            }
            Ok(damaged)
        })
        .await
    }

    /// Returns the template for databases of `store` with these migrations applied. Does not use the disk yet.
    pub fn template(&self, store: &StoreName, migrations: &[Migration]) -> Result<Template> {
        let script = Script::new(store, Isolation::Database, migrations)?;
        let fingerprint = script.fingerprint().to_owned();
        Ok(Template::new(store.clone(), &fingerprint, Arc::new(move |conn| script.run(conn).map(drop))))
    }
}
