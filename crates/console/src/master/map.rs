//! The fleet as a map: servers are boxes, tenants are cells, moves are lines.

/// Width of the map, in units of its view box.
pub const MAP_WIDTH: f64 = 1000.0;

/// The fleet as a map. A screen reader reads the tables below the map instead.
#[derive(Debug)]
pub struct Map {
    /// Boxes of the servers.
    pub boxes: Vec<MapBox>,
    /// Lines of the moves that have not ended.
    pub moves: Vec<MapMove>,
    /// Height of the map, in units of the view box.
    pub height: f64,
    /// Name and meaning of each colour.
    pub legend: Vec<(&'static str, &'static str)>,
    /// Number of seconds after which the browser requests the map again.
    pub every: u32,
}

/// A server, drawn as a box.
#[derive(Debug)]
pub struct MapBox {
    /// Name of the server.
    pub name: String,
    /// Number of the server's tenants, in words.
    pub count: String,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Cells of the server's tenants.
    pub cells: Vec<MapCell>,
}

/// A tenant, or several tenants of the same health, drawn as a square.
#[derive(Debug, Clone)]
pub struct MapCell {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Length of the sides of the square.
    pub side: f64,
    /// Health of the tenant, which names the colour of the cell.
    pub health: &'static str,
    /// Address to which the cell links.
    pub href: String,
    /// Description of the cell, as the tooltip.
    pub title: String,
}

/// A move, drawn as a line.
#[derive(Debug)]
pub struct MapMove {
    /// The line, as commands of an SVG path.
    pub path: String,
    /// Description of the move.
    pub label: String,
}
