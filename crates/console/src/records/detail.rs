//! One record, and the records that refer to it.

use super::{Cell, Row, Workflow};
use crate::frame::Frame;
use askama::Template;

/// Page `/{model}/{id}/`: one record.
#[derive(Template)]
#[template(path = "records/detail.html")]
pub struct Detail<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// True if the visitor may change the record.
    pub may_change: bool,
    /// True if the visitor may delete the record.
    pub may_delete: bool,
    /// True if the visitor may see the record's history.
    pub has_history: bool,
    /// True if the company can have overrides of the record.
    pub has_own_values: bool,
    /// Labels of the fields that have an override.
    pub own: Vec<String>,
    /// True if the record is in the shared store.
    pub is_shared: bool,
    /// True if the visitor's company added the record to the shared ones.
    pub is_added: bool,
    /// State and trail of the record, if its model has a workflow.
    pub workflow: Option<Workflow>,
    /// Labels and values of the fields.
    pub fields: Vec<(String, Cell)>,
    /// Times of creation and change, and version: label and value.
    pub meta: Vec<(&'static str, String)>,
    /// Records that refer to this one.
    pub related: Vec<Related>,
}

/// Records of one model that refer to a record.
#[derive(Debug)]
pub struct Related {
    /// Id of the heading's element.
    pub id: String,
    /// Label of the model, followed by the field if the model refers in more than one way.
    pub label: String,
    /// Address of the complete list.
    pub all: String,
    /// Address of the form for a new record, if the visitor may create one.
    pub add: Option<String>,
    /// Labels of the columns.
    pub columns: Vec<String>,
    /// The first rows.
    pub rows: Vec<Row>,
    /// True if there are more rows.
    pub more: bool,
}
