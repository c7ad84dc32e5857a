//! `/admin/companies/`: companies with their plan and people; one company without its rows.

use super::{PAGE, days, listed, plan_choices};
use crate::{
    http::{
        App, admin,
        pages::{
            answer::page,
            frame,
            master::words,
            visit::{Staffed, StaffedOn, query},
            words::{human, number},
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
    let query = query(&of.visit.query);
    let filter = admin::tenants_filter(TenantsQuery {
        q: query.filled("q").map(str::to_owned),
        state: query.filled("state").map(str::to_owned),
        plan: query.filled("plan").map(str::to_owned),
        server: None,
        behind: None,
        without_backup: None,
        sort: Some("name".into()),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE + 1),
    })?;
    let found = app.platform().tenants().list(&filter).await?;
    let mut states = vec![Choice::new("", "All states")];
    let named = [State::Active, State::Suspended, State::Cancelled, State::Creating];
    states.extend(named.map(|state| Choice::new(state.as_str(), human(state.as_str()))));
    let field = |name, label, kind| Field::new(name, label, kind).value(query.get(name));
    let search = Filter {
        action: PATH,
        q: Some(query.get("q").to_owned()),
        fields: vec![
            field("state", "State", Kind::Select(states)),
            field(
                "plan",
                "Plan",
                Kind::Select(plan_choices(&app, Choice::new("", "All plans"), true).await?),
            ),
        ],
    };
    let table = listed(
        (PATH, &query),
        &["Company", "Short name", "State", "Plan", "Days left", "People", "E-mail"],
        found,
        (|tenant: &Listed| tenant.id.to_string(), row),
        ("building-2", "No company fits", "Search for something else, or show all."),
    );
    let frame = frame::of_staff(&of, "Companies");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: "Each with its plan and its people. Their records are theirs: staff see none.".into(),
        tags: vec![],
        buttons: vec![Button::new("Create a company", "/master-admin/companies/create/", "plus").primary()],
        sections: vec![Section::new("search", "", Body::Filter(search)), table],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn row(tenant: &Listed) -> Vec<Cell> {
    vec![
        Cell::link(&tenant.name, format!("{PATH}{}/", tenant.slug)),
        Cell::text(tenant.slug.as_str()),
        words::state(tenant),
        words::subscription(tenant),
        Cell::number(tenant.days_remaining.map(|days| days.to_string()).unwrap_or_default()),
        Cell::number(number(u64::try_from(tenant.users).unwrap_or(0))),
        Cell::text(&tenant.email),
    ]
}

/// `GET /admin/companies/{slug}/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let tenant = of.platform().tenants().show(&of.slug).await?;
    let members = of.platform().users().of_tenant(&of.of.actor, &of.slug).await?;
    let facts = [
        ("Name", Cell::text(&tenant.name)),
        ("Short name", Cell::text(tenant.slug.as_str())),
        ("E-mail", Cell::text(&tenant.email)),
        ("Plan", words::subscription(&tenant)),
        ("Subscription ends", Cell::text(days(tenant.days_remaining))),
        ("People", Cell::text(number(u64::try_from(tenant.users).unwrap_or(0)))),
        ("Created", words::at(tenant.created_at_us)),
    ];
    let facts = facts.map(|(name, cell)| (name.to_owned(), cell)).to_vec();
    let row = |member: tenantry::users::Member| {
        vec![
            Cell::link(&member.name, format!("/admin/users/{}/", member.user)),
            Cell::text(&member.email),
            Cell::text(human(member.role.as_str())),
            words::at(member.created_at_us),
        ]
    };
    let members = match members.is_empty() {
        true => Body::Nothing(
            "users",
            "It has no members".into(),
            "Give it an owner: tenantry tenant add-owner".into(),
        ),
        false => Body::Table(Table::new(
            &["Name", "E-mail", "Role", "Since"],
            members.into_iter().map(row).collect(),
        )),
    };
    let at = |text: &str, act: &str, icon| {
        Button::new(text, format!("/master-admin/companies/{}/{act}", of.slug), icon)
    };
    let mut account = vec![];
    if tenant.subscription.is_some() {
        account.push(Button::new(
            "Subscription",
            format!("/admin/subscriptions/{}/", of.slug),
            "credit-card",
        ));
    }
    match tenant.state {
        State::Active => account.push(at("Suspend", "suspend/", "lock")),
        State::Suspended => account.push(at("Resume", "resume/", "undo-2")),
        _ => {}
    }
    account.push(at("Short name", "rename/", "pencil"));
    account.push(at("Databases, backups, moves", "", "server"));
    let frame = frame::of_staff(&of.of, &tenant.name);
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), "Companies".into())),
        lead: tenant.slug.to_string(),
        tags: vec![words::state(&tenant)],
        buttons: vec![],
        sections: vec![
            Section::new("profile", "Profile", Body::Facts(facts)),
            Section::new("members", "People", members),
            Section::new("actions", "Actions", Body::Links(vec![Group { label: "Account", links: account }]))
                .side(),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}
