//! The activity log of a company.

use crate::frame::Frame;
use askama::Template;

/// A line of the activity log.
#[derive(Debug)]
pub struct Line {
    /// Time of the change: in words, and as programs read it.
    pub at: (String, String),
    /// Name of the user, or of the API key, that made the change.
    pub who: String,
    /// Name of the staff member behind a change made during a support visit; empty for any other change.
    pub support: String,
    /// Kind of the change: `added`, `changed` or `deleted`.
    pub action: &'static str,
    /// Label of the record's model.
    pub model: String,
    /// Number of the record.
    pub record: String,
    /// Address of the record; empty if the record is deleted or the visitor may not see it.
    pub href: String,
    /// Labels of the changed fields.
    pub fields: String,
}

impl Line {
    /// Returns the id of the text that describes the change.
    pub fn did(&self) -> &'static str {
        match self.action {
            "added" => "did-add",
            "deleted" => "did-delete",
            _ => "did-change",
        }
    }
}

/// Page `/settings/activity/`: the activity log of a company.
#[derive(Template)]
#[template(path = "company/activity.html")]
pub struct Activity<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Lines of the log, newest first.
    pub lines: &'a [Line],
    /// Address of the page with older lines, if there are any.
    pub next: Option<String>,
    /// True if this is not the page with the newest lines.
    pub is_later: bool,
}
