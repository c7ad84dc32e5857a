//! Migrates every database of a tenant store to the wanted version: canaries first, then the rest.
//!
//! `tenantry migrate tenants` calls it. The work list comes from the catalog alone, so a run with nothing to do opens
//! no database. A failing tenant is recorded and does not stop the run. A killed run is simply started again, because
//! each database has its own ledger. The run holds no list of all tenants in memory.

use super::page::Run;
use crate::{
    error::{Error, Result},
    operations::Cancel,
};
use tenantry_engine::{
    Kind, RefusedRows,
    name::{Slug, StoreName, TenantId},
    place::Place,
};

/// Number of placements read from the catalog in one page.
const PAGE: u32 = 512;

/// A placement that is not at the wanted version.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Place of the tenant's rows in the store.
    pub place: Place,
    /// Version that the catalog records.
    pub version: Option<String>,
}

/// Result for one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Target that was tried.
    pub target: Target,
    /// Number of migrations applied now, or the reason why none was applied.
    pub result: std::result::Result<u32, Failure>,
}

impl Outcome {
    /// Returns true if the database was not tried because an operation is open on its tenant.
    pub fn is_busy(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| failure.code == BUSY)
    }
}

/// Code of a database that was not tried because an operation is open on its tenant.
pub(super) const BUSY: &str = "busy";

/// Reason why a database was not migrated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code of the kind of error.
    pub code: &'static str,
    /// Text for the operator; may contain private detail.
    pub message: String,
    /// Text for the catalog, which shows it to the tenant's members. It contains no private detail.
    pub public: String,
    /// Remedy, if known.
    pub remedy: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, mut remedy) = (error.code(), error.remedy());
        let pooled = match &error {
            Error::Engine(engine) => RefusedRows::of(engine).filter(|rows| rows.is_pooled()),
            _ => None,
        };
        if pooled.is_some() {
            remedy =
                Some("the rows are in a pool; tenantry check names their tenants and the commands".into());
        }
        let (message, public) = match &error {
            Error::Engine(engine) => match engine.kind() {
                // The statement and the reason are not private, but the rows of a pool belong to many tenants.
                Kind::Statement(why) => {
                    (pooled.map_or_else(|| why.clone(), |rows| format!("{why}: {rows}")), why.clone())
                }
                _ => (error.to_string(), error.public_title()),
            },
            _ => (error.to_string(), error.public_title()),
        };
        Self { code, message, public, remedy }
    }
}

/// Catalog queries that a run needs.
pub trait Catalog {
    /// Returns the number of placements of the store that are not at `wanted`.
    fn count_behind(&self, store: &StoreName, wanted: &str) -> impl Future<Output = Result<u64>> + Send;

    /// Returns the next placements that are not at `wanted`, ordered by tenant.
    fn behind(
        &self,
        store: &StoreName,
        wanted: &str,
        after: Option<TenantId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Target>>> + Send;

    /// Claims these databases, so that no operation begins on them until they are recorded. For each database that
    /// could not be claimed, returns the operation or run that is using it.
    fn claim(&self, places: &[&Place]) -> impl Future<Output = Result<Vec<Option<String>>>> + Send;

    /// Records outcomes in one transaction, and releases their claims. Records `wanted` if the migration succeeded,
    /// otherwise the error.
    fn record(&self, wanted: &str, outcomes: &[Outcome]) -> impl Future<Output = Result<()>> + Send;
}

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of databases migrated at the same time.
    pub parallel: usize,
    /// Number of databases tried before the others. If all of them fail, the cause is the migration instead of the
    /// tenants, and the run stops (`half-migrated-fleet`).
    pub canaries: u32,
    /// Tenant to migrate; `None` for all tenants.
    pub only: Option<TenantId>,
    /// True to include external databases, which are otherwise left unchanged.
    pub external: bool,
    /// True to leave out databases whose last migration did not fail.
    pub failed: bool,
    /// Ends the run before its next databases once a cancellation was requested.
    pub cancel: Cancel,
}

impl Default for Options {
    fn default() -> Self {
        let cancel = Cancel::default();
        Self { parallel: 4, canaries: 3, only: None, external: false, failed: false, cancel }
    }
}

/// Progress of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    Started {
        /// Number of databases that are behind.
        total: u64,
    },
    /// A database is done, successfully or not.
    Done(&'a Outcome),
    /// All canaries failed, and the other databases were not tried.
    Halted {
        /// Number of canaries tried.
        tried: u64,
        /// Number of other databases.
        left: u64,
    },
}

/// Result of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Number of databases that were behind when the run began.
    pub total: u64,
    /// Number of databases migrated.
    pub migrated: u64,
    /// Databases that failed, with the reason.
    pub failed: Vec<Outcome>,
    /// True if all canaries failed, so that the other databases were not tried.
    pub halted: bool,
}

impl Report {
    /// Returns true if nothing failed and nothing was left out.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty() && !self.halted
    }
}

/// Migrates all placements of `store` that are not at `wanted`. `migrate` migrates one database and returns the number
/// of migrations applied. The report contains the errors of single databases.
///
/// # Errors
/// Returns the errors of reading or writing the catalog, and [`Error::Cancelled`].
pub async fn run<C, M, F>(
    catalog: &C,
    store: &StoreName,
    wanted: &str,
    options: &Options,
    migrate: M,
    mut tell: impl FnMut(Event<'_>),
) -> Result<Report>
where
    C: Catalog,
    M: Fn(Place) -> F,
    F: Future<Output = Result<u32>>,
{
    let mut report = Report { total: total(catalog, store, wanted, options).await?, ..Report::default() };
    tell(Event::Started { total: report.total });
    let mut after = options.only.map(|only| TenantId::from_raw(only.get() - 1));
    let mut limit = if options.only.is_some() { 1 } else { options.canaries.max(1) };
    let mut canary = options.only.is_none() && options.canaries > 0;
    while report.total > 0 {
        let mut page = catalog.behind(store, wanted, after, limit).await?;
        page.retain(|target| options.only.is_none_or(|only| only == target.tenant));
        let Some(last) = page.last().map(|target| target.tenant) else { break };
        let before = report.migrated;
        let tried = page.len() as u64;
        Run { catalog, wanted, parallel: options.parallel, cancel: &options.cancel, migrate: &migrate }
            .page(page, &mut report, &mut tell)
            .await?;
        // Busy tenants say nothing about the migration.
        let at_fault = report.failed.iter().any(|outcome| !outcome.is_busy());
        if canary && report.migrated == before && at_fault && tried < report.total {
            report.halted = true;
            tell(Event::Halted { tried, left: report.total - tried });
            break;
        }
        if options.only.is_some() {
            break;
        }
        (after, limit, canary) = (Some(last), PAGE, false);
    }
    Ok(report)
}

async fn total<C: Catalog>(catalog: &C, store: &StoreName, wanted: &str, options: &Options) -> Result<u64> {
    match options.only {
        None => catalog.count_behind(store, wanted).await,
        Some(only) => {
            let before = Some(TenantId::from_raw(only.get() - 1));
            let next = catalog.behind(store, wanted, before, 1).await?;
            Ok(u64::from(next.first().is_some_and(|target| target.tenant == only)))
        }
    }
}
