//! The history of a record.

use super::Cell;
use crate::frame::Frame;
use askama::Template;

/// `/{model}/{id}/history/`.
#[derive(Template)]
#[template(path = "records/history.html")]
pub struct History<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// The record is not deleted.
    pub exists: bool,
    /// All changes of the model are recorded.
    pub audited: bool,
    /// This is not the first page.
    pub is_later: bool,
    /// Changes, newest first.
    pub changes: Vec<Change>,
    /// Address of the next page.
    pub next: Option<String>,
}

/// A change of a record.
#[derive(Debug)]
pub struct Change {
    /// Instant: as people read it, and for programs.
    pub at: (String, String),
    /// The person or program that made it.
    pub who: String,
    /// Staff account that acted for that person; empty without a support visit.
    pub support: String,
    /// What was done, as a verb with its object.
    pub action: &'static str,
    /// The fields that it touched.
    pub fields: Vec<ChangedField>,
}

/// What a change did to one field.
#[derive(Debug)]
pub struct ChangedField {
    /// Label.
    pub label: String,
    /// Why the values are not shown; empty if they are.
    pub note: &'static str,
    /// Value before.
    pub before: Cell,
    /// Value after.
    pub after: Cell,
}
