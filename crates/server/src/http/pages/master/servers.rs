//! `/master-admin/servers/`: database servers with their free space, running processes, and files without a placement.

use super::words;
use crate::http::{
    App,
    history::frees,
    pages::{answer::page, frame, visit::Staffed, words::Words},
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{Node, Orphan, config::ServerConfig, tenants::Figures};
use tenantry_console::master::{Body, Cell, Section, Sheet, Table, Tone};

/// `GET /master-admin/servers/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (platform, words) = (app.platform(), &of.visit.words);
    let figures = platform.tenants().figures().await?;
    let orphans = platform.orphans().list().await?;
    let mut sections = vec![
        Section::new("servers", words.say("servers"), servers(words, &app, &figures)),
        Section::new("orphans", words.say("without-a-counterpart"), orphans_of(words, &orphans))
            .help(words.say("orphans-help")),
    ];
    // Only superusers may see the processes.
    if of.actor.is_superuser()
        && let Some(nodes) = platform.nodes().list(&of.actor).await?
    {
        sections.insert(1, Section::new("nodes", words.say("processes-that-serve"), nodes_of(words, nodes)));
    }
    let frame = frame::of_operator(&of, words.say("servers"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("servers-lead").into(),
        tags: vec![],
        buttons: vec![],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn servers(words: &Words, app: &App, figures: &Figures) -> Body {
    let platform = app.platform();
    let (rooms, reachable) = (frees(platform), platform.reachable());
    let row = |server: &ServerConfig| {
        let name = server.name.as_str();
        let places = figures.servers.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
        let disk = rooms.iter().find(|(known, ..)| known.as_str() == name);
        let is_silent = reachable.iter().any(|(known, answers)| known.as_str() == name && !answers);
        let is_full = disk.is_some_and(|(_, _, is_low)| *is_low);
        vec![
            Cell::link(name, format!("/master-admin/companies/?server={name}")),
            match (is_silent, is_full) {
                (true, _) => Cell::tag(words.say("does-not-answer"), Tone::Bad),
                (_, true) => Cell::tag(words.say("disk-nearly-full"), Tone::Bad),
                _ => Cell::tag(words.say("as-it-should-be"), Tone::Good),
            },
            Cell::text(server.labels.to_string()),
            Cell::number(words.number(places)),
            disk.map_or_else(Cell::default, |(_, free, _)| Cell::number(words.bytes(*free))),
        ]
    };
    let rows = platform.config().servers.iter().map(row).collect();
    Body::Table(Table::new(&words.each(["server", "state", "labels", "places", "free-on-disk"]), rows))
}

fn nodes_of(words: &Words, nodes: Vec<Node>) -> Body {
    let row = |node: Node| {
        vec![
            Cell::text(node.name),
            Cell::text(node.version),
            words::at(words, node.since_us),
            words::at(words, node.seen_us),
            Cell::text(node.servers.join(", ")),
        ]
    };
    let head = words.each(["process", "field-version", "since", "last-heard-of", "servers"]);
    Body::Table(Table::new(&head, nodes.into_iter().map(row).collect()))
}

fn orphans_of(words: &Words, orphans: &[Orphan]) -> Body {
    if orphans.is_empty() {
        let text = words.say("orphans-none").into();
        return Body::Nothing("circle-check", words.say("group-none").into(), text);
    }
    let row = |orphan: &Orphan| match orphan {
        Orphan::File { server, file, bytes: size, modified_at_us, holds } => vec![
            Cell::text(words.say("orphan-file")),
            Cell::text(format!("{server}/{file}")).small(holds),
            Cell::number(words.bytes(*size)),
            words::at(words, *modified_at_us),
        ],
        Orphan::Resident { server, physical, store, tenant } => vec![
            Cell::text(words.say("orphan-rows")),
            Cell::text(format!("{server}/{physical}")).small(
                words
                    .text("tenant-in-store")
                    .with("tenant", tenant.to_string())
                    .with("store", store.to_string()),
            ),
            Cell::default(),
            Cell::default(),
        ],
        Orphan::Placement { tenant, place } => vec![
            Cell::text(words.say("orphan-placement")),
            Cell::text(format!("{}/{}", place.server, place.physical)).small(
                tenant
                    .map(|id| words.text("tenant-id").with("tenant", id.to_string()).to_string())
                    .unwrap_or_default(),
            ),
            Cell::default(),
            Cell::default(),
        ],
    };
    Body::Table(Table::new(
        &words.each(["what", "where", "size", "changed"]),
        orphans.iter().map(row).collect(),
    ))
}
