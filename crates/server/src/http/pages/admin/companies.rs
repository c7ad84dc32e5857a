//! `/admin/companies/`: companies with their plan and members; one company without its rows.

use super::{PAGE, days, listed, plan_choices};
use crate::{
    http::{
        App, admin,
        pages::{
            answer::page,
            frame,
            master::words,
            visit::{Staffed, StaffedOn, query},
            words::{Words, human},
        },
        problem::Result,
    },
    wire::{Id, Limit, tenant::TenantsQuery},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::tenants::{Listed, State};
use tenantry_console::master::{
    Body, Button, Cell, Choice, Field, Filter, Group, Kind, Section, Sheet, Table,
};

const PATH: &str = "/admin/companies/";

/// `GET /admin/companies/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let filter = admin::tenants_filter(TenantsQuery {
        q: query.filled("q").map(str::to_owned),
        state: query.filled("state").map(str::to_owned),
        plan: query.filled("plan").map(str::to_owned),
        server: None,
        behind: None,
        without_backup: None,
        misplaced: None,
        sort: Some("name".into()),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE + 1),
    })?;
    let found = app.platform().tenants().list(&filter).await?;
    let mut states = vec![Choice::new("", words.say("all-states"))];
    let named = [State::Active, State::Suspended, State::Cancelled, State::Creating];
    states.extend(named.map(|state| Choice::new(state.as_str(), words.say(words::state_name(state)))));
    let field = |name, label: &'static str, kind| Field::new(name, label, kind).value(query.get(name));
    let search = Filter {
        action: PATH,
        q: Some(query.get("q").to_owned()),
        fields: vec![
            field("state", words.say("state"), Kind::Select(states)),
            field(
                "plan",
                words.say("plan"),
                Kind::Select(plan_choices(&app, Choice::new("", words.say("all-plans")), true).await?),
            ),
        ],
    };
    let table = listed(
        (PATH, &query),
        &words.each(["company", "short-name", "state", "plan", "head-days-left", "people", "e-mail"]),
        found,
        (|tenant: &Listed| tenant.id.to_string(), |tenant: &Listed| row(words, tenant)),
        ("building-2", words.say("no-company-fits"), words.say("tenants-none")),
    );
    let frame = frame::of_staff(&of, words.say("companies"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("admin-companies-lead").into(),
        tags: vec![],
        buttons: vec![
            Button::new(words.say("create-a-company"), "/master-admin/companies/create/", "plus").primary(),
        ],
        sections: vec![Section::new("search", "", Body::Filter(search)), table],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn row(words: &Words, tenant: &Listed) -> Vec<Cell> {
    vec![
        Cell::link(tenant.called(), format!("{PATH}{}/", tenant.slug)),
        Cell::text(tenant.slug.as_str()),
        words::state(words, tenant),
        words::subscription(words, tenant),
        Cell::number(tenant.days_remaining.map(|days| days.to_string()).unwrap_or_default()),
        Cell::number(words.number(u64::try_from(tenant.users).unwrap_or(0))),
        Cell::text(&tenant.email),
    ]
}

/// `GET /admin/companies/{slug}/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let words = of.words();
    let tenant = of.platform().tenants().show(&of.slug).await?;
    let members = of.platform().users().of_tenant(&of.of.actor, &of.slug).await?;
    let facts = [
        (words.say("name"), Cell::text(&tenant.name)),
        (words.say("short-name"), Cell::text(tenant.slug.as_str())),
        (words.say("e-mail"), Cell::text(&tenant.email)),
        (words.say("plan"), words::subscription(words, &tenant)),
        (words.say("subscription-ends"), Cell::text(days(words, tenant.days_remaining))),
        (words.say("people"), Cell::text(words.number(u64::try_from(tenant.users).unwrap_or(0)))),
        (words.say("created"), words::at(words, tenant.created_at_us)),
    ];
    let facts = facts.map(|(name, cell)| (name.to_owned(), cell)).to_vec();
    let at = |text: &'static str, act: &str, icon| {
        Button::new(text, format!("/master-admin/companies/{}/{act}", of.slug), icon)
    };
    let mut account = vec![];
    if tenant.subscription.is_some() {
        account.push(Button::new(
            words.say("subscription"),
            format!("/admin/subscriptions/{}/", of.slug),
            "credit-card",
        ));
    }
    match tenant.state {
        State::Active => account.push(at(words.say("suspend"), "suspend/", "lock")),
        State::Suspended => account.push(at(words.say("resume"), "resume/", "undo-2")),
        _ => {}
    }
    account.push(at(words.say("short-name"), "rename/", "pencil"));
    account.push(at(words.say("databases-backups-moves"), "", "server"));
    let frame = frame::of_staff(&of.of, tenant.called());
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), words.say("companies").into())),
        lead: tenant.slug.to_string(),
        tags: vec![words::state(words, &tenant)],
        buttons: vec![],
        sections: vec![
            Section::new("profile", words.say("profile"), Body::Facts(facts)),
            Section::new("members", words.say("people"), people(words, members)),
            Section::new(
                "actions",
                words.say("actions"),
                Body::Links(vec![Group { label: words.say("account"), links: account }]),
            )
            .side(),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the members of a company.
fn people(words: &Words, members: Vec<tenantry::users::Member>) -> Body {
    let row = |member: tenantry::users::Member| {
        vec![
            Cell::link(&member.name, format!("/admin/users/{}/", member.user)),
            Cell::text(&member.email),
            Cell::text(human(&words.role(member.role.as_str()))),
            words::at(words, member.created_at_us),
        ]
    };
    match members.is_empty() {
        true => Body::Nothing(
            "users",
            words.say("members-none").into(),
            words.text("members-none-help").with("command", "tenantry tenant add-owner").into(),
        ),
        false => Body::Table(Table::new(
            &words.each(["name", "e-mail", "role", "since"]),
            members.into_iter().map(row).collect(),
        )),
    }
}
