//! `/master-admin/`: what needs an operator, and the fleet in figures.

use super::{needs, servers::frees, words};
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::Staffed,
        words::{bytes, many, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    Level, counted,
    operations::Filter,
    tenants::{Figures, State},
};
use tenantry_console::master::{Body, Button, Cell, Figure, Item, Section, Sheet, Tone};

/// `GET /master-admin/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let platform = app.platform();
    let figures = platform.tenants().figures().await?;
    let found = platform.attention().list(&of.actor).await?;
    let running = platform.operations().list(&Filter { open: true, limit: 20, ..Filter::default() }).await?;
    let urgent = found.iter().filter(|need| need.level != Level::Note).count();
    let items: Vec<_> = found.iter().map(needs::item).collect();
    let attention = match items.is_empty() {
        true => Body::Nothing(
            "circle-check",
            "All is well".into(),
            "Backups, schemas, operations, disks and servers are as they should be.".into(),
        ),
        false => Body::List(items),
    };
    let running: Vec<_> = running
        .iter()
        .map(|one| Item {
            tone: if one.stuck { Tone::Bad } else { Tone::Plain },
            text: one.what.clone(),
            href: format!("/master-admin/operations/{}/", one.id),
            small: words::operation(one).text,
            button: None,
        })
        .collect();
    let mut sections = vec![
        Section::new("figures", "", Body::Figures(counts(&figures))),
        Section::new("attention", "Needs attention", attention),
    ];
    if !running.is_empty() {
        sections.push(Section::new("running", "Running now", Body::List(running)).side());
    }
    sections.push(Section::new("servers", "Servers", Body::Facts(servers(&app, &figures))).side());
    let frame = frame::of_operator(&of, "Overview");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: match urgent {
            0 => "Nothing waits for an operator.".into(),
            n => format!("{} for an operator.", many(n as u64, "thing waits", "things wait")),
        },
        tags: vec![],
        buttons: vec![Button::new("Create a company", "/master-admin/companies/create/", "plus").primary()],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn counts(figures: &Figures) -> Vec<Figure> {
    let of = |state: State, label: &str, tone| Figure {
        number: number(figures.in_state(state)),
        label: label.to_owned(),
        href: format!("/master-admin/companies/?state={}", state.as_str()),
        tone,
    };
    let mut all = vec![of(State::Active, "Active companies", Tone::Plain)];
    for (state, label) in [
        (State::Creating, "Being created"),
        (State::Suspended, "Suspended"),
        (State::Cancelled, "Closed"),
        (State::Purging, "Being purged"),
    ] {
        if figures.in_state(state) > 0 {
            all.push(of(state, label, Tone::Warn));
        }
    }
    let users = number(figures.users);
    all.push(Figure { number: users, label: "Accounts".into(), href: String::new(), tone: Tone::Plain });
    for (plan, count) in &figures.plans {
        all.push(Figure {
            number: number(*count),
            label: format!("On plan {plan}"),
            href: format!("/master-admin/companies/?plan={plan}"),
            tone: Tone::Plain,
        });
    }
    all
}

fn servers(app: &App, figures: &Figures) -> Vec<(String, Cell)> {
    let platform = app.platform();
    let (disks, reachable) = (frees(platform), platform.reachable());
    let describe = |name: &str| {
        let databases = figures.servers.iter().find(|(known, _)| known == name).map_or(0, |(_, n)| *n);
        let free = disks.iter().find(|(known, ..)| known.as_str() == name);
        let free = free.map(|(_, free, _)| format!(", {} free", bytes(*free))).unwrap_or_default();
        let silent = reachable.iter().any(|(known, answers)| known.as_str() == name && !answers);
        let silent = if silent { ", does not answer" } else { "" };
        let href = format!("/master-admin/companies/?server={name}");
        Cell::link(counted(databases, "place"), href)
            .small(format!("{free}{silent}").trim_start_matches(", ").to_owned())
    };
    let servers = &platform.config().servers;
    servers.iter().map(|server| (server.name.to_string(), describe(server.name.as_str()))).collect()
}
