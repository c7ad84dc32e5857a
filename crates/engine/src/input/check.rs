//! Checks a value against the rules of its field.

use crate::{
    cell::{Rule, stored},
    error::{Error, Result},
    model::{Field, FieldKind},
    value::Value,
};

/// Fails with `Kind::Invalid(field, rule)` if the field does not allow the value, or if the value cannot be stored.
pub(crate) fn check(field: &Field, value: &Value) -> Result<()> {
    rules(field, value)?;
    if matches!(field.kind, FieldKind::Ref { .. }) {
        return Ok(()); // The plan checks the kind of key, which the field does not know.
    }
    stored(super::storage(&field.kind), value)
        .map(|_| ())
        .map_err(|rule| Error::invalid(field.name.as_str(), rule))
}

/// Checks only the rules of the field. Whether the value can be stored is checked when it is bound.
pub(crate) fn rules(field: &Field, value: &Value) -> Result<()> {
    rule(field, value).map_err(|rule| Error::invalid(field.name.as_str(), rule))
}

fn rule(field: &Field, value: &Value) -> Result<(), Rule> {
    if *value == Value::Null {
        return if field.required { Err("is required".into()) } else { Ok(()) };
    }
    match (&field.kind, value) {
        (FieldKind::Ref { .. }, Value::Integer(_) | Value::Uuid(_)) => Ok(()),
        (FieldKind::Ref { .. }, _) => Err("must be the id of a record".into()),
        (FieldKind::Text { .. }, Value::Text(t)) if field.required && t.is_empty() => {
            Err("is required".into())
        }
        (FieldKind::Text { max_length: Some(max) }, Value::Text(t)) if too_long(t, *max) => {
            Err(format!("must have at most {max} characters").into())
        }
        (FieldKind::Choice { choices }, Value::Text(t)) if !choices.contains(t) => {
            Err(format!("must be one of {}", choices.join(", ")).into())
        }
        (FieldKind::Integer { min: Some(min), .. }, Value::Integer(i)) if i < min => {
            Err(format!("must be at least {min}").into())
        }
        (FieldKind::Integer { max: Some(max), .. }, Value::Integer(i)) if i > max => {
            Err(format!("must be at most {max}").into())
        }
        (FieldKind::Custom, Value::Json(j)) if !j.is_object() => {
            Err("must be an object with the values of own fields".into())
        }
        (FieldKind::File { .. }, Value::Json(j)) if !j.is_object() => {
            Err("must be the description of a file".into())
        }
        _ => Ok(()),
    }
}

fn too_long(text: &str, max: u32) -> bool {
    // Compare bytes first: counting the characters of a huge text would take our time, not that of the client that sent
    // it.
    text.len() > max as usize && text.chars().nth(max as usize).is_some()
}
