//! Values as SQL literals, for column defaults and fills. Statements with callers' values bind parameters instead.

use crate::{
    cell::{Storage, Stored, stored},
    model::{FieldKind, IdKind},
    value::Value,
};

/// Returns a typed value as the literal of its stored form. A value that does not fit the kind becomes NULL; the checks
/// of models refuse such defaults earlier.
pub fn literal(kind: &FieldKind, value: &Value) -> String {
    // A write cannot store a text with a NUL, but a migration can.
    if let Value::Text(own) = value {
        return text(own);
    }
    // A reference has no default, but a migration may fill rows with one.
    let id = if matches!(value, Value::Uuid(_)) { IdKind::Uuid } else { IdKind::Integer };
    match stored(Storage::of(kind, id), value) {
        Ok(Stored::Integer(number)) => number.to_string(),
        Ok(Stored::Text(own)) => text(&own),
        Ok(Stored::Null) | Err(_) => "NULL".into(),
    }
}

/// Returns text as a quoted SQL literal. SQL text cannot contain a NUL, so a text with one is built from its bytes.
pub(crate) fn text(value: &str) -> String {
    if value.contains('\0') {
        let hex: String = value.bytes().map(|b| format!("{b:02x}")).collect();
        return format!("(CAST(x'{hex}' AS TEXT))");
    }
    format!("'{}'", value.replace('\'', "''"))
}
