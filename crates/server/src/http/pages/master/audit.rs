//! `/master-admin/audit/`: the audit log of the platform, newest first, and the check of its hash chain.

use super::{people::People, words};
use crate::http::{
    App, admin,
    names::filtered,
    pages::{
        answer::{page, percent},
        frame,
        visit::{Fields, Staffed, query},
        words::{Words, iso},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    access::Actor,
    audit::{Query, Row},
};
use tenantry_console::{
    Notice,
    master::{Body, Button, Cell, Field, Filter, Kind, Section, Sheet, Table},
};

/// Number of rows on a page.
const PAGE: u32 = 50;
/// Address of the page.
const HERE: &str = "/master-admin/audit/";

/// `GET /master-admin/audit/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let wanted = wanted(&app, &of.actor, words, &query).await?;
    let rows = app.platform().audit().list(&wanted).await?;
    let mut frame = frame::of_operator(&of, words.say("audit-log"));
    if query.get("verify") == "true" {
        frame.notice = Some(verified(words, &app).await?);
    }
    let labels = rows.iter().flat_map(|row| [Some(row.actor.as_str()), row.impersonator.as_deref()]);
    let people = People::of(&of, &labels.flatten().collect::<Vec<_>>()).await?;
    let last = rows.last().filter(|_| rows.len() == PAGE as usize).map(|row| row.id.to_string());
    let mut table = Table::new(
        &words.each(["when", "action", "by", "detail"]),
        rows.iter().map(|row| line(words, row, &people)).collect(),
    );
    table.first = wanted.before.map(|_| address(&query, None));
    table.next = last.map(|last| address(&query, Some(("before", &last))));
    let list = match rows.is_empty() {
        true => Body::Nothing("book-open", words.say("nothing-here").into(), words.say("no-row-fits").into()),
        false => Body::Table(table),
    };
    let field = |name, label, kind| Field::new(name, words.say(label), kind).value(query.get(name));
    let fields = vec![
        field("tenant", "short-name-of-a-company", Kind::Text),
        field("actor", "audit-actor", Kind::Text),
        field("action", "audit-action", Kind::Text),
        field("from", "audit-from", Kind::Date),
        field("to", "audit-to", Kind::Date),
    ];
    let export = |format: &str, label| Button::new(words.say(label), exported(&wanted, format), "download");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("audit-lead").into(),
        tags: vec![],
        buttons: vec![
            export("csv", "export-csv"),
            export("ndjson", "export-ndjson"),
            Button::new(words.say("check-the-chain"), format!("{HERE}?verify=true"), "shield"),
        ],
        sections: vec![
            Section::new("filter", "", Body::Filter(Filter { action: HERE, q: None, fields })),
            Section::new("log", "", list),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the query of the filter's fields. Days are in the visitor's time zone. A field whose text is not a day is
/// ignored.
async fn wanted(app: &App, asker: &Actor, words: &Words, query: &Fields) -> Result<Query> {
    let text = |name| query.filled(name).map(str::to_owned);
    let day = |name, days| words.start_of_day(query.filled(name)?, days);
    Ok(Query {
        tenant: filtered(app, query.filled("tenant")).await?,
        actor: admin::actor_label(app, asker, text("actor")).await?,
        action: text("action"),
        since_us: day("from", 0),
        until_us: day("to", 1),
        before: query.filled("before").and_then(|id| id.parse().ok()),
        limit: PAGE,
    })
}

/// Returns the address of the page with the same filter and one more parameter.
fn address(query: &Fields, with: Option<(&str, &str)>) -> String {
    let names = ["tenant", "actor", "action", "from", "to"];
    let kept = names.into_iter().filter_map(|name| Some((name, query.filled(name)?)));
    let all: Vec<_> =
        kept.chain(with).map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    format!("{HERE}?{}", all.join("&"))
}

/// Returns the address that exports all rows of the filter, not only those of the shown page.
fn exported(query: &Query, format: &str) -> String {
    let text = [
        ("format", Some(format.to_owned())),
        ("tenant", query.tenant.map(|id| id.to_string())),
        ("actor", query.actor.clone()),
        ("action", query.action.clone()),
        ("since", query.since_us.map(iso)),
        ("until", query.until_us.map(iso)),
    ];
    let all = text.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", percent(&value?))));
    format!("/api/admin/audit/export?{}", all.collect::<Vec<_>>().join("&"))
}

async fn verified(words: &Words, app: &App) -> Result<Notice> {
    let report = app.platform().audit().verify().await?;
    let rows = u64::try_from(report.rows).unwrap_or(0);
    Ok(match report.faults.first() {
        None => Notice::done(
            words.text("audit-intact").with("count", rows).with("last", report.head.id.to_string()),
        ),
        Some(first) => Notice::wrong(
            words
                .text("audit-broken")
                .with("faults", report.faults.len())
                .with("count", rows)
                .with("first", first.to_string()),
        ),
    })
}

fn line(words: &Words, row: &Row, people: &People) -> Vec<Cell> {
    let behind = row
        .impersonator
        .as_deref()
        .map(|label| words.text("audit-in-fact").with("actor", people.name(label)).to_string());
    vec![
        words::at(words, row.at_us).small(words.text("record-number").with("id", row.id.to_string())),
        Cell::text(&row.action),
        Cell::text(people.name(&row.actor)).small(behind.unwrap_or_default()),
        Cell::text(words::brief(&row.detail)),
    ]
}
