//! Brings every database of a tenant store to the wanted version: canaries first, then the rest.
//!
//! Called by `tenantry migrate-tenants`. Work comes from the catalog alone, so that a run with nothing to do
//! opens no database; a failing tenant is recorded and passed by (X5); a run that is killed is
//! simply run again, because each database keeps its own ledger. Holds no list of all tenants.

use super::page::Run;
use crate::error::{Error, Result};
use tenantry_engine::{
    Kind,
    name::{Slug, StoreName, TenantId},
    place::Place,
};

/// Placements read from the catalog at a time.
const PAGE: u32 = 512;

/// A placement that is not at the wanted version.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The tenant.
    pub tenant: TenantId,
    /// What people call it.
    pub slug: Slug,
    /// Where its rows of the store lie.
    pub place: Place,
    /// Version the catalog knows of.
    pub version: Option<String>,
}

/// What became of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which.
    pub target: Target,
    /// Migrations applied now, or why not.
    pub result: std::result::Result<u32, Failure>,
}

impl Outcome {
    /// Not tried: an operation is at work there.
    pub fn is_busy(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| failure.code == BUSY)
    }
}

/// Code of a database that was not tried because an operation is at work on its tenant.
pub(super) const BUSY: &str = "busy";

/// Why a database stayed where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code of the kind of error.
    pub code: &'static str,
    /// For the operator; may carry private detail.
    pub message: String,
    /// The same for the catalog, which shows it to the tenant's members: without private detail.
    pub public: String,
    /// What to do about it, where that is known (M16).
    pub remedy: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let public = match &error {
            // The statement of a migration, and why it was refused: nothing of it is private to the platform.
            Error::Engine(engine) => match engine.kind() {
                Kind::Statement(why) => why.clone(),
                _ => error.public_title(),
            },
            _ => error.public_title(),
        };
        let is_statement = matches!(&error, Error::Engine(e) if matches!(e.kind(), Kind::Statement(_)));
        let message = if is_statement { public.clone() } else { error.to_string() };
        Self { code: error.code(), message, public, remedy: error.remedy() }
    }
}

/// What a run needs of the catalog.
pub trait Catalog {
    /// How many placements of the store are not at `wanted`.
    fn count_behind(&self, store: &StoreName, wanted: &str) -> impl Future<Output = Result<u64>> + Send;

    /// The next ones in order of tenant.
    fn behind(
        &self,
        store: &StoreName,
        wanted: &str,
        after: Option<TenantId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Target>>> + Send;

    /// Keeps operations away from these databases until they are recorded. Some: what is at work there
    /// already, and it is not claimed.
    fn claim(&self, places: &[&Place]) -> impl Future<Output = Result<Vec<Option<String>>>> + Send;

    /// Records outcomes in one transaction and ends their claims: `wanted` where the run succeeded, else the error.
    fn record(&self, wanted: &str, outcomes: &[Outcome]) -> impl Future<Output = Result<()>> + Send;
}

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Databases migrated at a time.
    pub parallel: usize,
    /// Databases tried before the others. When every one of them fails, the migration is at fault
    /// and not the tenants: the run stops (`half-migrated-fleet`).
    pub canaries: u32,
    /// Only this tenant.
    pub only: Option<TenantId>,
    /// Also databases that tenants brought, which otherwise are left alone (F3).
    pub external: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { parallel: 4, canaries: 3, only: None, external: false }
    }
}

/// What is told while a run goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    Started {
        /// Databases behind.
        total: u64,
    },
    /// One is done, well or not.
    Done(&'a Outcome),
    /// Every canary failed; the rest was not touched.
    Halted {
        /// Canaries.
        tried: u64,
        /// The rest.
        left: u64,
    },
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Databases that were behind when the run began.
    pub total: u64,
    /// Brought up to date.
    pub migrated: u64,
    /// Failed, with the reason.
    pub failed: Vec<Outcome>,
    /// Every canary failed; the rest was not touched.
    pub halted: bool,
}

impl Report {
    /// Nothing failed and nothing was left out.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty() && !self.halted
    }
}

/// Runs over all placements of `store` that are not at `wanted`. `migrate` brings one database up to
/// date and says how many migrations that took. Errors of single databases are in the report; an
/// error here means that the catalog itself could not be read or written.
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
        Run { catalog, wanted, parallel: options.parallel, migrate: &migrate }
            .page(page, &mut report, &mut tell)
            .await?;
        // Tenants that are busy say nothing about the migration.
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
