//! Liveness, readiness and metrics, for load balancers and Prometheus.
//!
//! No handler here opens a tenant's database: a probe must not open idle ones.

use crate::http::{
    App,
    problem::{Code, Problem, Result},
    scope::Staff,
};
use axum::{
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use std::{
    collections::HashMap,
    fmt::{Display, Write},
};
use tenantry::{
    Pass, counted,
    name::{ServerName, TenantId},
};

/// Answers while the process runs.
pub(in crate::http) async fn live() -> &'static str {
    "ok\n"
}

/// Answers 200 when traffic may come: the server is not shutting down, the control store answers, and no disk is full.
///
/// The text reports tenants and stores that are not at the loaded schema. Only their requests are refused, so the server
/// stays ready.
pub(in crate::http) async fn ready(State(app): State<App>) -> Result<String> {
    if app.is_draining() {
        return Err(Problem::new(Code::Unavailable, "Shutting down."));
    }
    app.platform().refresh().await?;
    if let Some((server, ..)) = app.platform().disks().iter().find(|(.., full)| *full) {
        // Reads still work, so a load balancer may choose to ignore this.
        return Err(Problem::new(Code::DiskFull, format!("The disk of server {server} is full.")));
    }
    let mut text = String::from("ready\n");
    if app.platform().clock_state().await?.holds_back() {
        text.push_str(
            "warning: the system clock jumped or ran unseen, so nothing is purged or pruned for up to a day; \
             compare it with another clock, then run: tenantry clock accept\n",
        );
    }
    let standing = app.platform().migrations().standing().await?;
    for (count, what) in [
        (standing.behind, "behind the apps of this server; run: tenantry migrate tenants"),
        (standing.ahead, "migrated by newer apps; run: tenantry reload"),
    ] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "tenant databases, {count}: {what}");
        }
    }
    for refused in app.platform().migrations().refused().await.iter() {
        let _ = writeln!(
            text,
            "store {}: a migration is refused ({}), so its requests are too; run: tenantry check",
            refused.place.store,
            counted(refused.count, "row")
        );
    }
    for pass in app.platform().background_passes().iter().filter(|pass| pass.failed > 0) {
        let times = counted(pass.failed, "time");
        let _ = writeln!(text, "background work, {}: failed {times} in a row; see the log", pass.work);
    }
    Ok(text)
}

/// Media type of the exposition format.
pub(in crate::http) const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A caller who may read metrics, which name the busiest tenants: staff, or the bearer of the configured token. The
/// address of the request proves nothing, because a proxy on this machine forwards every request from here.
pub(in crate::http) struct Observer;

impl FromRequestParts<App> for Observer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        match app.options().metrics_token.as_deref() {
            Some(token) if bears(&parts.headers, token) => Ok(Self),
            _ => Staff::from_request_parts(parts, app).await.map(|_| Self),
        }
    }
}

/// Checks the bearer token. Compares digests, so that the duration reveals nothing about the token.
fn bears(headers: &HeaderMap, token: &str) -> bool {
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    blake3::hash(sent) == blake3::hash(format!("Bearer {token}").as_bytes())
}

/// `GET /metrics`.
pub(in crate::http) async fn metrics(State(app): State<App>, _: Observer) -> Result<Response> {
    Ok(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text(&app).await?).into_response())
}

/// Returns the metrics as Prometheus text.
pub(in crate::http) async fn text(app: &App) -> Result<String> {
    let (top, _) = app.metrics().tenants.top();
    let mut slugs = HashMap::with_capacity(top.len());
    for (id, _) in top {
        if let Ok(tenant) = app.platform().access().directory().tenant(TenantId::from_raw(id)).await {
            slugs.insert(id, tenant.slug.to_string());
        }
    }
    let mut text = app.metrics().render(|id| slugs.get(&id).cloned());
    let (open, stuck) = app.platform().operations().counts().await?;
    gauge(&mut text, "tenantry_operations_open", "Operations that are not over.", open);
    gauge(&mut text, "tenantry_operations_stuck", "Open operations that failed again and again.", stuck);
    let standing = app.platform().migrations().standing().await?;
    let behind = "Databases of tenants that lack migrations this server has loaded.";
    gauge(&mut text, "tenantry_tenants_behind", behind, standing.behind);
    let ahead = "Databases of tenants with migrations this server has not loaded.";
    gauge(&mut text, "tenantry_tenants_ahead", ahead, standing.ahead);
    refused(&mut text, app).await;
    let orphans = app.platform().orphans().seen();
    gauge(&mut text, "tenantry_orphans", "Files without placement and placements without file.", orphans);
    let help = "Seconds that the system clock is ahead of the time that was witnessed.";
    gauge(
        &mut text,
        "tenantry_clock_ahead_seconds",
        help,
        app.platform().clock_state().await?.ahead_seconds(),
    );
    disks(&mut text, app);
    passes(&mut text, app);
    if let Some(status) = app.platform().backups().remembered_status() {
        crate::http::backup_metrics::append(&mut text, &status, app.platform().now_us());
    }
    Ok(text)
}

/// Appends the stores where a migration is refused. Names of stores need no escaping.
async fn refused(text: &mut String, app: &App) {
    const NAME: &str = "tenantry_store_refused_rows";
    let help = "Rows because of which a migration of a store or a pool is refused.";
    let _ = writeln!(text, "# HELP {NAME} {help}\n# TYPE {NAME} gauge");
    for refused in app.platform().migrations().refused().await.iter() {
        let _ = writeln!(text, "{NAME}{{store=\"{}\"}} {}", refused.place.store, refused.count);
    }
}

/// Appends the free space of each server's disk. Server names need no escaping.
fn disks(text: &mut String, app: &App) {
    let disks = app.platform().disks();
    let mut family = |name: &str, help: &str, value: fn(&(ServerName, u64, bool)) -> u64| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for disk in &disks {
            let _ = writeln!(text, "{name}{{server=\"{}\"}} {}", disk.0, value(disk));
        }
    };
    family("tenantry_server_free_bytes", "Bytes free on the disk of a server.", |disk| disk.1);
    family("tenantry_server_disk_full", "1 when the disk has less room than limits.disk_reserve.", |disk| {
        u64::from(disk.2)
    });
}

/// Appends the state of the background work. The names of the work need no escaping.
fn passes(text: &mut String, app: &App) {
    let passes = app.platform().background_passes();
    let mut family = |name: &str, help: &str, value: fn(&Pass) -> u64| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for pass in &passes {
            let _ = writeln!(text, "{name}{{work=\"{}\"}} {}", pass.work, value(pass));
        }
    };
    let failed = "Passes of background work that failed since the last one that succeeded.";
    family("tenantry_background_failed", failed, |pass| pass.failed);
    let age = "Seconds since the latest pass of background work ended.";
    family("tenantry_background_age_seconds", age, |pass| pass.age_s);
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}
