//! The operation that moves all tenants of a plan whose databases are on servers that do not fit the plan.
//!
//! Steps: begin | all. Each tenant's move is its own operation. A move that fails does not stop the others, and
//! finished moves stay. After a crash the run continues with the tenants that are still on other servers.

use super::Wanted;
use crate::{
    Error, Platform, Result,
    audit::By,
    control::Write,
    operations::{
        Context, Operation, State, Step,
        over_tenants::{self, Tally},
        step,
    },
    tenants::databases::fit::{self, Labelled},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::RangeInclusive;
use tenantry_engine::name::{Slug, TenantId};

/// Number of tenants read from the catalog in one page.
const PAGE: i64 = 200;
/// Number of tenants that a run moves at the same time, unless the caller names another one.
pub const USUAL_PARALLEL: usize = 4;
/// Allowed numbers of tenants that a run moves at the same time.
const PARALLEL: RangeInclusive<usize> = 1..=16;

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlaceRun {
    by: By,
    /// Code of the plan.
    plan: String,
    parallel: usize,
    #[serde(flatten)]
    tally: Tally,
}

impl PlaceRun {
    /// Returns the initial state of the operation.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if `parallel` is not allowed.
    pub(super) fn new(by: By, plan: String, parallel: usize) -> Result<Self> {
        if !PARALLEL.contains(&parallel) {
            let reason = format!("a number from {} to {}", PARALLEL.start(), PARALLEL.end());
            return Err(Error::invalid("parallel", reason));
        }
        Ok(Self { by, plan, parallel, tally: Tally::default() })
    }
}

impl Operation for PlaceRun {
    const KIND: &'static str = "place_run";

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
        format!("move the tenants of plan {} to servers that fit it", self.plan)
    }

    fn outcome(&self) -> serde_json::Value {
        let Tally { good, failures, failed } = &self.tally;
        json!({ "plan": self.plan, "moved": good, "failed": failed, "failures": failures })
    }
}

fn begin<'a>(write: &'a mut Write, run: &'a mut PlaceRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { write.audit(&run.by, None, "plan.place", json!({ "plan": run.plan })).await })
}

fn all<'a>(context: &'a Context, run: &'a mut PlaceRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (platform, operations) = (Platform(context.platform()?), context.operations()?);
        let mut tx = context.control.snapshot().await?;
        let plan = fit::labelled(&mut tx, platform.config()).await?;
        // Labels that were removed meanwhile leave nothing to do.
        let Some(plan) = plan.into_iter().find(|plan| plan.code == run.plan) else { return Ok(()) };
        let total = plan.count(&mut tx).await?;
        drop(tx);
        // After a crash the step runs again, for the tenants that are left.
        let (mut tally, by) = (Tally::default(), run.by.clone());
        let done = over_tenants::each(
            context,
            (&mut tally, total),
            run.parallel,
            |after| page(&platform, &plan, after),
            |(id, slug): &(TenantId, Slug)| (*id, slug.to_string()),
            |(id, slug)| {
                let (platform, operations, by) = (&platform, &operations, &by);
                async move {
                    let one = || one(platform, by, &slug);
                    over_tenants::patiently(context, operations, Some(id), one).await
                }
            },
        );
        let done = done.await;
        run.tally = tally;
        done
    })
}

async fn page(platform: &Platform, plan: &Labelled, after: i64) -> Result<Vec<(TenantId, Slug)>> {
    plan.page(&mut platform.control().snapshot().await?, after, PAGE).await
}

/// Moves a tenant, and waits until the operation is over. Does nothing if the tenant fits its plan meanwhile.
async fn one(platform: &Platform, by: &By, slug: &Slug) -> Result<()> {
    let moves = platform.moves();
    let plan = moves.plan(slug, &Wanted::Fit(None)).await?;
    if plan.legs.is_empty() {
        return Ok(());
    }
    let id = moves.start(by, plan).await?;
    let over = platform.operations().wait(id).await?;
    match over.state {
        State::Done => Ok(()),
        _ => {
            let why = over.error.or(over.reason).unwrap_or_else(|| "no reason is recorded".into());
            Err(Error::Conflict(format!("{why} (operation {id})")))
        }
    }
}
