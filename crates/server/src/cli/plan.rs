//! `tenantry plan …`: the plans, and the subscription of a tenant.

use super::{
    args::Whole,
    setup::{Place, where_to_look},
    table,
    user::operator,
};
use crate::wire;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::process::ExitCode;
use tenantry::{
    name::Slug,
    plans::{self, State},
};

/// Verbs of `tenantry plan`.
#[derive(Debug, Subcommand)]
pub(crate) enum Plan {
    /// List the plans of the catalog.
    List(Whole),
    /// Show one plan with its limits and features.
    Show {
        /// Code of the plan.
        plan: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the plans of the configuration to the catalog.
    Init,
    /// Change a tenant's plan, or the state of its subscription.
    Set(Set),
}

/// Options of `plan set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Slug of the tenant.
    tenant: Slug,
    /// The new plan. Default: the current one.
    #[arg(required_unless_present = "state")]
    plan: Option<String>,
    /// The new state of the subscription.
    #[arg(long, value_parser = ["trial", "active", "past_due", "cancelled", "expired"])]
    state: Option<String>,
    /// With --state: end of that state, such as 2027-01-31T00:00:00Z. Default: no end.
    #[arg(long, requires = "state")]
    ends_at: Option<jiff::Timestamp>,
}

/// A plan as JSON: the plan of the HTTP API, which lists only plans on offer, and whether it is archived.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    plan: wire::plan::Plan,
    archived: bool,
}

impl From<plans::Plan> for Shown {
    fn from(plan: plans::Plan) -> Self {
        Self { archived: plan.archived, plan: plan.into() }
    }
}

/// Runs a verb on plans.
pub(super) async fn run(place: &Place, verb: &Plan) -> Result<ExitCode> {
    match verb {
        Plan::List(whole) => list(place, whole.json).await,
        Plan::Show { plan, json } => show(place, plan, *json).await,
        Plan::Init => init(place).await,
        Plan::Set(options) => set(place, options).await,
    }
}

async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let plans = place.reading().await?.plans().list().await?;
    if json {
        return table::all::<Shown>(plans);
    }
    let row = |plan: &plans::Plan| {
        let spec = &plan.spec;
        let state = if plan.archived { "archived" } else { "offered" };
        vec![
            spec.code.clone(),
            spec.name.clone(),
            spec.price.clone(),
            spec.trial_days.to_string(),
            state.into(),
        ]
    };
    table::print(&["code", "name", "price", "trial days", "state"], plans.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

async fn show(place: &Place, code: &str, json: bool) -> Result<ExitCode> {
    let plans = place.reading().await?.plans().list().await?;
    let plan = plans.into_iter().find(|plan| plan.spec.code == code);
    let plan = plan.with_context(|| format!("no such plan\n  remedy: {}", where_to_look("plan")))?;
    if json {
        return table::json(&Shown::from(plan));
    }
    let spec = &plan.spec;
    say!("{}: {}{}", spec.code, spec.name, if plan.archived { " (archived)" } else { "" });
    let line = |what: &str, value: &str| say!("  {what:<20} {value}");
    let number = |limit: Option<u64>| limit.map_or_else(|| "unlimited".into(), |n| n.to_string());
    let size = |limit: Option<u64>| limit.map_or_else(|| "unlimited".into(), table::bytes);
    line("price", &spec.price);
    line("trial days", &spec.trial_days.to_string());
    line("users", &number(spec.limits.users));
    line("rows", &number(spec.limits.rows));
    line("database", &size(spec.limits.bytes));
    line("files", &size(spec.limits.file_bytes));
    line("requests per second", &number(spec.limits.requests_per_second));
    line("concurrent requests", &number(spec.limits.concurrency));
    line("features", &spec.features.iter().cloned().collect::<Vec<_>>().join(", "));
    Ok(ExitCode::SUCCESS)
}

/// Writes the plans of the configuration to the catalog.
async fn init(place: &Place) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let done = platform.plans().initialise(&operator()).await?;
    say!("plans: {} created, {} updated, {} archived", done.created, done.updated, done.archived);
    if done.kept > 0 {
        say!("{} left as staff changed them", table::count(done.kept, "plan is", "plans are"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Changes a tenant's plan, or the state of its subscription.
async fn set(place: &Place, options: &Set) -> Result<ExitCode> {
    let Set { tenant: slug, plan, state, ends_at } = options;
    let platform = place.platform().await?;
    platform.plans().initialise(&operator()).await?;
    let state = state.as_deref().map(State::parse).transpose()?;
    let state = state.map(|state| (state, ends_at.map(|at| at.as_microsecond())));
    platform.plans().change_subscription(&operator(), slug, plan.as_deref(), state).await?;
    let now = platform.tenants().show(slug).await?;
    let plan = now.plan.context("no subscription")?;
    say!("{slug} is on {plan}: {}", now.subscription.map_or("-", |s| s.as_str()));
    Ok(ExitCode::SUCCESS)
}
