//! The fleet as a map: servers are boxes, tenants are cells, moves are lines.

/// Width of the map, in units of its view box.
pub const MAP_WIDTH: f64 = 1000.0;

/// The fleet as a map. People who do not see it have the tables below it.
#[derive(Debug)]
pub struct Map {
    /// Servers.
    pub boxes: Vec<MapBox>,
    /// Moves that are not over.
    pub moves: Vec<MapMove>,
    /// Height, in units of the view box.
    pub height: f64,
    /// Name and meaning of each colour.
    pub legend: Vec<(&'static str, &'static str)>,
    /// Seconds after which the browser asks for it again.
    pub every: u32,
}

/// A server.
#[derive(Debug)]
pub struct MapBox {
    /// Name.
    pub name: String,
    /// Number of its tenants, in words.
    pub count: String,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Tenants.
    pub cells: Vec<MapCell>,
}

/// A tenant, or several of the same health.
#[derive(Debug, Clone)]
pub struct MapCell {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Length of its sides.
    pub side: f64,
    /// Name of the colour.
    pub health: &'static str,
    /// Where to see it.
    pub href: String,
    /// What it is.
    pub title: String,
}

/// A move.
#[derive(Debug)]
pub struct MapMove {
    /// The line, as commands of an SVG path.
    pub path: String,
    /// What moves.
    pub label: String,
}
