//! Schemas of names and numbers that several routes share.
//!
//! Used by the other parts of the document.

use serde_json::{Value, json};

/// Returns the schema of any text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn email() -> Value {
    json!({"type": "string", "format": "email", "maxLength": 254})
}

pub(super) fn password() -> Value {
    json!({"type": "string", "format": "password", "maxLength": 1024})
}

/// Returns the schema of a slug. Some slugs are reserved, and a slug may be taken.
pub(super) fn slug() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength": 3, "maxLength": 40})
}

/// Returns the schema of the name of a role, plan, store or server.
pub(super) fn name() -> Value {
    json!({"type": "string", "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$", "maxLength": 48})
}

pub(super) fn names() -> Value {
    json!({"type": "array", "items": name()})
}

pub(super) fn instant() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// Returns the schema of the id of a user, key or operation.
pub(super) fn number() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": 1})
}

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
