//! Schemas and parameters that several record routes share.

use serde_json::{Value, json};

/// Returns the schema of the number of rows of a page.
pub(super) fn limit(default: u32) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": default})
}

/// Returns a query parameter.
pub(super) fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// Returns a pattern for the names, separated by commas; `before` may precede each name.
pub(super) fn list_of<'n>(names: impl Iterator<Item = &'n str>, before: &str) -> Value {
    let one = format!("{before}({})", names.collect::<Vec<_>>().join("|"));
    json!({"type": "string", "pattern": format!("^{one}(,{one})*$")})
}
