//! `tenantry plan …`: the plans, and the subscription of a tenant.

pub(super) mod terms;

use super::{
    args::Whole,
    setup::{Place, where_to_look},
    table,
    tenant::moving,
    user::operator,
    watch,
};
use crate::wire;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::{collections::BTreeMap, process::ExitCode};
use tenantry::{
    Platform, moves,
    name::Slug,
    plans::{self, State, SubscriptionChange},
    tenants::{Filter, Listed},
};
use terms::{Create, Update};

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
    /// Create a plan, which the configuration then does not change.
    Create(Create),
    /// Change a plan. What is not named stays as it is.
    Update(Update),
    /// Move the tenants of a plan to servers that fit it.
    Place(Placing),
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
    /// Move databases on servers that do not fit the plan. Nothing is changed if they cannot move now.
    #[arg(long = "move")]
    moves: bool,
}

/// Options of `plan place`.
#[derive(Debug, Args)]
pub(crate) struct Placing {
    /// Code of the plan.
    plan: String,
    /// Number of tenants that move at the same time, 1 to 16.
    #[arg(long, value_name = "N", default_value_t = moves::USUAL_PARALLEL)]
    parallel: usize,
    /// Only list the tenants that would move.
    #[arg(long)]
    dry_run: bool,
}

/// A plan as JSON: the plan of the HTTP API, which lists only plans on offer, and whether it is archived.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    plan: wire::plan::Plan,
    archived: bool,
    servers: BTreeMap<String, String>,
}

impl From<plans::Plan> for Shown {
    fn from(plan: plans::Plan) -> Self {
        Self { archived: plan.archived, servers: wire::plan::labels(&plan.spec.servers), plan: plan.into() }
    }
}

/// Runs a verb on plans.
pub(super) async fn run(place: &Place, verb: &Plan) -> Result<ExitCode> {
    match verb {
        Plan::List(whole) => list(place, whole.json).await,
        Plan::Show { plan, json } => show(place, plan, *json).await,
        Plan::Create(options) => terms::create(place, options).await,
        Plan::Update(options) => terms::update(place, options).await,
        Plan::Place(options) => place_all(place, options).await,
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
    line("servers", &if spec.servers.is_empty() { "any".into() } else { spec.servers.to_string() });
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
    let Set { tenant: slug, plan, state, ends_at, moves } = options;
    let platform = place.platform().await?;
    platform.plans().initialise(&operator()).await?;
    let state = state.as_deref().map(State::parse).transpose()?;
    let state = state.map(|state| (state, ends_at.map(|at| at.as_microsecond())));
    let change = SubscriptionChange { plan: plan.clone(), state, moves: *moves };
    let changed = platform.plans().change_subscription(&operator(), slug, change).await?;
    let now = platform.tenants().show(slug).await?;
    let plan = now.plan.context("no subscription")?;
    say!("{slug} is on {plan}: {}", now.subscription.map_or("-", |s| s.as_str()));
    for found in &changed.misplaced {
        let fits = found.fits.as_ref().map_or("no server fits", |server| server.as_str());
        say!("{}: on server {}, which does not fit the plan; {fits}", found.store, found.server);
    }
    match (changed.operation, changed.obstacle) {
        (Some(id), _) => moving::done(&platform, id).await,
        (None, Some(obstacle)) => {
            Err(anyhow::Error::from(obstacle).context("the plan is changed, but nothing moved"))
        }
        (None, None) => {
            if !changed.misplaced.is_empty() {
                say!("nothing was moved; move it with: tenantry tenant move {slug} --fit");
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Moves the tenants of a plan to servers that fit it.
async fn place_all(place: &Place, options: &Placing) -> Result<ExitCode> {
    let platform = place.platform().await?;
    if options.dry_run {
        return would_move(&platform, &options.plan).await;
    }
    let id = platform.moves().place(&operator(), &options.plan, options.parallel).await?;
    let over = watch::watch_operation(&platform, id).await?.result.unwrap_or_default();
    let number = |key: &str| usize::try_from(over[key].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    say!("{} moved", table::count(number("moved"), "tenant", "tenants"));
    for failure in over["failures"].as_array().into_iter().flatten() {
        let text = |at: usize| failure[at].as_str().unwrap_or_default();
        say!("not moved: {}: {}", text(0), text(1));
    }
    if number("failed") > 0 {
        say!("remove the obstacles, then run the command again");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the databases of a plan's tenants on servers that do not fit it.
async fn would_move(platform: &Platform, plan: &str) -> Result<ExitCode> {
    let next = async |last: Option<&Listed>| {
        let (after, plan) = (last.map(|tenant| tenant.id), Some(plan.to_owned()));
        let filter = Filter { plan, misplaced: true, after, limit: table::PAGE, ..Filter::default() };
        platform.tenants().list(&filter).await
    };
    let mut rows = vec![];
    for tenant in table::every(next).await? {
        for found in platform.moves().misplaced(&operator(), &tenant.slug).await? {
            let fits = found.fits.map_or_else(|| "none".to_owned(), |server| server.to_string());
            rows.push(vec![tenant.slug.to_string(), found.store.to_string(), found.server.to_string(), fits]);
        }
    }
    match rows.is_empty() {
        true => say!("all tenants of plan {plan} are on servers that fit it"),
        false => table::print(&["tenant", "store", "server", "server that fits"], rows),
    }
    Ok(ExitCode::SUCCESS)
}
