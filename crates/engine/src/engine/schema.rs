//! Migrates databases and compares them with the migrations.

use super::{Engine, Template};
use crate::{
    error::Result,
    migration::Migration,
    name::StoreName,
    place::{Isolation, Place},
    schema::Inspection,
    sqlite::{self, MigrateReport, Script},
};
use std::sync::Arc;

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

    /// Returns the template for databases of `store` with these migrations applied. Does not use the disk yet.
    pub fn template(&self, store: &StoreName, migrations: &[Migration]) -> Result<Template> {
        let script = Script::new(store, Isolation::Database, migrations)?;
        let fingerprint = script.fingerprint().to_owned();
        Ok(Template::new(store.clone(), &fingerprint, Arc::new(move |conn| script.run(conn).map(drop))))
    }
}
