//! The fields that a company adds to its records.

use crate::frame::Frame;
use askama::Template;

/// Page `/settings/fields/`: the company's own fields, by model.
#[derive(Template)]
#[template(path = "company/fields.html")]
pub struct OwnFields<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Models that can have own fields.
    pub models: &'a [ModelFields],
    /// Kinds of fields: name and label.
    pub kinds: &'a [(&'static str, String)],
    /// True if the visitor may add a field to one of the models.
    pub may_add: bool,
    /// Typed values of the form that adds a field.
    pub draft: &'a FieldDraft,
    /// Reason why the form was refused.
    pub wrong: &'a str,
}

/// The own fields of one model.
#[derive(Debug)]
pub struct ModelFields {
    /// Name of the model.
    pub model: String,
    /// Label of the model.
    pub label: String,
    /// The fields.
    pub fields: Vec<OwnField>,
    /// True if the visitor may change them.
    pub may_change: bool,
}

/// An own field.
#[derive(Debug)]
pub struct OwnField {
    /// Name in conditions, CSV and the API.
    pub name: String,
    /// Label of the field.
    pub label: String,
    /// Kind of the values, in words.
    pub kind: String,
    /// True if a value is required.
    pub required: bool,
    /// True if values are personal data.
    pub personal: bool,
    /// True if the field is being removed.
    pub closed: bool,
}

/// Typed values of a new field.
#[derive(Debug, Default)]
pub struct FieldDraft {
    /// Name of the model.
    pub model: String,
    /// Name of the field.
    pub name: String,
    /// Label of the field.
    pub label: String,
    /// Name of the kind.
    pub kind: String,
    /// Choices, separated by commas.
    pub choices: String,
}
