//! `/master-admin/audit/`: the audit log of the platform, newest first, and the check of its hash chain.

use super::words;
use crate::http::{
    App,
    names::filtered,
    pages::{
        answer::page,
        frame,
        visit::{Fields, Staffed, query},
        words::Words,
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use std::collections::{BTreeMap, BTreeSet};
use tenantry::{
    access::Actor,
    audit::{Query, Row},
    name::UserId,
    users,
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
    let tenant = filtered(&app, query.filled("tenant")).await?;
    let before = query.filled("before").and_then(|id| id.parse().ok());
    let rows = app.platform().audit().list(&Query { tenant, before, limit: PAGE }).await?;
    let mut frame = frame::of_operator(&of, words.say("audit-log"));
    if query.get("verify") == "true" {
        frame.notice = Some(verified(words, &app).await?);
    }
    let names = names(&app, &of.actor, &rows).await?;
    let last = rows.last().filter(|_| rows.len() == PAGE as usize).map(|row| row.id);
    let mut table = Table::new(
        &[words.say("when"), words.say("action"), words.say("by"), words.say("detail")],
        rows.iter().map(|row| line(words, row, &names)).collect(),
    );
    table.first = before.map(|_| address(&query, None));
    table.next = last.map(|last| address(&query, Some(last)));
    let list = match rows.is_empty() {
        true => Body::Nothing("book-open", words.say("nothing-here").into(), words.say("no-row-fits").into()),
        false => Body::Table(table),
    };
    let fields = vec![
        Field::new("tenant", words.say("short-name-of-a-company"), Kind::Text).value(query.get("tenant")),
    ];
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("audit-lead").into(),
        tags: vec![],
        buttons: vec![Button::new(words.say("check-the-chain"), format!("{HERE}?verify=true"), "shield")],
        sections: vec![
            Section::new("filter", "", Body::Filter(Filter { action: HERE, q: None, fields })),
            Section::new("log", "", list),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn address(query: &Fields, before: Option<i64>) -> String {
    let tenant = query.filled("tenant").map(|slug| format!("tenant={slug}"));
    let before = before.map(|id| format!("before={id}"));
    let all: Vec<_> = tenant.into_iter().chain(before).collect();
    format!("{HERE}?{}", all.join("&"))
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

/// Returns the addresses of the users that the rows name.
async fn names(app: &App, actor: &Actor, rows: &[Row]) -> Result<BTreeMap<String, String>> {
    let mut ids = BTreeSet::new();
    for label in rows.iter().flat_map(|row| [Some(&row.actor), row.impersonator.as_ref()]).flatten() {
        ids.extend(label.strip_prefix("user:").and_then(|id| id.parse::<i64>().ok()));
    }
    let mut names = BTreeMap::new();
    for id in ids {
        let filter =
            users::Filter { after: Some(UserId::from_raw(id - 1)), limit: 1, ..users::Filter::default() };
        let found = app.platform().users().list(actor, &filter).await?;
        if let Some(user) = found.into_iter().find(|user| user.id.get() == id) {
            names.insert(format!("user:{id}"), user.email);
        }
    }
    Ok(names)
}

fn line(words: &Words, row: &Row, names: &BTreeMap<String, String>) -> Vec<Cell> {
    let named = |label: &str| names.get(label).cloned().unwrap_or_else(|| label.to_owned());
    let behind = row
        .impersonator
        .as_deref()
        .map(|label| words.text("audit-in-fact").with("actor", named(label)).to_string());
    vec![
        words::at(words, row.at_us).small(words.text("record-number").with("id", row.id.to_string())),
        Cell::text(&row.action),
        Cell::text(named(&row.actor)).small(behind.unwrap_or_default()),
        Cell::text(words::brief(&row.detail)),
    ]
}
