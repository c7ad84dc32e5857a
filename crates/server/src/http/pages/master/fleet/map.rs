//! `/master-admin/map/`: servers as boxes, tenants as cells by size and health, moves as lines between the boxes.

use crate::http::{
    App,
    pages::{answer::page, frame, visit::Staffed, words::Words},
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::tenants::map::{FleetMap, Health, Moving, ServerCells};
use tenantry_console::master::{
    Body, Button, Cell, MAP_WIDTH, Map, MapBox, MapCell, MapMove, Section, Sheet, Table, Tone,
};

/// Number of boxes in a row.
const COLUMNS: usize = 3;
/// Space between boxes.
const GAP: f64 = 16.0;
/// Space around the cells of a box.
const INSET: f64 = 10.0;
/// Height of the line with the name of a box.
const NAME: f64 = 26.0;
/// Space between cells.
const BETWEEN: f64 = 2.0;
/// Side of a cell that represents several tenants.
const MANY: f64 = 10.0;
/// Maximum number of cells in a box if tenants are only counted.
const MOST_OF_BOX: u64 = 400;

/// `GET /master-admin/map/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (platform, words) = (app.platform(), &of.visit.words);
    let map = platform.tenants().map(&of.actor).await?;
    let frame = frame::of_operator(&of, words.say("fleet-map"));
    let lead = match map.is_aggregated {
        true => words.say("fleet-map-counted"),
        false => words.say("fleet-map-lead"),
    };
    let drawn = draw(words, &map);
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: lead.into(),
        tags: vec![],
        buttons: vec![Button::new(words.say("refresh"), "/master-admin/map/", "refresh-cw")],
        sections: vec![
            Section::new("map", "", Body::Map(drawn)),
            Section::new("moves", words.say("moves-now"), moves(words, &map.moves)),
            Section::new("servers", words.say("servers"), servers(words, &map)),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the id of the text that describes a health.
fn label(health: Health) -> &'static str {
    match health {
        Health::Fine => "health-fine",
        Health::Closed => "health-closed",
        Health::NoBackup => "without-a-backup",
        Health::Schema => "health-schema",
        Health::Failed => "health-failed",
    }
}

/// Returns the side of a cell, whose area grows in steps with the size of the tenant.
fn side(bytes: Option<u64>) -> f64 {
    match bytes {
        None => 10.0,
        Some(bytes) if bytes < 1 << 20 => 12.0,
        Some(bytes) if bytes < 16 << 20 => 16.0,
        Some(bytes) if bytes < 256 << 20 => 22.0,
        Some(bytes) if bytes < 4 << 30 => 30.0,
        Some(_) => 42.0,
    }
}

fn draw(words: &Words, map: &FleetMap) -> Map {
    let columns = map.servers.len().clamp(1, COLUMNS);
    let width = (MAP_WIDTH - GAP * (columns as f64 - 1.0)) / columns as f64;
    let (mut boxes, mut top): (Vec<MapBox>, f64) = (vec![], 0.0);
    for row in map.servers.chunks(columns) {
        let mut height: f64 = 0.0;
        let first = boxes.len();
        for (column, server) in row.iter().enumerate() {
            let x = column as f64 * (width + GAP);
            let (cells, bottom) = packed(words, server, (x + INSET, top + NAME, width - 2.0 * INSET));
            height = height.max(bottom - top + INSET);
            let count = words.text("companies-count").with("count", server.tenants());
            boxes.push(MapBox {
                name: server.server.clone(),
                count: count.into(),
                x,
                y: top,
                width,
                height: 0.0,
                cells,
            });
        }
        boxes[first..].iter_mut().for_each(|drawn| drawn.height = height.max(2.0 * NAME));
        top += height.max(2.0 * NAME) + GAP;
    }
    let moves = map.moves.iter().filter_map(|one| line(words, one, &boxes)).collect();
    let legend = Health::ALL.map(|health| (health.as_str(), words.say(label(health))));
    // Show the progress of a move soon. Without moves, little changes.
    let every = if map.moves.is_empty() { 30 } else { 2 };
    Map { boxes, moves, height: (top - GAP).max(0.0), legend: legend.to_vec(), every }
}

/// Places the cells of a server in rows, the largest first. Returns them with the lower edge of the last row.
fn packed(words: &Words, server: &ServerCells, (left, top, width): (f64, f64, f64)) -> (Vec<MapCell>, f64) {
    let mut cells = if server.cells.is_empty() { of_many(words, server) } else { of_each(words, server) };
    cells.sort_by(|a, b| b.side.total_cmp(&a.side));
    let (mut x, mut y, mut row) = (left, top, 0.0_f64);
    for cell in &mut cells {
        if x + cell.side > left + width && x > left {
            (x, y, row) = (left, y + row + BETWEEN, 0.0);
        }
        (cell.x, cell.y) = (x, y);
        x += cell.side + BETWEEN;
        row = row.max(cell.side);
    }
    (cells, y + row)
}

fn of_each(words: &Words, server: &ServerCells) -> Vec<MapCell> {
    let cell = |tenant: &tenantry::tenants::map::Cell| {
        let size = tenant.bytes.map(|bytes| format!(" · {}", words.bytes(bytes))).unwrap_or_default();
        MapCell {
            x: 0.0,
            y: 0.0,
            side: side(tenant.bytes),
            health: tenant.health.as_str(),
            href: format!("/master-admin/companies/{}/", tenant.slug),
            title: format!("{}{size} · {}", tenant.name, words.say(label(tenant.health))),
        }
    };
    server.cells.iter().map(cell).collect()
}

/// Returns cells that each represent several tenants of the same health.
fn of_many(words: &Words, server: &ServerCells) -> Vec<MapCell> {
    let each = server.tenants().div_ceil(MOST_OF_BOX).max(1);
    let cells = server.counts.iter().rev().flat_map(|(health, count)| {
        let title = words.text("about-companies").with("count", each);
        let title = format!("{title} · {}", words.say(label(*health)));
        let cell = MapCell {
            x: 0.0,
            y: 0.0,
            side: MANY,
            health: health.as_str(),
            href: format!("/master-admin/companies/?server={}", server.server),
            title,
        };
        vec![cell; usize::try_from(count.div_ceil(each)).unwrap_or(0)]
    });
    cells.collect()
}

/// Returns the line of a move between two boxes.
fn line(words: &Words, one: &Moving, boxes: &[MapBox]) -> Option<MapMove> {
    let at = |server: &str| {
        let found = boxes.iter().find(|drawn| drawn.name == server)?;
        Some((found.x + found.width / 2.0, found.y + found.height / 2.0))
    };
    let from = at(&one.from)?;
    // A server without tenants has no box yet, so the line leads out of the map.
    let to = at(&one.to).unwrap_or((MAP_WIDTH, from.1));
    let middle = ((from.0 + to.0) / 2.0, from.1.min(to.1) - 30.0);
    Some(MapMove {
        path: format!("M{:.0} {:.0}Q{:.0} {:.0} {:.0} {:.0}", from.0, from.1, middle.0, middle.1, to.0, to.1),
        label: words
            .text("moves-from-to")
            .with("tenant", &one.slug)
            .with("from", &one.from)
            .with("to", &one.to)
            .into(),
    })
}

fn moves(words: &Words, moves: &[Moving]) -> Body {
    if moves.is_empty() {
        return Body::Nothing("truck", words.say("no-move").into(), words.say("no-move-help").into());
    }
    let row = |one: &Moving| {
        vec![
            Cell::link(&one.slug, format!("/master-admin/companies/{}/", one.slug)),
            Cell::text(&one.from),
            Cell::text(&one.to),
            Cell::link(one.operation.to_string(), format!("/master-admin/operations/{}/", one.operation)),
        ]
    };
    let head = words.each(["company", "outlook-from", "outlook-to", "operation"]);
    Body::Table(Table::new(&head, moves.iter().map(row).collect()))
}

/// Returns the contents of the map as a table of numbers.
fn servers(words: &Words, map: &FleetMap) -> Body {
    let row = |server: &ServerCells| {
        let href = format!("/master-admin/companies/?server={}", server.server);
        let counts = Health::ALL.map(|health| server.counts.get(&health).copied().unwrap_or(0));
        let counts = Health::ALL.into_iter().zip(counts).map(|(health, count)| match health {
            Health::Fine | Health::Closed => Cell::number(words.number(count)),
            _ if count == 0 => Cell::number("0"),
            Health::Failed => Cell { is_number: true, ..Cell::tag(words.number(count), Tone::Bad) },
            _ => Cell { is_number: true, ..Cell::tag(words.number(count), Tone::Warn) },
        });
        let all = Cell::number(words.number(server.tenants()));
        [Cell::link(&server.server, href).small(server.labels.to_string()), all]
            .into_iter()
            .chain(counts)
            .collect()
    };
    let head = ["server", "companies"].into_iter().chain(Health::ALL.map(label)).map(|id| words.say(id));
    Body::Table(Table::new(&head.collect::<Vec<_>>(), map.servers.iter().map(row).collect()))
}
