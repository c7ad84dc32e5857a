//! `/admin/data/{model}/{id}/impact/`: which companies would notice a change of a shared record; the forms that change one load
//! this part of the page. Also the export of shared records.

use super::address;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::{Site, query},
        words::{many, number},
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
    records::{Impact, Noticing, Scope as Whole},
};
use tenantry_console::master::{Body, Cell, Section, Sheet, Table, Tone};

/// Companies of a page.
const NAMED: usize = 50;

/// `GET /admin/data/{model}/{id}/impact/`.
pub(in crate::http) async fn show(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let Site::Staff(of, _) = &site else { return Err(Problem::absent()) };
    let query = query(&of.visit.query);
    let records = app.platform().records(Whole::Staff(&of.actor), &model)?;
    let after = query.filled("after").and_then(|id| id.parse().ok()).map(TenantId::from_raw);
    let impact = records.impact(&id, after, NAMED).await?;
    let path = format!("/admin/data/{model}/{id}/impact/");
    let next = impact.next.map(|last| address(&path, &query, "after", &last.to_string()));
    let first = after.map(|_| path.clone());
    let frame = frame::of_staff(of, "Who would notice");
    let sheet = Sheet {
        frame: &frame,
        back: Some((format!("/admin/data/{model}/{id}/"), records.model().label.clone())),
        lead: "Companies that refer to this record, or have their own values for it.".into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![section(&app, &impact, (first, next))],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn section(app: &App, impact: &Impact, (first, next): (Option<String>, Option<String>)) -> Section {
    let models = app.platform().models();
    let label =
        |name: &str| models.iter().find(|m| m.name.as_str() == name).map_or(name, |m| &m.label).to_owned();
    let asked = many(impact.asked, "company was asked", "companies were asked");
    let more = if next.is_some() { " There are more companies." } else { "" };
    let total: u64 = impact.noticing.iter().flat_map(|n| &n.references).map(|(_, _, count)| count).sum();
    let referring = impact.noticing.iter().filter(|n| !n.references.is_empty()).count() as u64;
    let own = impact.noticing.iter().filter(|n| !n.own.is_empty()).count() as u64;
    let mut help = format!("{asked}.");
    if referring > 0 {
        help += &format!(
            " {} to this record, with {}, and so keep it from being deleted.",
            many(referring, "company refers", "companies refer"),
            many(total, "record", "records"),
        );
    }
    if own > 0 {
        help += &format!(
            " {} own values, and would not see a change of those fields.",
            many(own, "company has", "companies have"),
        );
    }
    help += more;
    let mut rows: Vec<_> = impact.noticing.iter().map(|noticing| row(noticing, &label)).collect();
    rows.extend(impact.unasked.iter().map(|unasked| {
        vec![
            Cell::link(&unasked.slug, format!("/master-admin/companies/{}/", unasked.slug)),
            Cell::tag("Could not be asked", Tone::Warn).small(unasked.why.clone()),
            Cell::default(),
        ]
    }));
    let body = match rows.is_empty() && first.is_none() && next.is_none() {
        true => Body::Nothing("circle-check", "No company would notice".into(), format!("{asked}.")),
        false => Body::Table(Table {
            first,
            next,
            ..Table::new(&["Company", "Refers to it", "Has its own"], rows)
        }),
    };
    let is_empty = matches!(body, Body::Nothing(..));
    let section = Section::new("impact", "Who would notice", body);
    if is_empty { section } else { section.help(help) }
}

fn row(noticing: &Noticing, label: &impl Fn(&str) -> String) -> Vec<Cell> {
    let references = noticing
        .references
        .iter()
        .map(|(model, _, count)| format!("{} in {}", number(*count), label(model.as_str())));
    let own = noticing.own.iter().map(|field| field.as_str().replace('_', " "));
    vec![
        Cell::link(&noticing.name, format!("/admin/companies/{}/", noticing.slug)),
        Cell::text(references.collect::<Vec<_>>().join(", ")),
        Cell::text(own.collect::<Vec<_>>().join(", ")),
    ]
}

/// `GET /admin/data/{model}/export/`: the shared records as CSV, whatever company the session is in.
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
