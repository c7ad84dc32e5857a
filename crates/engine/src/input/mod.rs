//! Values as callers give them: parsed from JSON or text, and checked against the rules of their field. The platform
//! (requests, CSV) and every write and filter use it. It never uses a connection.

mod check;
mod json;
mod text;

pub(crate) use check::{check, rules};

use crate::{
    cell::{Rule, Storage},
    error::{Error, Result},
    model::{Field, FieldKind},
    value::Value,
};

/// Parses and checks the value of a field in a JSON document.
///
/// # Errors
/// `Kind::Invalid(field, rule)`.
pub fn from_json(field: &Field, value: &serde_json::Value) -> Result<Value> {
    let value = json::parse(storage_of_json(field, value), value).map_err(|rule| refuse(field, rule))?;
    check(field, &value)?;
    Ok(value)
}

/// Parses and checks the value of a field in a CSV cell; an empty cell is null.
///
/// # Errors
/// `Kind::Invalid(field, rule)`.
pub fn from_text(field: &Field, text: &str) -> Result<Value> {
    let value = text::parse(storage_of_text(field, text), text).map_err(|rule| refuse(field, rule))?;
    check(field, &value)?;
    Ok(value)
}

fn refuse(field: &Field, rule: Rule) -> Error {
    Error::invalid(field.name.as_str(), rule)
}

/// Returns the storage of a field. A reference field does not know the kind of its key, so that is taken from the
/// value; the plan checks it.
fn storage_of_json(field: &Field, value: &serde_json::Value) -> Storage {
    match (&field.kind, value.is_string()) {
        (FieldKind::Ref { .. }, true) => Storage::Uuid,
        (kind, _) => storage(kind),
    }
}

fn storage_of_text(field: &Field, text: &str) -> Storage {
    match (&field.kind, text.contains('-') && text.len() > 20) {
        (FieldKind::Ref { .. }, true) => Storage::Uuid,
        (kind, _) => storage(kind),
    }
}

fn storage(kind: &FieldKind) -> Storage {
    match kind {
        FieldKind::Text { .. } | FieldKind::Choice { .. } => Storage::Text,
        FieldKind::Integer { .. } | FieldKind::Ref { .. } => Storage::Integer,
        FieldKind::Decimal { scale } => Storage::Decimal(*scale),
        FieldKind::Boolean => Storage::Boolean,
        FieldKind::Date => Storage::Date,
        FieldKind::Datetime => Storage::Datetime,
        FieldKind::Json | FieldKind::File { .. } => Storage::Json,
    }
}
