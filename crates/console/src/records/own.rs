//! A company's own values of a shared record.

use super::{Cell, Field};
use crate::frame::Frame;
use askama::Template;

/// `/{model}/{id}/override/`.
#[derive(Template)]
#[template(path = "records/own.html")]
pub struct OwnForm<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// What the record is called.
    pub name: &'a str,
    /// Fields that may have own values.
    pub fields: &'a [OwnField],
    /// The person may set them.
    pub may_set: bool,
}

/// A field that may have a value of the company's own.
#[derive(Debug)]
pub struct OwnField {
    /// The company has one.
    pub is_own: bool,
    /// Shared value.
    pub shared: Cell,
    /// Input of the own value.
    pub input: Field,
}
