//! Liveness, readiness and access to the metrics, for load balancers and Prometheus.
//!
//! No handler here opens a tenant's database, because a probe must not open idle databases.

use crate::http::{
    App, gauges,
    problem::{Code, Problem, Result},
    scope::Staff,
};
use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use std::fmt::Write;
use tenantry::counted;

/// Answers as long as the process runs.
pub(in crate::http) async fn live() -> &'static str {
    "ok\n"
}

/// Answers 200 if the server can take traffic: it is not shutting down, the control store answers, and no disk of files is
/// full. A database server that is lost or nearly full affects only its own tenants, so the text only names it.
///
/// The text reports tenants and stores that are not at the loaded schema. Only their requests are refused, so the
/// server stays ready.
pub(in crate::http) async fn ready(app: App) -> Result<String> {
    if app.is_draining() {
        return Err(Problem::new(Code::Unavailable, "Shutting down."));
    }
    app.platform().refresh().await?;
    if let Some((server, ..)) = app.platform().disks().iter().find(|(.., full)| *full) {
        // Reads still work, so a load balancer may choose to ignore this problem.
        return Err(Problem::new(Code::DiskFull, format!("The disk of server {server} is full.")));
    }
    let mut text = String::from("ready\n");
    if app.platform().clock_state().await?.holds_back() {
        text.push_str(
            "warning: the system clock jumped or ran unseen, so nothing is purged or pruned for up to a day; \
             compare it with another clock, then run: tenantry clock accept\n",
        );
    }
    for (server, _) in app.platform().reachable().iter().filter(|(_, answers)| !answers) {
        let _ = writeln!(
            text,
            "server {server} does not answer: the requests of its tenants are refused until it does"
        );
    }
    let reserve = app.platform().config().limits.disk_reserve;
    for room in app.platform().remembered_rooms().iter().filter(|room| room.is_low(reserve)) {
        let _ = writeln!(
            text,
            "server {}: its databases take {} of its capacity of {} bytes; make its disk larger, then raise \
             servers.{0}.capacity",
            room.server,
            room.used,
            room.capacity.unwrap_or(room.used),
        );
    }
    for (server, counts) in app.platform().connections().iter().filter(|(_, counts)| counts.waiting > 0) {
        let _ = writeln!(
            text,
            "server {server}: callers that wait for one of its {} connections: {}; see most_connections",
            counts.most, counts.waiting
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
        if refused.is_away {
            let _ = writeln!(text, "{refused}");
            continue;
        }
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
/// address of the request proves nothing, because a proxy on this machine forwards every request from the same address.
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

/// Checks the bearer token. It compares digests, so that the duration reveals nothing about the token.
fn bears(headers: &HeaderMap, token: &str) -> bool {
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    blake3::hash(sent) == blake3::hash(format!("Bearer {token}").as_bytes())
}

/// Handles `GET /metrics`.
pub(in crate::http) async fn metrics(app: App, _: Observer) -> Result<Response> {
    Ok(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], gauges::text(&app).await?).into_response())
}
