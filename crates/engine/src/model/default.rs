//! Defaults of fields: JSON as declared, converted to typed values.

use super::{Field, FieldKind};
use crate::{cell::exact, value::Value};
use rust_decimal::Decimal;
use serde_json::Value as Json;

impl Field {
    /// Returns the default as a typed value; `None` if the field has no default. The default of a checked model always
    /// parses.
    pub fn default_value(&self) -> Option<Value> {
        self.default.as_ref().and_then(|json| typed(&self.kind, json).ok())
    }
}

/// Converts a JSON default to a value of a field kind. Returns the reason if it does not fit.
pub fn typed(kind: &FieldKind, json: &Json) -> Result<Value, String> {
    match kind {
        FieldKind::Text { max_length } => text(json, *max_length),
        FieldKind::Integer { min, max } => integer(json, *min, *max),
        FieldKind::Decimal { scale } => decimal(json, *scale),
        FieldKind::Boolean => json.as_bool().map(Value::Boolean).ok_or_else(|| wrong("true or false", json)),
        FieldKind::Date => parsed(json, "a date such as \"2026-01-31\"").map(Value::Date),
        FieldKind::Datetime => {
            parsed(json, "an instant such as \"2026-01-31T12:00:00Z\"").map(Value::DateTime)
        }
        FieldKind::Json => Ok(Value::Json(json.clone())),
        FieldKind::Custom => Err("custom fields have no default".into()),
        FieldKind::File { .. } => Err("a file field has no default".into()),
        FieldKind::Ref { .. } => Err("a reference has no default".into()),
        FieldKind::Choice { choices } => match json.as_str() {
            Some(s) if choices.iter().any(|c| c == s) => Ok(Value::Text(s.into())),
            _ => Err(wrong(&format!("one of {}", choices.join(", ")), json)),
        },
    }
}

fn wrong(wanted: &str, json: &Json) -> String {
    format!("must be {wanted}, not {json}")
}

fn text(json: &Json, max_length: Option<u32>) -> Result<Value, String> {
    let text = json.as_str().ok_or_else(|| wrong("text", json))?;
    match max_length {
        Some(max) if text.chars().count() > max as usize => Err(format!("is longer than {max} characters")),
        _ => Ok(Value::Text(text.into())),
    }
}

fn integer(json: &Json, min: Option<i64>, max: Option<i64>) -> Result<Value, String> {
    let number = json.as_i64().ok_or_else(|| wrong("a whole number", json))?;
    if min.is_some_and(|m| number < m) || max.is_some_and(|m| number > m) {
        return Err(format!("{number} lies outside min and max"));
    }
    Ok(Value::Integer(number))
}

fn decimal(json: &Json, scale: u32) -> Result<Value, String> {
    let written = match json {
        Json::String(s) => s.clone(),
        Json::Number(n) => n.to_string(),
        other => return Err(wrong("a number, or digits in quotes", other)),
    };
    let value: Decimal = written.parse().map_err(|_| wrong("a decimal number", json))?;
    if value.normalize().scale() > scale {
        return Err(format!("{written} has more than {scale} decimals"));
    }
    match exact(value, scale) {
        Ok(_) => Ok(Value::Decimal(value)),
        Err(_) => Err(format!("{written} has more than 18 digits")),
    }
}

fn parsed<T: std::str::FromStr>(json: &Json, wanted: &str) -> Result<T, String> {
    json.as_str().and_then(|s| s.parse().ok()).ok_or_else(|| wrong(wanted, json))
}
