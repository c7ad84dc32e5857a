//! `/admin/data/{model}/{id}/impact/`: the companies that would notice a change of a shared record. The forms that
//! change a record load this part of the page. Also the export of shared records.

use super::address;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::{Site, query},
        words::Words,
    },
    problem::{Problem, Result},
    records::{self, ModelPath},
    scope::Scope,
};
use axum::{
    extract::{Path, RawQuery},
    response::Response,
};
use http::StatusCode;
use tenantry::{
    name::TenantId,
    records::{Impact, ImpactBounds, Noticing, Scope as Whole},
};
use tenantry_console::master::{Body, Cell, Section, Sheet, Table, Tone};

/// Largest number of companies that the page names.
const NAMED: usize = 50;

/// `GET /admin/data/{model}/{id}/impact/`.
pub(in crate::http) async fn show(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let Site::Staff(of, _) = &site else { return Err(Problem::absent()) };
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let records = app.platform().records(Whole::Staff(&of.actor), &model)?;
    let after = query.filled("after").and_then(|id| id.parse().ok()).map(TenantId::from_raw);
    let impact =
        records.impact(&id, after, ImpactBounds { noticing: NAMED, ..ImpactBounds::default() }).await?;
    let path = format!("/admin/data/{model}/{id}/impact/");
    let next = impact.next.map(|last| address(&path, &query, "after", &last.to_string()));
    let first = after.map(|_| path.clone());
    let frame = frame::of_staff(of, words.say("who-would-notice"));
    let sheet = Sheet {
        frame: &frame,
        back: Some((format!("/admin/data/{model}/{id}/"), words.model(&model))),
        lead: words.say("impact-lead").into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![section(words, &model, &impact, (first, next))],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn section(
    words: &Words,
    model: &str,
    impact: &Impact,
    (first, next): (Option<String>, Option<String>),
) -> Section {
    let asked = words.text("impact-asked").with("count", impact.asked).to_string();
    let total: u64 = impact.noticing.iter().flat_map(|n| &n.references).map(|(_, _, count)| count).sum();
    let referring = impact.noticing.iter().filter(|n| !n.references.is_empty()).count() as u64;
    let own = impact.noticing.iter().filter(|n| !n.own.is_empty()).count() as u64;
    let refer = (referring > 0).then(|| {
        let records = words.text("records-count").with("count", total);
        words.text("impact-refer").with("count", referring).with("records", records).to_string()
    });
    let own = (own > 0).then(|| words.text("impact-own").with("count", own).to_string());
    let more = next.as_ref().map(|_| words.text("impact-more").with("count", impact.left).to_string());
    let help: Vec<_> = [Some(asked.clone()), refer, own, more].into_iter().flatten().collect();
    let help = help.join(" ");
    let mut rows: Vec<_> = impact.noticing.iter().map(|noticing| row(words, model, noticing)).collect();
    rows.extend(impact.unasked.iter().map(|unasked| {
        vec![
            Cell::link(&unasked.slug, format!("/master-admin/companies/{}/", unasked.slug)),
            Cell::tag(words.say("could-not-be-asked"), Tone::Warn).small(unasked.why.clone()),
            Cell::default(),
        ]
    }));
    let body = match rows.is_empty() && first.is_none() && next.is_none() {
        true => Body::Nothing("circle-check", words.say("impact-none").into(), asked),
        false => Body::Table(Table {
            first,
            next,
            ..Table::new(&words.each(["company", "refers-to-it", "has-its-own"]), rows)
        }),
    };
    let is_empty = matches!(body, Body::Nothing(..));
    let section = Section::new("impact", words.say("who-would-notice"), body);
    if is_empty { section } else { section.help(help) }
}

fn row(words: &Words, model: &str, noticing: &Noticing) -> Vec<Cell> {
    let references = noticing.references.iter().map(|(model, _, count)| {
        words.text("count-in").with("count", *count).with("label", words.model(model.as_str())).to_string()
    });
    let own = noticing.own.iter().map(|field| words.field(model, field.as_str()));
    vec![
        Cell::link(&noticing.name, format!("/admin/companies/{}/", noticing.slug)),
        Cell::text(references.collect::<Vec<_>>().join(", ")),
        Cell::text(own.collect::<Vec<_>>().join(", ")),
    ]
}

/// `GET /admin/data/{model}/export/`: the shared records as CSV, whatever company the session is bound to.
pub(in crate::http) async fn export(
    app: App,
    site: Site,
    Path(model): Path<String>,
    query: RawQuery,
) -> Result<Response> {
    let Site::Staff(of, positions) = site else { return Err(Problem::absent()) };
    let scope = Scope::Staff(of.actor, positions);
    records::export(app, scope, Path(ModelPath { model }), query).await
}
