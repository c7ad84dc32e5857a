//! `tenantry plan …`: the plans, and the subscription of a tenant (M8).

use super::{
    setup::{Place, explain},
    user::operator,
};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::process::ExitCode;
use tenantry::{name::Slug, plans::State};

/// What can be done with plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plan {
    /// Write the plans of the configuration to the catalog.
    Init,
    /// Change a tenant's plan, or the state of its subscription.
    Set(Set),
}

/// Options of `plan set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Slug of the tenant.
    tenant: String,
    /// The new plan. Default: the current one.
    #[arg(required_unless_present = "state")]
    plan: Option<String>,
    /// The new state of the subscription.
    #[arg(long, value_parser = ["trial", "active", "past_due", "cancelled", "expired"])]
    state: Option<String>,
    /// With --state: when it ends, as 2027-01-31T00:00:00Z. Default: never.
    #[arg(long, requires = "state")]
    ends_at: Option<jiff::Timestamp>,
}

/// Runs a verb on plans.
pub(super) async fn run(place: &Place, verb: &Plan) -> Result<ExitCode> {
    match verb {
        Plan::Init => init(place).await,
        Plan::Set(options) => set(place, options).await,
    }
}

/// Writes the plans of the configuration to the catalog.
async fn init(place: &Place) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let done = platform.plans().initialise(&operator()).await.map_err(explain)?;
    say!("plans: {} created, {} updated, {} archived", done.created, done.updated, done.archived);
    Ok(ExitCode::SUCCESS)
}

/// Puts a tenant on another plan, or sets the state of its subscription.
async fn set(place: &Place, options: &Set) -> Result<ExitCode> {
    let Set { tenant, plan, state, ends_at } = options;
    let platform = place.platform().await?;
    platform.plans().initialise(&operator()).await.map_err(explain)?;
    let slug = Slug::parse(tenant)?;
    let state = state.as_deref().map(State::parse).transpose().map_err(explain)?;
    let state = state.map(|state| (state, ends_at.map(|at| at.as_microsecond())));
    platform.change_subscription(&operator(), &slug, plan.as_deref(), state).await.map_err(explain)?;
    let now = platform.show_tenant(&slug).await.map_err(explain)?;
    let plan = now.plan.context("no subscription")?;
    say!("{slug} is on {plan}: {}", now.subscription.map_or("-", |s| s.as_str()));
    Ok(ExitCode::SUCCESS)
}
