//! Liveness, readiness and metrics, for load balancers and Prometheus.
//!
//! They never touch a tenant's database: a probe must not open what is idle.

use super::{
    App,
    guard::Peer,
    problem::{Code, Problem, Result},
    scope::Staff,
};
use axum::{
    extract::{FromRequestParts, State},
    response::IntoResponse,
};
use http::{HeaderMap, header, request::Parts};
use std::{
    collections::HashMap,
    fmt::{Display, Write},
};
use tenantry::name::TenantId;

/// The process answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Traffic may come: not shutting down, and the control store answers.
pub(super) async fn ready(State(app): State<App>) -> Result<&'static str> {
    if app.is_draining() {
        return Err(Problem::new(Code::Unavailable, "Shutting down."));
    }
    app.platform().control().refresh().await?;
    let clock = app.platform().clock_state().await?;
    Ok(match clock.holds_back() {
        true => {
            "ready\nwarning: the system clock jumped or ran unseen, so nothing is purged or pruned for up to a day; \
                 compare it with another clock, then run: tenantry clock accept\n"
        }
        false => "ready\n",
    })
}

/// Who may read metrics: they name the busiest companies. This machine itself, or staff; to others they are absent.
pub(super) struct Observer;

impl FromRequestParts<App> for Observer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if is_local(parts) {
            return Ok(Self);
        }
        Staff::from_request_parts(parts, app).await.map(|_| Self).map_err(|_| Problem::absent())
    }
}

/// From this machine, and not passed on by a proxy that runs on it.
fn is_local(parts: &Parts) -> bool {
    let forwarded = |headers: &HeaderMap| {
        headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED)
    };
    parts.extensions.get::<Peer>().is_some_and(|peer| peer.0.is_loopback()) && !forwarded(&parts.headers)
}

/// Prometheus text.
pub(super) async fn metrics(State(app): State<App>, _: Observer) -> Result<impl IntoResponse> {
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
    let orphans = app.platform().orphans_seen();
    gauge(&mut text, "tenantry_orphans", "Files without placement and placements without file.", orphans);
    let help = "Seconds that the system clock is ahead of the time that was witnessed.";
    gauge(
        &mut text,
        "tenantry_clock_ahead_seconds",
        help,
        app.platform().clock_state().await?.ahead_seconds(),
    );
    if let Some(status) = app.platform().remembered_backup_status() {
        super::backup_metrics::append(&mut text, &status, app.platform().control().now_us());
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}
