//! One record, and the records that refer to it.

use super::{Cell, Row};
use crate::frame::Frame;
use askama::Template;

/// `/{model}/{id}/`.
#[derive(Template)]
#[template(path = "records/detail.html")]
pub struct Detail<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// The person may change it.
    pub may_change: bool,
    /// The person may delete it.
    pub may_delete: bool,
    /// The person may see its history.
    pub has_history: bool,
    /// The company has, or may have, its own values of some fields.
    pub has_own_values: bool,
    /// Labels of the fields with a value of the company's own.
    pub own: Vec<String>,
    /// Rows come from the shared store.
    pub is_shared: bool,
    /// Fields and their values.
    pub fields: Vec<(String, Cell)>,
    /// When and in which version it is.
    pub meta: Vec<(&'static str, String)>,
    /// Records that refer to it.
    pub related: Vec<Related>,
}

/// Records of one model that refer to a record.
#[derive(Debug)]
pub struct Related {
    /// Id of its heading.
    pub id: String,
    /// Label of the model, and of the field if that is needed.
    pub label: String,
    /// Address of the whole list.
    pub all: String,
    /// Address that adds one, if the person may.
    pub add: Option<String>,
    /// Labels of the columns.
    pub columns: Vec<String>,
    /// Some of the rows.
    pub rows: Vec<Row>,
    /// There are more.
    pub more: bool,
}
