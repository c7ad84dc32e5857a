//! The page that asks before a record is deleted.

use crate::frame::Frame;
use askama::Template;

/// Page `/{model}/{id}/delete/`: the deletion of a record.
#[derive(Template)]
#[template(path = "records/delete.html")]
pub struct Delete<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// Name of the record.
    pub name: &'a str,
    /// Version of the record that the page shows.
    pub version: Option<i64>,
    /// Address of the list of companies that would notice the deletion; empty to omit it.
    pub impact: &'a str,
    /// Records whose references prevent the deletion.
    pub blocking: Vec<Referrer>,
    /// Records that lose their references.
    pub losing: Vec<Referrer>,
}

/// Records that refer to a record.
#[derive(Debug)]
pub struct Referrer {
    /// Number of records, and label of their model.
    pub text: String,
    /// Label of the field.
    pub field: String,
    /// Address of the list of these records.
    pub href: String,
}
