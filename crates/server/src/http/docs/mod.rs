//! The docs page: one page and one script, served without third-party resources.
//!
//! The page is public. Its script reads `/api/openapi.json` and renders it. Problem types link to the page.

use super::{App, problem::Code};
use axum::response::{Html, IntoResponse, Response};
use http::header;
use std::fmt::Write;

/// Content security policy: only the server's own script runs, and it connects only to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers `GET /api/docs`.
pub(super) async fn page(app: App) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(app.docs().clone())).into_response()
}

/// Answers `GET /api/docs/app.js`.
pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("app.js")).into_response()
}

/// Answers `GET /api/openapi.json`.
pub(super) async fn openapi(app: App) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi()).into_response()
}

/// Renders the page, once at the start of the server.
pub(super) fn render() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let (name, status, title) = (code.as_str(), code.status().as_u16(), code.title());
        let remedy = code.remedy().unwrap_or_default();
        // All inserted text is part of this program and contains no markup, so nothing needs escaping.
        let _ = write!(
            rows,
            "<tr id=\"problem-{name}\"><td>{status}<td><code>{name}</code><td>{title}<td>{remedy}</tr>"
        );
    }
    include_str!("page.html").replace("<!--problems-->", &rows)
}
