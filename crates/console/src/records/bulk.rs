//! Pages that change or delete several records at once.

use super::{Field, Referrer, Row};
use crate::frame::Frame;
use askama::Template;

/// The records that a change or deletion applies to.
#[derive(Debug)]
pub struct Selection {
    /// Conditions in words; empty for all records.
    pub words: Vec<String>,
    /// The conditions as parameters of the list, which the form sends back.
    pub parameters: String,
    /// Parameters of the list that the visitor came from.
    pub back: String,
    /// Number of records.
    pub count: u64,
    /// Some of the records.
    pub rows: Vec<Row>,
    /// Warning that more records are selected than may be changed or deleted at once.
    pub too_many: Option<String>,
}

/// Page `/{model}/change/`: a change of several records.
#[derive(Template)]
#[template(path = "records/change_all.html")]
pub struct ChangeAll<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list that the visitor came from.
    pub list: &'a str,
    /// Address of the page.
    pub path: &'a str,
    /// The records to change.
    pub selection: &'a Selection,
    /// Fields that can be changed, and true for those that are picked.
    pub fields: Vec<(Field, bool)>,
    /// The change in words, once it was tried: label and value.
    pub changes: Vec<(String, String)>,
    /// Hidden fields of the form that confirms the change.
    pub sent: Vec<(String, String)>,
}

/// Page `/{model}/delete/`: a deletion of several records.
#[derive(Template)]
#[template(path = "records/delete_all.html")]
pub struct DeleteAll<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list that the visitor came from.
    pub list: &'a str,
    /// Address of the page.
    pub path: &'a str,
    /// The records to delete.
    pub selection: &'a Selection,
    /// Reason why the records cannot be deleted.
    pub refused: Option<String>,
    /// Records whose references prevent the deletion.
    pub blocking: Vec<Referrer>,
    /// Records that lose their references.
    pub losing: Vec<Referrer>,
    /// Reason why the typed number was refused.
    pub wrong: &'a str,
}
