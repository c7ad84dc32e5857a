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

/// Page `/analytics/`: records of a company in groups.
#[derive(Template)]
#[template(path = "company/analytics.html")]
pub struct Analytics<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Models that the visitor may read.
    pub models: &'a [Choice],
    /// Fields and periods by which records can be grouped.
    pub keys: &'a [Choice],
    /// Measures that can be computed.
    pub measures: &'a [Choice],
    /// Parameters of the conditions, as hidden fields of the form.
    pub kept: &'a [(String, String)],
    /// Conditions in words.
    pub chips: &'a [Chip],
    /// Label of the field or period by which the records are grouped.
    pub key: &'a str,
    /// Label of the computed values.
    pub measure: &'a str,
    /// True if the computed value is the number of records.
    pub is_count: bool,
    /// Chart over time, if the groups are periods.
    pub chart: Option<Chart>,
    /// Groups of records.
    pub groups: &'a [Group],
    /// True if there are more groups than shown.
    pub more: bool,
    /// Address of the same question in the API. `None` during a support visit: the API reads the staff member's own
    /// session, which has no access to the records.
    pub api: Option<String>,
    /// Reason why the question was refused; empty if it was answered.
    pub wrong: &'a str,
}

/// Records with the same key.
#[derive(Debug)]
pub struct Group {
    /// The common key in words.
    pub label: String,
    /// Address of the list of these records.
    pub href: String,
    /// Number of records.
    pub count: String,
    /// Computed value in words.
    pub value: String,
    /// Length of the bar, in percent.
    pub percent: u64,
}

/// A chart of columns over time.
#[derive(Debug)]
pub struct Chart {
    /// Columns, from the earliest.
    pub columns: Vec<Column>,
    /// Largest value in words.
    pub top: String,
    /// Distance of the zero line from the top.
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
    /// Label and value, as the tooltip.
    pub title: String,
}
