//! Values on their way into the database: parsed from JSON or text, checked against their field,
//! turned into what SQLite stores. Called by the platform (requests, CSV) and by every write and filter.
//! It never touches a connection.

mod check;
mod json;
mod stored;
mod text;

pub(crate) use check::{check, rules};
pub(crate) use stored::{Stored, instant, scaled, stored};

use super::plan::Storage;
use crate::error::{Error, Result};
use crate::model::{Field, FieldKind};
use crate::value::Value;
use std::borrow::Cow;

/// The rule that a value breaks, in words for people.
pub(crate) type Rule = Cow<'static, str>;

/// The value of a field as it stands in a JSON document, checked. Errors are `Kind::Invalid(field, rule)`.
pub fn from_json(field: &Field, value: &serde_json::Value) -> Result<Value> {
    let value = json::parse(storage_of_json(field, value), value).map_err(|rule| refuse(field, rule))?;
    check(field, &value)?;
    Ok(value)
}

/// The value of a field as it stands in a CSV cell, checked; empty is null.
pub fn from_text(field: &Field, text: &str) -> Result<Value> {
    let value = text::parse(storage_of_text(field, text), text).map_err(|rule| refuse(field, rule))?;
    check(field, &value)?;
    Ok(value)
}

fn refuse(field: &Field, rule: Rule) -> Error {
    Error::invalid(field.name.as_str(), rule)
}

/// A reference's kind of key is not known to its field, so it is taken from the value; the plan checks it.
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
