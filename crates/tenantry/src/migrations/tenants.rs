//! `tenantry migrate tenants`: migrates all tenant stores to the version of the installed apps.
//!
//! The platform calls it for the command line. Statements are compiled once for all tenants. The engine opens each
//! database only for its own migration, outside its cache.

use super::fleet::{self, Event, Options, Report};
use crate::{
    apps::Apps,
    audit::By,
    config::Scope,
    control::Control,
    error::{Error, Result},
    topology::Fleet,
};
use std::sync::Arc;
use tenantry_engine::{Engine, MigrateReport, Script, name::StoreName, place::Place};

/// Migrates all tenant stores, or one. Returns a report for each store.
///
/// # Errors
/// Returns the errors of reading or writing the catalog. The reports contain the errors of single databases.
pub(crate) async fn migrate(
    control: &Control,
    by: &By,
    engine: &Engine,
    apps: &Apps,
    only: Option<&StoreName>,
    options: &Options,
    mut tell: impl FnMut(&StoreName, Event<'_>),
) -> Result<Vec<(StoreName, Report)>> {
    let mut reports = Vec::new();
    let stores = apps.stores().iter().filter(|schema| schema.scope == Scope::Tenant);
    for schema in stores.filter(|schema| only.is_none_or(|only| *only == schema.store)) {
        let script = Arc::new(Script::new(&schema.store, apps.migrations())?);
        let migrate = |place: Place| {
            let (engine, script) = (engine.clone(), script.clone());
            async move { applied(engine.migrate_with(&place, &script).await?) }
        };
        let tell = |event: Event<'_>| tell(&schema.store, event);
        let catalog = Fleet::new(control.clone(), options.external, by.clone()).only_failed(options.failed);
        let report = fleet::run(&catalog, &schema.store, &schema.fingerprint, options, migrate, tell).await?;
        reports.push((schema.store.clone(), report));
    }
    Ok(reports)
}

/// Refuses a database that newer apps have migrated. Recording it as current would let this program write into a schema
/// that it does not know.
fn applied(report: MigrateReport) -> Result<u32> {
    match report.unknown.first() {
        None => Ok(u32::try_from(report.applied.len()).unwrap_or(u32::MAX)),
        Some(unknown) => Err(Error::Conflict(format!(
            "the database has migration {unknown}, which the installed apps do not: start a newer version"
        ))),
    }
}
