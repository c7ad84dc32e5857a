//! The operation that migrates the databases of all tenants, or of those that failed before.
//!
//! Steps: begin | all. Each database is claimed for its own migration only, so operations on other tenants continue. A
//! failing tenant does not stop the run. After a crash the run continues with the databases that are still behind; a
//! cancelled run does not undo the migrations that it has applied.

use super::{
    fleet::{self, Event, Report},
    tenants,
};
use crate::{
    Error, Result,
    audit::By,
    control::Write,
    operations::{Context, Operation, Step, step},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::RangeInclusive;
use tenantry_engine::name::{StoreName, TenantId};

/// Number of failures that the outcome lists by name. The others are only counted.
const TOLD: usize = 100;
/// Allowed numbers of databases that a run migrates at the same time.
const PARALLEL: RangeInclusive<usize> = 1..=64;
/// Allowed numbers of databases that a run tries before the others.
const CANARIES: RangeInclusive<u32> = 0..=1000;

/// Options of a run over the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Number of databases that are migrated at the same time.
    pub parallel: usize,
    /// Number of databases tried before the others. If all of them fail, the run stops.
    pub canaries: u32,
    /// True to include external databases, which are otherwise left unchanged.
    pub external: bool,
    /// True to leave out databases that did not fail before.
    pub failed: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        let fleet::Options { parallel, canaries, external, failed, .. } = fleet::Options::default();
        Self { parallel, canaries, external, failed }
    }
}

impl RunOptions {
    /// Checks the limits.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the name of the option that is outside its limits.
    pub(super) fn check(&self) -> Result<()> {
        let within = |field, is_within, least: usize, most: usize| match is_within {
            true => Ok(()),
            false => Err(Error::invalid(field, format!("a number from {least} to {most}"))),
        };
        within("parallel", PARALLEL.contains(&self.parallel), *PARALLEL.start(), *PARALLEL.end())?;
        let (least, most) = (*CANARIES.start() as usize, *CANARIES.end() as usize);
        within("canaries", CANARIES.contains(&self.canaries), least, most)
    }
}

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MigrationRun {
    by: By,
    options: RunOptions,
    stores: Vec<Counted>,
    failures: Vec<Failed>,
}

/// Result for one store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Counted {
    store: StoreName,
    total: u64,
    migrated: u64,
    failed: u64,
    halted: bool,
}

/// A database that was not migrated.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failed {
    tenant: String,
    store: StoreName,
    code: String,
    reason: String,
}

impl MigrationRun {
    pub(super) fn new(by: By, options: RunOptions) -> Self {
        Self { by, options, stores: vec![], failures: vec![] }
    }

    fn note(&mut self, store: StoreName, report: Report) {
        let failures = report.failed.iter().filter_map(|outcome| {
            let failure = outcome.result.as_ref().err()?;
            Some(Failed {
                tenant: outcome.target.slug.to_string(),
                store: store.clone(),
                code: failure.code.to_owned(),
                reason: failure.public.clone(),
            })
        });
        self.failures.extend(failures);
        self.failures.truncate(TOLD);
        let Report { total, migrated, failed, halted } = report;
        self.stores.push(Counted { store, total, migrated, failed: failed.len() as u64, halted });
    }
}

impl Operation for MigrationRun {
    const KIND: &'static str = "migration_run";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: begin, undo: Some(step::nothing) },
            Step::Outside { name: "all", run: all, undo: step::leave },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        match self.options.failed {
            true => "migrate the tenants that failed before".into(),
            false => "migrate all tenants".into(),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        json!({ "stores": self.stores, "failures": self.failures })
    }
}

fn begin<'a>(write: &'a mut Write, run: &'a mut MigrationRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { write.audit(&run.by, None, "migrations.run", json!(run.options)).await })
}

fn all<'a>(context: &'a Context, run: &'a mut MigrationRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let RunOptions { parallel, canaries, external, failed } = run.options;
        let cancel = context.cancel.clone();
        let options = fleet::Options { parallel, canaries, only: None, external, failed, cancel };
        let (mut done, mut total) = (0, 0);
        let tell = |_: &StoreName, event: Event<'_>| {
            match event {
                Event::Started { total: more } => total += more,
                Event::Done(_) => done += 1,
                Event::Halted { .. } => {}
            }
            context.progress.set(done, total, "tenants");
        };
        let (engine, apps) = (context.databases.engine(), context.databases.apps());
        let reports = tenants::migrate(&context.control, &run.by, engine, apps, None, &options, tell).await?;
        // After a crash the step runs again, so discard the earlier results.
        (run.stores, run.failures) = (vec![], vec![]);
        reports.into_iter().for_each(|(store, report)| run.note(store, report));
        Ok(())
    })
}
