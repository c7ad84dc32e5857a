//! `/master-admin/servers/`: database servers with their disks, processes that serve, and files without a placement.

use super::words;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::Staffed,
        words::{bytes, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{Node, Orphan, Platform, name::ServerName, tenants::Figures};
use tenantry_console::master::{Body, Cell, Section, Sheet, Table, Tone};

/// `GET /master-admin/servers/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let platform = app.platform();
    let figures = platform.tenants().figures().await?;
    let orphans = platform.orphans().list().await?;
    let mut sections = vec![
        Section::new("servers", "Servers", servers(&app, &figures)),
        Section::new("orphans", "Without a counterpart", orphans_of(&orphans))
            .help("Files and places that the catalog does not name, and places whose database is not there."),
    ];
    // Only superusers may see the processes.
    if of.actor.is_superuser()
        && let Some(nodes) = platform.nodes().list(&of.actor).await?
    {
        sections.insert(1, Section::new("nodes", "Processes that serve", nodes_of(nodes)));
    }
    let frame = frame::of_operator(&of, "Servers");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: "Where the databases of companies are.".into(),
        tags: vec![],
        buttons: vec![],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn servers(app: &App, figures: &Figures) -> Body {
    let platform = app.platform();
    let (rooms, reachable) = (frees(platform), platform.reachable());
    let row = |name: &str| {
        let places = figures.servers.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
        let disk = rooms.iter().find(|(known, ..)| known.as_str() == name);
        let is_silent = reachable.iter().any(|(known, answers)| known.as_str() == name && !answers);
        let is_full = disk.is_some_and(|(_, _, is_low)| *is_low);
        vec![
            Cell::link(name, format!("/master-admin/companies/?server={name}")),
            match (is_silent, is_full) {
                (true, _) => Cell::tag("Does not answer", Tone::Bad),
                (_, true) => Cell::tag("Disk nearly full", Tone::Bad),
                _ => Cell::tag("As it should be", Tone::Good),
            },
            Cell::number(number(places)),
            disk.map_or_else(Cell::default, |(_, free, _)| Cell::number(bytes(*free))),
        ]
    };
    let rows = platform.config().servers.iter().map(|server| row(server.name.as_str())).collect();
    Body::Table(Table::new(&["Server", "State", "Places", "Free on disk"], rows))
}

/// Returns the bytes that are left for the databases of each server of which that is known, and whether they are few.
pub(super) fn frees(platform: &Platform) -> Vec<(ServerName, u64, bool)> {
    let reserve = platform.config().limits.disk_reserve;
    let rooms = platform.remembered_rooms();
    let rooms =
        rooms.iter().filter_map(|room| Some((room.server.clone(), room.free()?, room.is_low(reserve))));
    platform.disks().into_iter().chain(rooms).collect()
}

fn nodes_of(nodes: Vec<Node>) -> Body {
    let row = |node: Node| {
        vec![
            Cell::text(node.name),
            Cell::text(node.version),
            words::at(node.since_us),
            words::at(node.seen_us),
            Cell::text(node.servers.join(", ")),
        ]
    };
    let head = ["Process", "Version", "Since", "Last heard of", "Servers"];
    Body::Table(Table::new(&head, nodes.into_iter().map(row).collect()))
}

fn orphans_of(orphans: &[Orphan]) -> Body {
    if orphans.is_empty() {
        let text = "Every database has its placement, and every placement its database.".into();
        return Body::Nothing("circle-check", "None".into(), text);
    }
    let row = |orphan: &Orphan| match orphan {
        Orphan::File { server, file, bytes: size, modified_at_us, holds } => vec![
            Cell::text("A file without a placement"),
            Cell::text(format!("{server}/{file}")).small(holds),
            Cell::number(bytes(*size)),
            words::at(*modified_at_us),
        ],
        Orphan::Resident { server, physical, store, tenant } => vec![
            Cell::text("Rows without a placement"),
            Cell::text(format!("{server}/{physical}")).small(format!("tenant {tenant} in {store}")),
            Cell::default(),
            Cell::default(),
        ],
        Orphan::Placement { tenant, place } => vec![
            Cell::text("A placement without a database"),
            Cell::text(format!("{}/{}", place.server, place.physical))
                .small(tenant.map(|id| format!("tenant {id}")).unwrap_or_default()),
            Cell::default(),
            Cell::default(),
        ],
    };
    Body::Table(Table::new(&["What", "Where", "Size", "Changed"], orphans.iter().map(row).collect()))
}
