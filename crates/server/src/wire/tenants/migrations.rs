//! Bodies and answers about migration runs over all tenants.

use crate::wire::{AsText, operation::Operation};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{
    migrations::{FailureGroup, Rehearsal, RunOptions, StoreStanding},
    name::StoreName,
};

requests! {
    /// What a migration run does. Everything may be left out.
    struct MigrationOptions {
        /// Number of databases migrated at the same time, from 1 to 64; 4 by default.
        parallel: Option<usize>,
        /// Number of databases tried before the others, from 0 to 1000; 3 by default. If all of them fail, the run stops.
        canaries: Option<u32>,
        /// True to include databases that tenants brought.
        external: Option<bool>,
        /// True to leave out databases that did not fail before.
        failed: Option<bool>,
    }
}

impl From<MigrationOptions> for RunOptions {
    fn from(form: MigrationOptions) -> Self {
        let usual = Self::default();
        Self {
            parallel: form.parallel.unwrap_or(usual.parallel),
            canaries: form.canaries.unwrap_or(usual.canaries),
            external: form.external.unwrap_or(usual.external),
            failed: form.failed.unwrap_or(usual.failed),
        }
    }
}

/// The databases of tenants, compared with the loaded apps.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Migrations {
    pub(crate) stores: Vec<StoreMigrations>,
    /// Why databases were not migrated, the most frequent reason first.
    pub(crate) failures: Vec<MigrationFailures>,
    /// The newest run, which may not be over. Null if there was none.
    pub(crate) run: Option<Operation>,
}

answers! {
    /// The databases of one store.
    struct StoreMigrations from found: StoreStanding {
        store: AsText<StoreName> = AsText(found.store),
        /// Fingerprint of the loaded migrations.
        version: String = found.version,
        /// Number of loaded migrations.
        migrations: usize = found.migrations,
        /// Number of databases that lack loaded migrations.
        behind: u64 = found.standing.behind,
        /// Number of databases with migrations that are not loaded.
        ahead: u64 = found.standing.ahead,
        /// Number of databases whose last migration failed.
        failed: u64 = found.failed,
    }

    /// Databases that were not migrated for the same reason.
    struct MigrationFailures from group: FailureGroup {
        store: String = group.store,
        reason: String = group.reason,
        count: u64 = group.count,
        /// Slugs of the first five tenants.
        tenants: Vec<String> = group.tenants,
    }

    /// What a dry run found in a store.
    struct MigrationRehearsal from found: Rehearsal {
        store: AsText<StoreName> = AsText(found.store),
        /// Number of databases that the run would migrate.
        total: u64 = found.total,
        /// Databases on which the migrations were tried and rolled back.
        tried: Vec<MigrationTried> = found.tried.into_iter().map(MigrationTried::from).collect(),
    }
}

/// A database on which the migrations were tried and rolled back.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MigrationTried {
    /// Slug of the tenant; of a pool, the first of its tenants.
    pub(crate) tenant: String,
    /// Why the migrations were refused. Null: they were not.
    pub(crate) reason: Option<String>,
}

type Tried = (tenantry::name::Slug, Option<tenantry::migrations::fleet::Failure>);

impl From<Tried> for MigrationTried {
    fn from((tenant, failure): Tried) -> Self {
        Self { tenant: tenant.to_string(), reason: failure.map(|failure| failure.public) }
    }
}
