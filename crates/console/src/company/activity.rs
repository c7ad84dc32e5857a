//! The activity log of a company.

use crate::frame::Frame;
use askama::Template;

/// A line of the activity log.
#[derive(Debug)]
pub struct Line {
    /// When, as people read it, and for programs.
    pub at: (String, String),
    /// Name of the person or key that acted.
    pub who: String,
    /// Staff that acted as that person.
    pub support: String,
    /// `added`, `changed` or `deleted`.
    pub action: &'static str,
    /// Label of the model.
    pub model: String,
    /// Number of the record.
    pub record: String,
    /// Address of the record; empty if it is gone or may not be seen.
    pub href: String,
    /// Names of the changed fields.
    pub fields: String,
}

impl Line {
    /// Returns the id of the text that says what was done.
    pub fn did(&self) -> &'static str {
        match self.action {
            "added" => "did-add",
            "deleted" => "did-delete",
            _ => "did-change",
        }
    }
}

/// `/settings/activity/`.
#[derive(Template)]
#[template(path = "company/activity.html")]
pub struct Activity<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Lines, newest first.
    pub lines: &'a [Line],
    /// Address of older lines.
    pub next: Option<String>,
    /// These are not the newest lines.
    pub is_later: bool,
}
