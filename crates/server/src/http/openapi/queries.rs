//! Query parameters of all routes except records.
//!
//! Used by the document's builder. A test calls every one of them.

use super::formats::{flag, limit, name, number, query, slug, text};
use crate::http::operation::LONGEST;
use serde_json::{Value, json};

/// Route, parameters as `name:kind`.
const QUERIES: &[(&str, &str)] = &[
    ("GET /api/admin/tenants", "q:text state:tenant_state after:number limit:limit"),
    ("GET /api/admin/users", "after:number limit:limit"),
    ("GET /api/admin/mail", "state:mail_state before:number limit:limit"),
    ("GET /api/admin/audit", "tenant:number before:number limit:limit"),
    ("GET /api/admin/operations", "open:flag tenant:slug before:number limit:limit"),
    ("GET /api/admin/backups", "tenant:slug system:flag state:text before:text limit:limit"),
    ("GET /api/tenant/activity", "store:name before:number limit:limit"),
    ("GET /api/tenant/operations", "open:flag before:number limit:limit"),
];

/// Returns the parameters of a fixed route.
pub(super) fn of(key: &str) -> Vec<Value> {
    let known = QUERIES.iter().find(|(route, _)| *route == key).map_or("", |(_, words)| *words);
    known.split_whitespace().filter_map(|word| word.split_once(':')).map(parameter).collect()
}

/// Returns the parameter that makes a request wait for the end of the operation it starts.
pub(super) fn wait() -> Value {
    let seconds = json!({"type": "integer", "minimum": 0, "maximum": LONGEST});
    query(
        "wait",
        "Seconds to wait for the end of the operation; without it the answer comes at once.",
        seconds,
    )
}

fn parameter((word, kind): (&str, &str)) -> Value {
    let (description, schema) = match (word, kind) {
        (_, "limit") => ("Entries at most.", limit(100)),
        ("after", _) => ("Only entries after the one of this id.", number()),
        ("before", "number") => ("Only entries before the one of this id.", number()),
        ("before", _) => ("Only entries before the one of this id.", text()),
        ("q", _) => ("Part of the name, the slug or the address.", text()),
        ("open", _) => ("Only those that are not over.", flag()),
        ("system", _) => ("Only those of the platform's own stores.", flag()),
        (_, "slug") => ("Only those of this tenant.", slug()),
        ("tenant", _) => ("Only those of this tenant, by its id.", number()),
        (_, "name") => ("The store; `tenant` when it is left out.", name()),
        (_, "mail_state") => ("Only those in this state; left out: waiting and failed ones.", mail_states()),
        (_, "tenant_state") => ("Only those in this state.", states()),
        _ => ("Only those in this state.", text()),
    };
    query(word, description, schema)
}

fn mail_states() -> Value {
    json!({"type": "string", "enum": ["waiting", "sent", "failed", "dropped"]})
}

fn states() -> Value {
    json!({"type": "string", "enum": ["creating", "active", "suspended", "cancelled", "purging", "gone"]})
}
