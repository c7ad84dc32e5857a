//! `/master-admin/companies/{slug}/`.

use crate::http::{
    pages::{
        answer::page,
        frame,
        visit::{StaffedOn, query},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry_console::{
    Notice,
    master::{Fact, Tenant},
};

/// `GET /master-admin/companies/{slug}/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let tenant = of.of.visit.app.platform().tenants().show(&of.slug).await?;
    let mut frame = frame::of_operator(&of.of, &tenant.name);
    frame.notice = match query(&of.of.visit.query).get("_done") {
        "visit-over" => {
            Some(Notice::wrong("Your support visit is over. Enter the company again if you need to."))
        }
        "visit-ended" => Some(Notice::done("You have left the company.")),
        _ => None,
    };
    let facts = [Fact { name: "Slug", value: tenant.slug.to_string() }];
    Ok(page(StatusCode::OK, &Tenant { frame: &frame, slug: of.slug.as_str(), facts: &facts }))
}
