//! The docs page: one page and one script, served without third-party resources.
//!
//! The page is public. Its script reads `/api/openapi.json` and renders it. Problem types link to the page.

use super::{
    App, openapi,
    problem::{Code, Result},
    scope::Tenant,
};
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
pub(super) async fn public_openapi(app: App) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi()).into_response()
}

/// Answers `GET /api/tenant/openapi.json`: the document with the fields that the caller's tenant has added.
pub(super) async fn openapi_of_tenant(app: App, tenant: Tenant) -> Result<Response> {
    let platform = app.platform();
    let mut models = platform.models().to_vec();
    for model in models.iter_mut().filter(|model| model.has_custom_fields()) {
        let records = platform.records(&tenant.0, model.name.as_str())?;
        // Anonymous callers may read every model in the public document. Here, a member gets the own fields of those
        // models only whose rows the member may read.
        if records.own_fields().is_ok() {
            *model = records.with_custom_fields().await?.whole_model().clone();
        }
    }
    let document = openapi::build(&platform.config().platform.name, &models);
    let bytes = serde_json::to_vec(&document).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
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
