//! `tenantry plan create` and `update`.

use crate::cli::{setup::Place, user::operator};
use anyhow::{Context, Result};
use clap::Args;
use std::{collections::BTreeSet, process::ExitCode};
use tenantry::{
    config::ServerLabels,
    plans::{Limits, PlanChange, PlanSpec},
    tenants::Filter,
};

/// Terms of a plan.
#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// Price as text for people.
    #[arg(long)]
    price: Option<String>,
    /// Length of the trial in days; 0 for none.
    #[arg(long, value_name = "DAYS")]
    trial_days: Option<u32>,
    /// A limit: users, rows, bytes, file_bytes, requests_per_second or concurrency; `none` for no limit. May be repeated.
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<(Limit, Option<u64>)>,
    /// All features, separated by commas; empty for none.
    #[arg(long, value_name = "NAMES")]
    features: Option<String>,
    /// Labels that every server of the plan's tenants has, such as tier=premium,region=eu; empty for any server.
    #[arg(long, value_name = "LABELS")]
    servers: Option<ServerLabels>,
    /// True if a registration may choose the plan.
    #[arg(long, value_name = "BOOL")]
    self_service: Option<bool>,
}

/// Options of `plan create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Code of the plan: small letters, digits and _. It cannot be changed later.
    plan: String,
    /// Display name. Default: the code.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// Options of `plan update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Code of the plan.
    plan: String,
    /// Display name.
    #[arg(long)]
    name: Option<String>,
    /// True to refuse new subscriptions.
    #[arg(long, value_name = "BOOL")]
    archived: Option<bool>,
    #[command(flatten)]
    terms: Terms,
}

/// Returns the field of a limit.
pub(in crate::cli) type Limit = fn(&mut Limits) -> &mut Option<u64>;

/// Parses `users=5` or `users=none`.
pub(in crate::cli) fn limit(text: &str) -> Result<(Limit, Option<u64>), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=NUMBER")?;
    let limit: Limit = match name {
        "users" => |limits| &mut limits.users,
        "rows" => |limits| &mut limits.rows,
        "bytes" => |limits| &mut limits.bytes,
        "file_bytes" => |limits| &mut limits.file_bytes,
        "requests_per_second" => |limits| &mut limits.requests_per_second,
        "concurrency" => |limits| &mut limits.concurrency,
        _ => return Err("use users, rows, bytes, file_bytes, requests_per_second or concurrency".into()),
    };
    match value {
        "none" => Ok((limit, None)),
        number => Ok((limit, Some(number.parse().map_err(|_| "use a whole number, or none")?))),
    }
}

impl Terms {
    /// Returns the limits with those that the command names.
    fn limits(&self, mut limits: Limits) -> Limits {
        for (limit, value) in &self.limits {
            *limit(&mut limits) = *value;
        }
        limits
    }

    fn features(&self) -> Option<BTreeSet<String>> {
        let names = self.features.as_ref()?.split(',').map(str::trim).filter(|name| !name.is_empty());
        Some(names.map(str::to_owned).collect())
    }
}

pub(super) async fn create(place: &Place, options: &Create) -> Result<ExitCode> {
    let (code, terms) = (&options.plan, &options.terms);
    let spec = PlanSpec {
        code: code.clone(),
        name: options.name.clone().unwrap_or_else(|| code.clone()),
        trial_days: terms.trial_days.unwrap_or(0),
        price: terms.price.clone().unwrap_or_default(),
        limits: terms.limits(Limits::default()),
        features: terms.features().unwrap_or_default(),
        self_service: terms.self_service.unwrap_or(false),
        servers: terms.servers.clone().unwrap_or_default(),
    };
    place.platform().await?.plans().create(&operator(), spec).await?;
    say!("plan {code} is created");
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn update(place: &Place, options: &Update) -> Result<ExitCode> {
    let (code, terms, platform) = (&options.plan, &options.terms, place.platform().await?);
    let plans = platform.plans().list().await?;
    let old = plans.into_iter().find(|plan| plan.spec.code == *code).context("no such plan")?;
    let change = PlanChange {
        name: options.name.clone(),
        trial_days: terms.trial_days,
        price: terms.price.clone(),
        limits: (!terms.limits.is_empty()).then(|| terms.limits(old.spec.limits)),
        features: terms.features(),
        self_service: terms.self_service,
        servers: terms.servers.clone(),
        archived: options.archived,
    };
    platform.plans().change(&operator(), code, change).await?;
    say!("updated plan {code}");
    let filter = Filter { plan: Some(code.clone()), misplaced: true, limit: 1, ..Filter::default() };
    if !platform.tenants().list(&filter).await?.is_empty() {
        say!(
            "tenants of the plan are on servers that do not fit it; list them with: tenantry plan place {code} --dry-run"
        );
    }
    Ok(ExitCode::SUCCESS)
}
