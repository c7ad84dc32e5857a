//! Records of a company in groups, as a table and a chart.

use crate::{
    frame::Frame,
    records::{Chip, Choice},
};
use askama::Template;

/// Width of a chart, in units of its view box.
pub const WIDTH: f64 = 720.0;
/// Height of a chart, in units of its view box.
pub const HEIGHT: f64 = 200.0;

/// `/analytics/`.
#[derive(Template)]
#[template(path = "company/analytics.html")]
pub struct Analytics<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Models that the person may read.
    pub models: &'a [Choice],
    /// What records can be grouped by.
    pub keys: &'a [Choice],
    /// What can be computed.
    pub measures: &'a [Choice],
    /// Conditions, which the form keeps.
    pub kept: &'a [(String, String)],
    /// Conditions in words.
    pub chips: &'a [Chip],
    /// Label of the groups.
    pub key: &'a str,
    /// Label of the computed values.
    pub measure: &'a str,
    /// The computed value is the number of records.
    pub is_count: bool,
    /// Chart of a time line.
    pub chart: Option<Chart>,
    /// Groups.
    pub groups: &'a [Group],
    /// Not all groups are shown.
    pub more: bool,
    /// Address that asks the API the same question. `None` during a support visit: the API sees the staff member, who has no
    /// access to the records.
    pub api: Option<String>,
    /// What is wrong with the question.
    pub wrong: &'a str,
}

/// Records that have something in common.
#[derive(Debug)]
pub struct Group {
    /// What they have in common.
    pub label: String,
    /// Address of the list of these records.
    pub href: String,
    /// Number of records.
    pub count: String,
    /// Computed value.
    pub value: String,
    /// Length of the bar, 0 to 100.
    pub percent: u64,
}

/// Columns over time.
#[derive(Debug)]
pub struct Chart {
    /// Columns, earliest first.
    pub columns: Vec<Column>,
    /// Largest value.
    pub top: String,
    /// Position of zero from above.
    pub zero: f64,
    /// Label of the first column.
    pub first: String,
    /// Label of the last column.
    pub last: String,
}

/// A column of a chart, in units of its view box.
#[derive(Debug)]
pub struct Column {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Label and value.
    pub title: String,
}
