//! `/master-admin/companies/`: all companies, searched, filtered and sorted by the catalog.

use super::words;
use crate::{
    http::{
        App, admin,
        pages::{
            answer::{page, percent},
            frame,
            visit::{Fields, Staffed, query},
            words::{bytes, human},
        },
        problem::Result,
    },
    wire::{Id, Limit, Name, tenant::TenantsQuery},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::tenants::{Listed, Sort, State};
use tenantry_console::master::{
    Body, Button, Cell, Choice, Field, Filter, Kind, Section, Sheet, Table, Tone,
};

/// Companies of a page.
const PAGE: u32 = 50;
/// Microseconds after which a backup is old.
const OLD_US: i64 = 2 * 86_400_000_000;
/// Columns, with the order that sorts by each.
const COLUMNS: [(&str, Option<Sort>); 8] = [
    ("Company", Some(Sort::Name)),
    ("Short name", Some(Sort::Slug)),
    ("State", None),
    ("Plan", None),
    ("Schema", None),
    ("Server", None),
    ("Size", None),
    ("Last backup", Some(Sort::Backup)),
];

/// `GET /master-admin/companies/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let query = query(&of.visit.query);
    let flag = |name| query.filled(name).map(|value| value == "true");
    let mut filter = admin::tenants_filter(TenantsQuery {
        q: query.filled("q").map(str::to_owned),
        state: query.filled("state").map(str::to_owned),
        plan: query.filled("plan").map(str::to_owned),
        server: query.filled("server").map(|name| Name(name.to_owned())),
        behind: flag("behind"),
        without_backup: flag("without_backup"),
        sort: query.filled("sort").map(str::to_owned),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE),
    })?;
    // One more tells whether there is a next page.
    filter.limit = PAGE + 1;
    let mut listed = app.platform().tenants().list(&filter).await?;
    let is_more = listed.len() > PAGE as usize;
    listed.truncate(PAGE as usize);
    let next = listed.last().filter(|_| is_more).map(|last| address(&query, "after", &last.id.to_string()));
    let mut rows = Vec::with_capacity(listed.len());
    for tenant in &listed {
        rows.push(row(&app, tenant).await?);
    }
    let is_empty = rows.is_empty();
    let table = Table {
        head: COLUMNS
            .iter()
            .map(|(text, sort)| {
                let href = sort.map(|sort| address(&query, "sort", sort.as_str()));
                ((*text).to_owned(), href, *sort == Some(filter.sort))
            })
            .collect(),
        rows,
        first: query.filled("after").map(|_| address(&query, "after", "")),
        next,
    };
    let list = match is_empty {
        true => Body::Nothing(
            "building-2",
            "No company fits".into(),
            "Search for something else, or show all.".into(),
        ),
        false => Body::Table(table),
    };
    let frame = frame::of_operator(&of, "Companies");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: "Each with the state of its databases and its last backup.".into(),
        tags: vec![],
        buttons: vec![Button::new("Create a company", "/master-admin/companies/create/", "plus").primary()],
        sections: vec![
            Section::new("filter", "", Body::Filter(search(&app, &query).await?)),
            Section::new("list", "", list),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the address of the same list with another value of one parameter. Another order begins with its first page.
fn address(query: &Fields, name: &str, value: &str) -> String {
    let keeps =
        |known: &str| known != name && (name != "sort" || known != "after") && !known.starts_with('_');
    let kept = query.0.iter().filter(|(known, value)| keeps(known) && !value.is_empty());
    let all = kept.map(|(known, value)| (known.as_str(), value.as_str()));
    let all = all.chain((!value.is_empty()).then_some((name, value)));
    let all: Vec<_> = all.map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    format!("/master-admin/companies/?{}", all.join("&"))
}

async fn search(app: &App, query: &Fields) -> Result<Filter> {
    let all = |label: &str| vec![Choice::new("", label)];
    let mut states = all("All states");
    let named =
        [State::Active, State::Suspended, State::Cancelled, State::Purging, State::Creating, State::Gone];
    states.extend(named.map(|state| Choice::new(state.as_str(), human(state.as_str()))));
    let mut plans = all("All plans");
    let known = app.platform().plans().list().await?;
    plans.extend(known.into_iter().map(|plan| Choice::new(plan.spec.code, plan.spec.name)));
    let mut servers = all("All servers");
    let known = &app.platform().config().servers;
    servers.extend(known.iter().map(|server| Choice::new(server.name.as_str(), server.name.as_str())));
    let field = |name, label, kind| Field::new(name, label, kind).value(query.get(name));
    Ok(Filter {
        action: "/master-admin/companies/",
        q: Some(query.get("q").to_owned()),
        fields: vec![
            field("state", "State", Kind::Select(states)),
            field("plan", "Plan", Kind::Select(plans)),
            field("server", "Server", Kind::Select(servers)),
            field("behind", "Schema behind", Kind::Check),
            field("without_backup", "Without a backup", Kind::Check),
            field("sort", "Order", Kind::Hidden),
        ],
    })
}

async fn row(app: &App, tenant: &Listed) -> Result<Vec<Cell>> {
    let platform = app.platform();
    let versions = platform.migrations().versions(tenant).await?;
    let servers: Vec<_> = tenant
        .placements
        .iter()
        .map(|p| format!("{} ({})", p.place.server, p.place.isolation.as_str()))
        .collect();
    let size = platform.tenants().bytes(tenant).await;
    let backup = match tenant.backup_at_us {
        None => Cell::tag("None", Tone::Warn),
        Some(at) if platform.now_us() - at > OLD_US => Cell { tag: None, ..words::at(at) }.small("old"),
        Some(at) => words::at(at),
    };
    Ok(vec![
        Cell::link(&tenant.name, format!("/master-admin/companies/{}/", tenant.slug)),
        Cell::text(tenant.slug.as_str()),
        words::state(tenant),
        words::subscription(tenant),
        words::schema(&versions),
        match servers.is_empty() {
            true => Cell::tag("No database", Tone::Bad),
            false => Cell::text(servers.join(", ")),
        },
        Cell::number(bytes(size)),
        backup,
    ])
}
