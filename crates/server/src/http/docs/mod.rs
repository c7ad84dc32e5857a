//! The docs page: one page and one script of our own, nothing from elsewhere.
//!
//! Served to everybody; the script reads `/api/openapi.json` and draws it. Problem types link here.

use super::{App, problem::Code};
use axum::{
    extract::State,
    response::{Html, IntoResponse},
};
use http::header;
use std::fmt::Write;

/// Only our own script runs, and it talks only to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /api/docs`.
pub(super) async fn page(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(app.docs().clone()))
}

/// `GET /api/docs/app.js`.
pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("app.js"))
}

/// `GET /api/openapi.json`.
pub(super) async fn openapi(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi())
}

/// The page; made once, when a server starts.
pub(super) fn render() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let (name, status, title) = (code.as_str(), code.status().as_u16(), code.title());
        let remedy = code.remedy().unwrap_or_default();
        // All of it is our own text without markup, so nothing needs escaping.
        let _ = write!(
            rows,
            "<tr id=\"problem-{name}\"><td>{status}<td><code>{name}</code><td>{title}<td>{remedy}</tr>"
        );
    }
    include_str!("page.html").replace("<!--problems-->", &rows)
}
