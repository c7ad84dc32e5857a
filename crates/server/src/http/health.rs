//! Liveness, readiness and metrics, for load balancers and Prometheus.
//!
//! They never touch a tenant's database: a probe must not open what is idle.

use super::{App, problem::Result};
use axum::{extract::State, response::IntoResponse};
use http::header;

/// The process answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Traffic may come.
pub(super) async fn ready(State(_app): State<App>) -> Result<&'static str> {
    Ok("ready\n")
}

/// Prometheus text.
pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics().render(|_| None))
}
