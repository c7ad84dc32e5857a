//! The history of a record.

use super::Cell;
use crate::frame::Frame;
use askama::Template;

/// Page `/{model}/{id}/history/`: the changes of a record.
#[derive(Template)]
#[template(path = "records/history.html")]
pub struct History<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// True unless the record is deleted.
    pub exists: bool,
    /// True if the model records all changes.
    pub audited: bool,
    /// True if this is not the first page.
    pub is_later: bool,
    /// Changes, newest first.
    pub changes: Vec<Change>,
    /// Address of the next page, if there is one.
    pub next: Option<String>,
}

/// A change of a record.
#[derive(Debug)]
pub struct Change {
    /// Time of the change: in words, and as programs read it.
    pub at: (String, String),
    /// Name of the user or program that made the change.
    pub who: String,
    /// Staff account that acted as that user; empty without a support visit.
    pub support: String,
    /// Description of the change: a verb with its object.
    pub action: &'static str,
    /// Fields that the change touched.
    pub fields: Vec<ChangedField>,
}

/// The change of one field.
#[derive(Debug)]
pub struct ChangedField {
    /// Label of the field.
    pub label: String,
    /// Reason why the values are hidden; empty if they are shown.
    pub note: &'static str,
    /// Value before the change.
    pub before: Cell,
    /// Value after the change.
    pub after: Cell,
}
