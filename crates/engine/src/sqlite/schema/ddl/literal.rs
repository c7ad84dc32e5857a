//! Values as SQL literals, for column defaults and fills. Statements with callers' values bind them instead.

use crate::{
    model::{FieldKind, default::scaled},
    value::Value,
};

/// Returns a typed value as the literal of its stored form. A value that does not fit the kind becomes NULL; the checks
/// of models refuse such defaults earlier.
pub fn literal(kind: &FieldKind, value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Boolean(b) => i64::from(*b).to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Decimal(d) => match kind {
            FieldKind::Decimal { scale } => scaled(*d, *scale).map_or("NULL".into(), |n| n.to_string()),
            _ => "NULL".into(),
        },
        Value::Text(s) => text(s),
        Value::Date(d) => text(&d.to_string()),
        Value::DateTime(t) => text(&instant(*t)),
        Value::Uuid(u) => text(&u.to_string()),
        Value::Json(j) => text(&j.to_string()),
    }
}

/// Formats an instant with fixed width, so that it sorts as text.
fn instant(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Returns text in quotes. SQL text cannot contain a NUL, so such a value is built from its bytes.
pub(crate) fn text(value: &str) -> String {
    if value.contains('\0') {
        let hex: String = value.bytes().map(|b| format!("{b:02x}")).collect();
        return format!("(CAST(x'{hex}' AS TEXT))");
    }
    format!("'{}'", value.replace('\'', "''"))
}
