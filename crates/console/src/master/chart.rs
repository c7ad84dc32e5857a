//! A chart of values over time, drawn as lines.

use super::Body;

/// Width of a chart, in units of its view box.
pub const WIDTH: f64 = 360.0;
/// Height of a chart, in units of its view box.
pub const HEIGHT: f64 = 90.0;

/// A chart of values over time, drawn as lines.
#[derive(Debug)]
pub struct Chart {
    /// Name of the quantity that the chart shows.
    pub title: String,
    /// Lines, the most important first.
    pub lines: Vec<Line>,
    /// Largest value, in words.
    pub top: String,
    /// Label of the left edge.
    pub first: String,
    /// Label of the right edge.
    pub last: String,
}

/// A line of a chart.
#[derive(Debug)]
pub struct Line {
    /// Name and newest value of the line; only the value if the chart has no other line.
    pub label: String,
    /// The line, as commands of an SVG path.
    pub path: String,
}

impl Chart {
    /// Returns the body of a section with these charts. The browser requests it again every ten seconds.
    pub fn within_an_hour(charts: Vec<Self>) -> Body {
        Body::Charts { charts, is_live: true }
    }

    /// Returns the text that a screen reader reads in place of the lines.
    pub(super) fn said(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| line.label.as_str()).collect();
        format!("{}: {}. {}", self.title, lines.join(", "), self.top)
    }
}
