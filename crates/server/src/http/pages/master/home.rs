//! `/master-admin/`: work that waits for an operator, and the fleet in figures.

use super::{needs, words};
use crate::http::{
    App,
    history::frees,
    pages::{answer::page, frame, visit::Staffed, words::Words},
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    Level,
    operations::Filter,
    tenants::{Figures, State},
};
use tenantry_console::master::{Body, Button, Cell, Figure, Item, Section, Sheet, Tone};

/// `GET /master-admin/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let platform = app.platform();
    let words = &of.visit.words;
    let figures = platform.tenants().figures().await?;
    let found = platform.attention().list(&of.actor).await?;
    let running = platform.operations().list(&Filter { open: true, limit: 20, ..Filter::default() }).await?;
    let urgent = found.iter().filter(|need| need.level != Level::Note).count();
    let items: Vec<_> = found.iter().map(|need| needs::item(words, need)).collect();
    let attention = match items.is_empty() {
        true => Body::Nothing(
            "circle-check",
            words.say("all-is-well").into(),
            words.say("all-is-well-help").into(),
        ),
        false => Body::List(items),
    };
    let running: Vec<_> = running
        .iter()
        .map(|one| Item {
            tone: if one.stuck { Tone::Bad } else { Tone::Plain },
            text: words.language.translated(&one.what).into_owned(),
            href: format!("/master-admin/operations/{}/", one.id),
            small: words::operation(words, one).text,
            button: None,
        })
        .collect();
    let mut sections = vec![
        Section::new("figures", "", Body::Figures(counts(words, &figures))),
        Section::new("attention", words.say("needs-attention"), attention),
    ];
    if !running.is_empty() {
        sections.push(Section::new("running", words.say("running-now"), Body::List(running)).side());
    }
    sections.push(
        Section::new("servers", words.say("servers"), Body::Facts(servers(words, &app, &figures))).side(),
    );
    let frame = frame::of_operator(&of, words.say("overview"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: match urgent {
            0 => words.say("home-nothing-waits").into(),
            count => words.text("home-waits").with("count", count).into(),
        },
        tags: vec![],
        buttons: vec![
            Button::new(words.say("create-a-company"), "/master-admin/companies/create/", "plus").primary(),
        ],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn counts(words: &Words, figures: &Figures) -> Vec<Figure> {
    let of = |state: State, label: &'static str, tone| Figure {
        number: words.number(figures.in_state(state)),
        label: words.say(label).to_owned(),
        href: format!("/master-admin/companies/?state={}", state.as_str()),
        tone,
    };
    let mut all = vec![of(State::Active, "active-companies", Tone::Plain)];
    for (state, label) in [
        (State::Creating, "being-created"),
        (State::Suspended, "suspended"),
        (State::Cancelled, "closed"),
        (State::Purging, "being-purged"),
    ] {
        if figures.in_state(state) > 0 {
            all.push(of(state, label, Tone::Warn));
        }
    }
    let users = words.number(figures.users);
    all.push(Figure {
        number: users,
        label: words.say("accounts").into(),
        href: String::new(),
        tone: Tone::Plain,
    });
    for (plan, count) in &figures.plans {
        all.push(Figure {
            number: words.number(*count),
            label: words.text("on-plan").with("plan", words.plan(plan, plan)).into(),
            href: format!("/master-admin/companies/?plan={plan}"),
            tone: Tone::Plain,
        });
    }
    all
}

fn servers(words: &Words, app: &App, figures: &Figures) -> Vec<(String, Cell)> {
    let platform = app.platform();
    let (disks, reachable) = (frees(platform), platform.reachable());
    let describe = |name: &str| {
        let databases = figures.servers.iter().find(|(known, _)| known == name).map_or(0, |(_, n)| *n);
        let free = disks.iter().find(|(known, ..)| known.as_str() == name);
        let free =
            free.map(|(_, free, _)| words.text("bytes-free").with("bytes", words.bytes(*free)).to_string());
        let silent = reachable.iter().any(|(known, answers)| known.as_str() == name && !answers);
        let silent = silent.then(|| words.say("server-silent").to_owned());
        let small: Vec<_> = free.into_iter().chain(silent).collect();
        let href = format!("/master-admin/companies/?server={name}");
        let places = words.text("places-count").with("count", databases);
        Cell::link(places, href).small(small.join(", "))
    };
    let servers = &platform.config().servers;
    servers.iter().map(|server| (server.name.to_string(), describe(server.name.as_str()))).collect()
}
