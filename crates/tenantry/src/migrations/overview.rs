//! Reports which databases are behind, why migrations failed, and what a migration run would do. The reports come from
//! the catalog and from dry runs.
//!
//! The staff API and pages call it.

use super::{
    Migrations,
    fleet::{Catalog, Failure},
    run::{MigrationRun, RunOptions},
};
use crate::{
    Error, Result,
    access::Actor,
    apps::StoreSchema,
    config::Scope,
    control::params,
    operations::{Filter, Listed, Operation},
    topology::{Fleet, versions},
};
use std::collections::HashSet;
use tenantry_engine::{
    SqlRow,
    name::{Slug, StoreName},
};

/// Largest number of databases that a dry run tries.
const TRIED: u32 = 20;
/// Maximum number of reasons that are listed.
const REASONS: i64 = 50;
/// Maximum number of tenants that are listed for each reason.
const NAMED: i64 = 5;

/// The databases of a store, compared with the loaded apps.
#[derive(Debug, Clone)]
pub struct StoreStanding {
    /// Name of the store.
    pub store: StoreName,
    /// Fingerprint of the store's migrations.
    pub version: String,
    /// Number of the store's migrations.
    pub migrations: usize,
    /// Number of databases that are behind or ahead.
    pub standing: versions::Standing,
    /// Number of databases whose last migration failed.
    pub failed: u64,
}

/// Databases whose last migration failed for the same reason.
#[derive(Debug, Clone)]
pub struct FailureGroup {
    /// Name of the store.
    pub store: String,
    /// Reason of the failure, without private detail.
    pub reason: String,
    /// Number of databases with this failure.
    pub count: u64,
    /// Slugs of the first tenants with this failure.
    pub tenants: Vec<String>,
}

/// Result of a dry run in one store.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// Name of the store.
    pub store: StoreName,
    /// Number of databases that the run would migrate.
    pub total: u64,
    /// Databases on which the migrations were tried and rolled back: slug of the tenant, and the reason if they were
    /// refused.
    pub tried: Vec<(Slug, Option<Failure>)>,
}

impl Migrations<'_> {
    /// Starts a run over the databases that are behind. Returns the id of the operation.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if an option is outside its limits, and [`Error::Occupied`] while another run is
    /// open.
    pub async fn start(&self, actor: &Actor, options: RunOptions) -> Result<i64> {
        actor.require_staff()?;
        options.check()?;
        if let Some(open) = self.newest_run(true).await? {
            return Err(Error::Occupied(format!("operation {} migrates tenants: wait for its end", open.id)));
        }
        self.platform.operations().spawn(MigrationRun::new(actor.by(), options)).await
    }

    /// Returns the newest run; with `open`, only a run that has not ended.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn newest_run(&self, open: bool) -> Result<Option<Listed>> {
        let filter = Filter { open, kind: Some(MigrationRun::KIND), limit: 1, ..Filter::default() };
        Ok(self.platform.operations().list(&filter).await?.pop())
    }

    /// Tries the migrations of a run on the first databases that are behind, and rolls them back. Writers of these
    /// databases wait during the trial.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if an option is outside its limits, and the errors of the control store. The result
    /// contains the errors of single databases.
    pub async fn rehearse(&self, actor: &Actor, options: RunOptions) -> Result<Vec<Rehearsal>> {
        actor.require_staff()?;
        options.check()?;
        let (apps, mut found) = (self.platform.apps(), vec![]);
        let catalog = Fleet::new(self.platform.control().clone(), options.external, actor.by());
        let catalog = catalog.only_failed(options.failed);
        for schema in of_tenants(apps.stores()) {
            let (store, wanted) = (&schema.store, &schema.fingerprint);
            let total = catalog.count_behind(store, wanted).await?;
            let limit = options.canaries.clamp(1, TRIED);
            let (mut tried, mut pools) = (vec![], HashSet::new());
            for target in catalog.behind(store, wanted, None, limit).await? {
                let place = &target.place;
                // All tenants of a pool share its tables.
                if place.isolation.is_pooled()
                    && !pools.insert((place.server.clone(), place.physical.clone()))
                {
                    continue;
                }
                let refused = self.platform.0.engine.rehearse(place, apps.migrations()).await.err();
                tried.push((target.slug, refused.map(|error| Failure::from(Error::from(error)))));
            }
            found.push(Rehearsal { store: store.clone(), total, tried });
        }
        Ok(found)
    }

    /// Compares the databases of each store of tenants with the loaded apps. Reads only the catalog.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn stores(&self) -> Result<Vec<StoreStanding>> {
        let (apps, control, mut found) = (self.platform.apps(), self.platform.control(), vec![]);
        for schema in of_tenants(apps.stores()) {
            let standing = versions::standing(control, std::slice::from_ref(schema)).await?;
            let sql = "SELECT count(*) FROM placements \
                WHERE store = ? AND state = 'ready' AND migration_error IS NOT NULL";
            let mut tx = control.snapshot().await?;
            let failed = crate::users::count(&mut tx, sql, params![schema.store.as_str()]).await?;
            found.push(StoreStanding {
                store: schema.store.clone(),
                version: schema.fingerprint.clone(),
                migrations: schema.migrations.len(),
                standing,
                failed: u64::try_from(failed).unwrap_or(0),
            });
        }
        Ok(found)
    }

    /// Returns the reasons why migrations failed, the most frequent first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn failures(&self) -> Result<Vec<FailureGroup>> {
        let mut tx = self.platform.control().snapshot().await?;
        let sql = "SELECT store, migration_error, count(*) FROM placements \
            WHERE state = 'ready' AND migration_error IS NOT NULL \
            GROUP BY store, migration_error ORDER BY 3 DESC, 1, 2 LIMIT ?";
        let mut groups = vec![];
        for row in tx.query(sql, params![REASONS]).await? {
            let (store, reason) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            let named = "SELECT (SELECT slug FROM tenants WHERE id = tenant) FROM placements \
                WHERE store = ? AND state = 'ready' AND migration_error = ? ORDER BY tenant LIMIT ?";
            let rows = tx.query(named, params![store.as_str(), reason.as_str(), NAMED]).await?;
            let slug = |row: &SqlRow| Ok::<_, Error>(row.text(0)?.to_owned());
            let tenants = rows.iter().map(slug).collect::<Result<_>>()?;
            groups.push(FailureGroup {
                store,
                reason,
                count: u64::try_from(row.integer(2)?).unwrap_or(0),
                tenants,
            });
        }
        Ok(groups)
    }
}

fn of_tenants(stores: &[StoreSchema]) -> impl Iterator<Item = &StoreSchema> {
    stores.iter().filter(|schema| schema.scope == Scope::Tenant)
}
