//! `/master-admin/companies/{slug}/certificate/`: what a purge has removed, to print.

use super::words;
use crate::http::{
    pages::{
        answer::page,
        frame,
        visit::StaffedOn,
        words::{bytes, human, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use tenantry_console::master::{Cell, Printed, Tone, Trace};

/// `GET /master-admin/companies/{slug}/certificate/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let certificate = of.platform().purges().certificate(of.slug.as_str()).await?;
    let detail = &certificate.detail;
    let facts = [
        ("Company", Cell::text(of.slug.as_str())),
        ("Purged", words::at(certificate.at_us)),
        ("By", Cell::text(&certificate.by)),
        ("Installation", Cell::text(&of.platform().config().platform.name)),
    ];
    let facts: Vec<_> = facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect();
    let traces: Vec<_> = detail["traces"].as_array().into_iter().flatten().map(trace).collect();
    let proof = vec![
        ("Row of the audit log".to_owned(), certificate.row.to_string()),
        ("Hash of that row".to_owned(), certificate.hash),
    ];
    let frame = frame::of_operator(&of.of, "Certificate of removal");
    let back = format!("/master-admin/companies/{}/", of.slug);
    let view = Printed {
        frame: &frame,
        back: (&back, of.slug.as_str()),
        lead: "What was removed and what stays, place by place.",
        facts: &facts,
        heading: "Places",
        traces: &traces,
        proof: &proof,
    };
    Ok(page(StatusCode::OK, &view))
}

fn trace(trace: &Value) -> Trace {
    let text = |name: &str| trace[name].as_str().unwrap_or_default().to_owned();
    let size = trace["bytes"].as_u64().map(|size| format!(", {}", bytes(size))).unwrap_or_default();
    Trace {
        what: human(&text("what")),
        place: text("place"),
        amount: format!("{}{size}", number(trace["count"].as_u64().unwrap_or_default())),
        fate: match trace["fate"].as_str() {
            Some("removed") => Cell::tag("Removed", Tone::Good),
            Some("kept") => Cell::tag("Stays", Tone::Warn),
            _ => Cell::tag("Not removed", Tone::Bad),
        },
    }
}
