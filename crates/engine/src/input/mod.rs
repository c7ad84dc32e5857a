//! Values from callers: parsed from JSON or text, and checked against the rules of their field. The platform (requests,
//! CSV) and every write and filter use this module. It never uses a connection.

mod check;
pub mod foreign;
mod index;
mod json;
mod text;

pub(crate) use check::{check, rules};
pub(crate) use index::{check_bytes, most_bytes};

use crate::{
    cell::{Raw, Rule, Storage, Stored, stored},
    error::{Error, Kind, Result},
    model::{Field, FieldKind, IdKind},
    value::Value,
};
use rust_decimal::Decimal;

/// Parses and checks the value of a field in a JSON document.
///
/// # Errors
/// Returns `Kind::Invalid(field, rule)`.
pub fn from_json(field: &Field, value: &serde_json::Value) -> Result<Value> {
    let value = json::parse(storage_of_json(field, value), value).map_err(|rule| refuse(field, rule))?;
    check(field, &value)?;
    Ok(value)
}

/// Parses and checks the value of a field in a CSV cell. An empty cell is null.
///
/// # Errors
/// Returns `Kind::Invalid(field, rule)`.
pub fn from_text(field: &Field, text: &str) -> Result<Value> {
    let value = text::parse(storage_of_text(field, text), text).map_err(|rule| refuse(field, rule))?;
    check(field, &value)?;
    Ok(value)
}

/// Checks a value that an operator's UPDATE stores. Values of a tenant's own fields are refused, because only the platform
/// knows the rules of these fields.
///
/// # Errors
/// Returns the rule that the value breaks.
pub(crate) fn check_correction(field: &Field, most: Option<usize>, raw: Raw<'_>) -> Result<(), Rule> {
    match field.kind {
        FieldKind::Custom => {
            Err("holds the values of own fields: change them through the API, which checks them".into())
        }
        _ => check_stored(field, most, raw),
    }
}

/// Checks a stored value in the same way as a caller's value. `most` is the result of [`most_bytes`] for the field.
///
/// # Errors
/// Returns the rule that the value breaks.
pub(crate) fn check_stored(field: &Field, most: Option<usize>, raw: Raw<'_>) -> Result<(), Rule> {
    if let Raw::Text(bytes) = raw {
        check_bytes(bytes.len(), most)?;
    }
    const READABLE: &str = "is not a text that can be read";
    let storage = match (&field.kind, raw) {
        (FieldKind::Ref { .. }, Raw::Text(_)) => Storage::Uuid,
        (kind, _) => storage(kind),
    };
    let value = match (storage, raw) {
        (_, Raw::Null) => Value::Null,
        (Storage::Integer, Raw::Integer(number)) => Value::Integer(number),
        (Storage::Boolean, Raw::Integer(number @ (0 | 1))) => Value::Boolean(number == 1),
        (Storage::Decimal(scale), Raw::Integer(number)) => Value::Decimal(Decimal::new(number, scale)),
        (Storage::Text, Raw::Text(bytes)) => {
            Value::Text(std::str::from_utf8(bytes).map_err(|_| READABLE)?.into())
        }
        (_, Raw::Text(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| READABLE)?;
            let value = text::parse(storage, text)?;
            let is_stored_so = matches!(stored(storage, &value)?, Stored::Text(own) if own == text);
            if storage != Storage::Json && !is_stored_so {
                return Err(storage.wanted().into());
            }
            value
        }
        _ => return Err(storage.wanted().into()),
    };
    check(field, &value).map_err(|error| match error.kind() {
        Kind::Invalid(_, rule) => rule.clone().into(),
        _ => storage.wanted().into(),
    })
}

fn refuse(field: &Field, rule: Rule) -> Error {
    Error::invalid(field.name.as_str(), rule)
}

/// Returns the storage of a field. A reference field does not know the kind of its key, so the value determines it, and
/// the plan checks it later.
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

/// Returns the storage of a field. A reference is treated like one to a model with integer ids.
fn storage(kind: &FieldKind) -> Storage {
    Storage::of(kind, IdKind::Integer)
}
