//! Values over time as lines.

use super::Body;

/// Width of a chart, in units of its view box.
pub const WIDTH: f64 = 360.0;
/// Height of a chart, in units of its view box.
pub const HEIGHT: f64 = 90.0;

/// Values over time as lines.
#[derive(Debug)]
pub struct Chart {
    /// What is shown.
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
    /// What it shows and its newest value, or the value alone if it is the only line.
    pub label: String,
    /// The line, as commands of an SVG path.
    pub path: String,
}

impl Chart {
    /// Returns a part of a page with these charts, which is asked for again every ten seconds.
    pub fn within_an_hour(charts: Vec<Self>) -> Body {
        Body::Charts { charts, is_live: true }
    }

    /// Returns what a person who does not see the lines is told.
    pub(super) fn said(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| line.label.as_str()).collect();
        format!("{}: {}. {}", self.title, lines.join(", "), self.top)
    }
}
