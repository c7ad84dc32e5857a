//! The operation that proves the isolation of all tenants, or of one.
//!
//! Steps: begin | check | record. The second step only reads, so a repeated one begins anew. The last step stores the report
//! and writes its digest to the audit log.

use super::{record, report::Report, survey::Survey};
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
use tenantry_engine::name::{Slug, TenantId};

/// Allowed numbers of places that a proof checks at the same time.
const PARALLEL: RangeInclusive<usize> = 1..=16;
/// Allowed numbers of places that a proof begins in a second.
const PER_SECOND: RangeInclusive<u32> = 1..=1000;

/// Options of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofOptions {
    /// Number of places that are checked at the same time.
    pub parallel: usize,
    /// Largest number of places that are begun in a second.
    pub per_second: u32,
}

impl Default for ProofOptions {
    fn default() -> Self {
        Self { parallel: 2, per_second: 100 }
    }
}

impl ProofOptions {
    /// Checks the limits.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the name of the option that is outside its limits.
    pub(super) fn check(self) -> Result<()> {
        let (most, fastest) = (PARALLEL.end(), PER_SECOND.end());
        if !PARALLEL.contains(&self.parallel) {
            return Err(Error::invalid("parallel", format!("a number from 1 to {most}")));
        }
        match PER_SECOND.contains(&self.per_second) {
            true => Ok(()),
            false => Err(Error::invalid("per_second", format!("a number from 1 to {fastest}"))),
        }
    }
}

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProofRun {
    by: By,
    options: ProofOptions,
    only: Option<(TenantId, Slug)>,
    installation: String,
    report: Option<Report>,
    kept: Option<record::Listed>,
}

impl ProofRun {
    pub(super) fn new(
        by: By,
        options: ProofOptions,
        only: Option<(TenantId, Slug)>,
        installation: String,
    ) -> Self {
        Self { by, options, only, installation, report: None, kept: None }
    }
}

impl Operation for ProofRun {
    const KIND: &'static str = "proof_run";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: begin, undo: Some(step::nothing) },
            Step::Outside { name: "check", run: check, undo: step::leave },
            Step::Control { name: "record", run: store, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        match &self.only {
            Some((_, slug)) => format!("prove the isolation of {slug}"),
            None => "prove the isolation of all tenants".into(),
        }
    }

    fn outcome(&self) -> serde_json::Value {
        match &self.kept {
            Some(kept) => json!({
                "proof": kept.id, "findings": kept.findings, "unchecked": kept.unchecked, "digest": kept.digest,
            }),
            None => serde_json::Value::Null,
        }
    }
}

fn begin<'a>(write: &'a mut Write, run: &'a mut ProofRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = run.only.as_ref().map(|(id, _)| *id);
        write.audit(&run.by, tenant, "proof.run", json!(run.options)).await
    })
}

fn check<'a>(context: &'a Context, run: &'a mut ProofRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let report = Report {
            installation: run.installation.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            by: run.by.actor.clone(),
            started_at_us: context.control.now_us(),
            tenant: run.only.as_ref().map(|(_, slug)| slug.clone()),
            ..Report::default()
        };
        let report = Survey::new(context, run.options, report).all(run.only.clone()).await?;
        run.report = Some(Report { ended_at_us: context.control.now_us(), ..report });
        Ok(())
    })
}

fn store<'a>(write: &'a mut Write, run: &'a mut ProofRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = run.only.as_ref().map(|(id, _)| *id);
        let report = run.report.take().ok_or_else(|| Error::Internal("a proof without a report".into()))?;
        run.kept = Some(record::keep(write, &run.by, tenant, &report).await?);
        Ok(())
    })
}
