//! A company's overrides of a shared record.

use super::{Cell, Field};
use crate::frame::Frame;
use askama::Template;

/// Page `/{model}/{id}/override/`: the overrides of a shared record.
#[derive(Template)]
#[template(path = "records/own.html")]
pub struct OwnForm<'a> {
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
    /// Fields that can be overridden.
    pub fields: &'a [OwnField],
    /// True if the visitor may set overrides.
    pub may_set: bool,
}

/// A field that can be overridden.
#[derive(Debug)]
pub struct OwnField {
    /// True if the field has an override.
    pub is_own: bool,
    /// Value of the shared record.
    pub shared: Cell,
    /// Input of the override.
    pub input: Field,
}
