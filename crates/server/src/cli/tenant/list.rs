//! `tenantry tenant list` and `show`.

use crate::cli::{
    setup::Place,
    table::{self, PAGE, at},
    user::operator,
};
use crate::wire;
use anyhow::Result;
use serde::Serialize;
use std::process::ExitCode;
use tenantry::{
    Platform, counted,
    name::Slug,
    tenants::{Filter, Listed, State},
    topology::{Placement, versions::Version},
};

/// Lists all tenants.
pub(super) async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let next = async |last: Option<&Listed>| {
        let filter = Filter { after: last.map(|tenant| tenant.id), limit: PAGE, ..Filter::default() };
        platform.tenants().list(&filter).await
    };
    print(&platform, &table::every(next).await?, json).await
}

/// Shows one tenant with its databases.
pub(super) async fn show(place: &Place, tenant: &Slug, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let found = platform.tenants().show(tenant).await?;
    let misplaced = platform.moves().misplaced(&operator(), tenant).await?;
    if json {
        let Shown { tenant, bytes } = shown(&platform, &found).await;
        let misplaced = misplaced.into_iter().map(wire::tenant::Misplaced::from).collect();
        return table::json(&ShownInFull { tenant: wire::tenant::TenantInFull { tenant, misplaced }, bytes });
    }
    say!("{} (id {}): {}", found.slug, found.id, found.name);
    let line = |what: &str, value: &str| say!("  {what:<13} {value}");
    line("state", found.state.as_str());
    if let Some(ends) = &found.retirement {
        line("works until", &at(ends.closes_at_us));
        line(
            "purged after",
            &format!(
                "{}; revoke with: tenantry tenant revoke-cancellation {}",
                at(ends.purges_at_us),
                found.slug
            ),
        );
    }
    if let Some(reason) = &found.maintenance {
        line("maintenance", reason);
    }
    line("e-mail", &found.email);
    line("users", &found.users.to_string());
    line("subscription", &subscription(&found));
    line("created", &at(found.created_at_us));
    line("size", &table::bytes(platform.tenants().bytes(&found).await));
    let header = [
        "store",
        "database",
        "server",
        "isolation",
        "generation",
        "state",
        "schema",
        "last migration failed",
    ];
    let versions = platform.migrations().versions(&found).await?;
    table::print(&header, found.placements.iter().zip(versions).map(|(p, version)| database(p, version)));
    for one in &misplaced {
        let fits = one.fits.as_ref().map_or("no server fits", |server| server.as_str());
        say!("{}: server {} does not fit the plan; {fits}", one.store, one.server);
    }
    if !misplaced.is_empty() {
        say!("move it with: tenantry tenant move {tenant} --fit");
    }
    Ok(ExitCode::SUCCESS)
}

fn subscription(t: &Listed) -> String {
    let (Some(plan), Some(state)) = (&t.plan, t.subscription) else { return "none".into() };
    let days = t.days_remaining.map(|days| format!(", {} left", counted(days, "day"))).unwrap_or_default();
    format!("{plan}, {}{days}", state.as_str())
}

fn database(p: &Placement, version: Version) -> Vec<String> {
    vec![
        p.place.store.to_string(),
        p.place.physical.to_string(),
        p.place.server.to_string(),
        p.place.isolation.as_str().into(),
        p.place.generation.to_string(),
        p.state.as_str().into(),
        schema(version).into(),
        p.migration_error.clone().unwrap_or_default(),
    ]
}

/// Compares the schema of a database with the schema of the loaded apps.
fn schema(version: Version) -> &'static str {
    match version {
        Version::Current => "current",
        Version::Behind => "behind: migrate tenants",
        Version::Ahead => "ahead: these apps are older",
    }
}

pub(super) async fn print(platform: &Platform, tenants: &[Listed], json: bool) -> Result<ExitCode> {
    if json {
        let mut all = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            all.push(shown(platform, tenant).await);
        }
        return table::all::<Shown>(all);
    }
    let header = [
        "name",
        "slug",
        "database",
        "size",
        "e-mail",
        "status",
        "users",
        "plan",
        "subscription",
        "days left",
    ];
    let mut rows = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        let versions = platform.migrations().versions(tenant).await?;
        rows.push(row(tenant, platform.tenants().bytes(tenant).await, &versions));
    }
    table::print(&header, rows);
    Ok(ExitCode::SUCCESS)
}

/// A tenant as JSON: the answer of the HTTP API, and the size of the tenant's databases.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    tenant: wire::tenant::Tenant,
    bytes: u64,
}

/// One tenant as JSON: the answer of the HTTP API, and the size of the tenant's databases.
#[derive(Serialize)]
struct ShownInFull {
    #[serde(flatten)]
    tenant: wire::tenant::TenantInFull,
    bytes: u64,
}

async fn shown(platform: &Platform, tenant: &Listed) -> Shown {
    Shown { bytes: platform.tenants().bytes(tenant).await, tenant: tenant.clone().into() }
}

fn row(t: &Listed, size: u64, versions: &[Version]) -> Vec<String> {
    let databases: Vec<_> = t.placements.iter().map(|p| p.place.physical.to_string()).collect();
    vec![
        t.name.clone(),
        t.slug.to_string(),
        if databases.is_empty() { "none".into() } else { databases.join(",") },
        table::bytes(size),
        t.email.clone(),
        status(t, versions),
        t.users.to_string(),
        t.plan.clone().unwrap_or_else(|| "-".into()),
        t.subscription.map_or("-", |s| s.as_str()).into(),
        t.days_remaining.map_or_else(|| "-".into(), |d| d.to_string()),
    ]
}

/// Returns the state of the tenant, and whether its databases need migrations or newer apps.
fn status(t: &Listed, versions: &[Version]) -> String {
    let schema = [(Version::Behind, ", behind"), (Version::Ahead, ", ahead")];
    let schema = schema.into_iter().filter(|(version, _)| versions.contains(version)).map(|(_, said)| said);
    state(t) + &schema.collect::<String>()
}

/// Returns the state of the tenant. A cancelled tenant works until its grace period ends, so its state names both.
fn state(t: &Listed) -> String {
    match (&t.maintenance, &t.retirement, t.state) {
        (Some(_), ..) => "maintenance".into(),
        (None, Some(_), State::Active | State::Suspended) => format!("{}, cancelled", t.state.as_str()),
        _ => t.state.as_str().into(),
    }
}
