//! `/master-admin/companies/`: all companies; the catalog searches, filters and sorts them.

use super::words;
use crate::{
    http::{
        App, admin,
        pages::{
            answer::{page, percent},
            frame,
            visit::{Fields, Staffed, query},
            words::Words,
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

/// Number of companies on a page.
const PAGE: u32 = 50;
/// Age in microseconds from which a backup counts as old.
const OLD_US: i64 = 2 * 86_400_000_000;
/// Ids of the columns, each with the order that a click on it selects.
const COLUMNS: [(&str, Option<Sort>); 8] = [
    ("company", Some(Sort::Name)),
    ("short-name", Some(Sort::Slug)),
    ("state", None),
    ("plan", None),
    ("schema", None),
    ("server", None),
    ("size", None),
    ("last-backup", Some(Sort::Backup)),
];

/// `GET /master-admin/companies/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let flag = |name| query.filled(name).map(|value| value == "true");
    let mut filter = admin::tenants_filter(TenantsQuery {
        q: query.filled("q").map(str::to_owned),
        state: query.filled("state").map(str::to_owned),
        plan: query.filled("plan").map(str::to_owned),
        server: query.filled("server").map(|name| Name(name.to_owned())),
        behind: flag("behind"),
        without_backup: flag("without_backup"),
        misplaced: flag("misplaced"),
        sort: query.filled("sort").map(str::to_owned),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE),
    })?;
    // One row more than fits on the page shows whether there is a next page.
    filter.limit = PAGE + 1;
    let mut listed = app.platform().tenants().list(&filter).await?;
    let is_more = listed.len() > PAGE as usize;
    listed.truncate(PAGE as usize);
    let next = listed.last().filter(|_| is_more).map(|last| address(&query, "after", &last.id.to_string()));
    let mut rows = Vec::with_capacity(listed.len());
    for tenant in &listed {
        rows.push(row(words, &app, tenant).await?);
    }
    let is_empty = rows.is_empty();
    let table = Table {
        head: COLUMNS
            .iter()
            .map(|(text, sort)| {
                let href = sort.map(|sort| address(&query, "sort", sort.as_str()));
                (words.say(text).to_owned(), href, *sort == Some(filter.sort))
            })
            .collect(),
        rows,
        first: query.filled("after").map(|_| address(&query, "after", "")),
        next,
    };
    let list = match is_empty {
        true => {
            Body::Nothing("building-2", words.say("no-company-fits").into(), words.say("tenants-none").into())
        }
        false => Body::Table(table),
    };
    let frame = frame::of_operator(&of, words.say("companies"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("tenants-lead").into(),
        tags: vec![],
        buttons: vec![
            Button::new(words.say("create-a-company"), "/master-admin/companies/create/", "plus").primary(),
            Button::new(words.say("import-a-company"), "/master-admin/import/", "upload"),
        ],
        sections: vec![
            Section::new("filter", "", Body::Filter(search(words, &app, &query).await?)),
            Section::new("list", "", list),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the address of the same list with another value of one parameter. A list with another order starts at its
/// first page.
fn address(query: &Fields, name: &str, value: &str) -> String {
    let keeps =
        |known: &str| known != name && (name != "sort" || known != "after") && !known.starts_with('_');
    let kept = query.0.iter().filter(|(known, value)| keeps(known) && !value.is_empty());
    let all = kept.map(|(known, value)| (known.as_str(), value.as_str()));
    let all = all.chain((!value.is_empty()).then_some((name, value)));
    let all: Vec<_> = all.map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    format!("/master-admin/companies/?{}", all.join("&"))
}

async fn search(words: &Words, app: &App, query: &Fields) -> Result<Filter> {
    let all = |label: &str| vec![Choice::new("", label)];
    let mut states = all(words.say("all-states"));
    let named =
        [State::Active, State::Suspended, State::Cancelled, State::Purging, State::Creating, State::Gone];
    states.extend(named.map(|state| Choice::new(state.as_str(), words.say(words::state_name(state)))));
    let mut plans = all(words.say("all-plans"));
    let known = app.platform().plans().list().await?;
    plans.extend(known.into_iter().map(|plan| Choice::new(plan.spec.code, plan.spec.name)));
    let mut servers = all(words.say("all-servers"));
    let known = &app.platform().config().servers;
    servers.extend(known.iter().map(|server| Choice::new(server.name.as_str(), server.name.as_str())));
    let field = |name, label: &'static str, kind| Field::new(name, label, kind).value(query.get(name));
    Ok(Filter {
        action: "/master-admin/companies/",
        q: Some(query.get("q").to_owned()),
        fields: vec![
            field("state", words.say("state"), Kind::Select(states)),
            field("plan", words.say("plan"), Kind::Select(plans)),
            field("server", words.say("server"), Kind::Select(servers)),
            field("behind", words.say("schema-behind"), Kind::Check),
            field("without_backup", words.say("without-a-backup"), Kind::Check),
            field("misplaced", words.say("misplaced"), Kind::Check),
            field("sort", words.say("order"), Kind::Hidden),
        ],
    })
}

async fn row(words: &Words, app: &App, tenant: &Listed) -> Result<Vec<Cell>> {
    let platform = app.platform();
    let versions = platform.migrations().versions(tenant).await?;
    let servers: Vec<_> = tenant
        .placements
        .iter()
        .map(|p| format!("{} ({})", p.place.server, p.place.isolation.as_str()))
        .collect();
    let size = platform.tenants().bytes(tenant).await;
    let backup = match tenant.backup_at_us {
        None => Cell::tag(words.say("group-none"), Tone::Warn),
        Some(at) if platform.now_us() - at > OLD_US => {
            Cell { tag: None, ..words::at(words, at) }.small(words.say("backup-old"))
        }
        Some(at) => words::at(words, at),
    };
    Ok(vec![
        Cell::link(tenant.called(), format!("/master-admin/companies/{}/", tenant.slug)),
        Cell::text(tenant.slug.as_str()),
        words::state(words, tenant),
        words::subscription(words, tenant),
        words::schema(words, &versions),
        match servers.is_empty() {
            true => Cell::tag(words.say("no-database"), Tone::Bad),
            false => Cell::text(servers.join(", ")),
        },
        Cell::number(words.bytes(size)),
        backup,
    ])
}
