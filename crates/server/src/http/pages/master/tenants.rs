//! `/master-admin/companies/`.

use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::{Staffed, query},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::tenants::Filter;
use tenantry_console::master::{Line, Tenants};

/// `GET /master-admin/companies/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let query = query(&of.visit.query);
    let filter = Filter { search: query.filled("q").map(str::to_owned), limit: 50, ..Filter::default() };
    let listed = app.platform().tenants().list(&filter).await?;
    let lines: Vec<_> = listed.into_iter().map(|t| Line { name: t.name, slug: t.slug.to_string() }).collect();
    let frame = frame::of_operator(&of, "Companies");
    let view = Tenants { frame: &frame, lines: &lines, q: query.get("q"), next: None };
    Ok(page(StatusCode::OK, &view))
}
