//! `/master-admin/companies/{slug}/certificate/`: the certificate of a purge, as a page to print.

use super::words;
use crate::http::{
    pages::{
        answer::page,
        frame,
        visit::StaffedOn,
        words::{Words, human},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use tenantry_console::master::{Body, Cell, Printed, Section, Table, Tone};

/// `GET /master-admin/companies/{slug}/certificate/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let words = of.words();
    let certificate = of.platform().purges().certificate(of.slug.as_str()).await?;
    let detail = &certificate.detail;
    let facts = [
        (words.say("company"), Cell::text(of.slug.as_str())),
        (words.say("purged"), words::at(words, certificate.at_us)),
        (words.say("by"), Cell::text(&certificate.by)),
        (words.say("installation"), Cell::text(&of.platform().config().platform.name)),
    ];
    let facts: Vec<_> = facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect();
    let traces: Vec<_> =
        detail["traces"].as_array().into_iter().flatten().map(|one| trace(words, one)).collect();
    let proof = vec![
        (words.say("certificate-row").to_owned(), certificate.row.to_string()),
        (words.say("certificate-hash").to_owned(), certificate.hash),
    ];
    let head = words.each(["what", "where", "amount", "result"]);
    let sections = [Section::new("traces", words.say("places"), Body::Table(Table::new(&head, traces)))];
    let frame = frame::of_operator(&of.of, words.say("certificate-of-removal"));
    let back = format!("/master-admin/companies/{}/", of.slug);
    let view = Printed {
        frame: &frame,
        back: (&back, of.slug.as_str()),
        lead: words.say("certificate-lead"),
        facts: &facts,
        sections: &sections,
        proof: &proof,
    };
    Ok(page(StatusCode::OK, &view))
}

fn trace(words: &Words, trace: &Value) -> Vec<Cell> {
    let text = |name: &str| trace[name].as_str().unwrap_or_default().to_owned();
    let size = trace["bytes"].as_u64().map(|size| format!(", {}", words.bytes(size))).unwrap_or_default();
    let amount = format!("{}{size}", words.number(trace["count"].as_u64().unwrap_or_default()));
    let fate = match trace["fate"].as_str() {
        Some("removed") => Cell::tag(words.say("removed"), Tone::Good),
        Some("kept") => Cell::tag(words.say("stays"), Tone::Warn),
        _ => Cell::tag(words.say("not-removed"), Tone::Bad),
    };
    vec![
        Cell::text(words.known(&human(&text("what")))),
        Cell::text(text("place")),
        Cell::number(amount),
        fate,
    ]
}
