//! `tenantry init-plans` and `tenantry set-plan` (M8).

use crate::cli::{
    setup::{Place, explain},
    users::operator,
};
use anyhow::{Context, Result};
use std::process::ExitCode;
use tenantry::{name::Slug, plans::State};

/// Writes the plans of the configuration to the catalog.
pub(in crate::cli) async fn init(place: &Place) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let done = platform.plans().initialise(&operator()).await.map_err(explain)?;
    say!("plans: {} created, {} updated, {} archived", done.created, done.updated, done.archived);
    Ok(ExitCode::SUCCESS)
}

/// Puts a tenant on another plan, or sets the state of its subscription.
pub(in crate::cli) async fn set(
    place: &Place,
    tenant: &str,
    plan: Option<&str>,
    state: Option<&str>,
    ends_at: Option<jiff::Timestamp>,
) -> Result<ExitCode> {
    let platform = place.platform().await?;
    platform.plans().initialise(&operator()).await.map_err(explain)?;
    let slug = Slug::parse(tenant)?;
    let state = state.map(State::parse).transpose().map_err(explain)?;
    let state = state.map(|state| (state, ends_at.map(|at| at.as_microsecond())));
    platform.change_subscription(&operator(), &slug, plan, state).await.map_err(explain)?;
    let now = platform.show_tenant(&slug).await.map_err(explain)?;
    let plan = now.plan.context("no subscription")?;
    say!("{slug} is on {plan}: {}", now.subscription.map_or("-", |s| s.as_str()));
    Ok(ExitCode::SUCCESS)
}
