//! Bodies of the routes that are no records: hand-written, next to one another, so that the API reads as one.
//!
//! Used by the document's builder. A route needs an entry here or in `answers`.

use super::{answer, answers, body};
use crate::http::{body::FORM, routes::Route};
use serde_json::{Map, Value, json};

/// Adds request and response of a fixed route to its operation.
pub(super) fn describe(route: &Route, operation: &mut Value) {
    let key = format!("{} {}", route.method, route.path);
    if let Some(schema) = request(&key) {
        operation["requestBody"] = body(&schema);
        if key.contains("register") {
            operation["requestBody"]["content"][FORM] = json!({"schema": schema});
        }
    }
    super::life::describe(&key, operation);
    for (status, response) in responses(&key) {
        operation["responses"][status] = response;
    }
}

pub(super) fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

fn request(key: &str) -> Option<Value> {
    let text = || json!({"type": "string"});
    let email = || json!({"type": "string", "format": "email", "maxLength": 254});
    Some(match key {
        "POST /api/auth/login" => {
            object(&["email", "password"], json!({"email": email(), "password": text(), "tenant": text()}))
        }
        "POST /api/auth/switch" => object(&["tenant"], json!({"tenant": text()})),
        "POST /api/register" | "POST /subscription/register/" => object(
            &["company", "email", "password"],
            json!({"company": text(), "slug": text(), "name": text(), "email": email(), "password": text(), "plan": text()}),
        ),
        "POST /api/tenant/users" => object(
            &["email", "role"],
            json!({"email": email(), "name": text(), "role": text(), "password": text()}),
        ),
        "POST /api/admin/users" => {
            object(&["email", "password"], json!({"email": email(), "name": text(), "password": text()}))
        }
        "POST /api/tenant/keys" => object(
            &["name", "role"],
            json!({"name": text(), "role": text(), "expires_at": {"type": "string", "format": "date-time"}}),
        ),
        "POST /api/tenant/sql" => object(
            &["sql"],
            json!({"sql": text(), "params": {"type": ["array", "object", "null"]}, "store": text()}),
        ),
        "PUT /api/admin/users/{id}/password" => object(&["password"], json!({"password": text()})),
        "POST /api/auth/password" => object(&["old", "new"], json!({"old": text(), "new": text()})),
        "PATCH /api/tenant/users/{id}" => object(&["role"], json!({"role": text()})),
        "PATCH /api/admin/users/{id}" => {
            let flag = || json!({"type": "boolean"});
            object(&[], json!({"superuser": flag(), "staff": flag(), "active": flag()}))
        }
        "POST /api/admin/tenants/{slug}/attach" => {
            object(&["store"], json!({"store": text(), "physical": text(), "server": text()}))
        }
        "POST /api/admin/tenants/{slug}/suspend" => object(&["reason"], json!({"reason": text()})),
        "POST /api/admin/tenants/{slug}/plan" => object(
            &[],
            json!({"plan": text(), "state": text(), "ends_at": {"type": "string", "format": "date-time"}}),
        ),
        "PATCH /api/admin/tenants/{slug}/settings" => {
            json!({"type": "object", "properties": {"external_id": {"type": ["string", "null"]}}})
        }
        "POST /api/admin/impersonate" => object(
            &["tenant", "reason"],
            json!({
                "tenant": text(), "user": {"type": "integer"}, "reason": text(),
                "minutes": {"type": "integer", "minimum": 1, "maximum": 60},
            }),
        ),
        "POST /api/admin/tenants" => object(
            &["slug", "company", "email"],
            json!({"slug": text(), "company": text(), "email": email(), "plan": text(), "password": text()}),
        ),
        _ => return moving(key),
    })
}

/// Where a company lies, and whether it is open meanwhile.
fn moving(key: &str) -> Option<Value> {
    let text = || json!({"type": "string"});
    Some(match key {
        "POST /api/admin/tenants/{slug}/move" => {
            let flag = || json!({"type": "boolean"});
            object(&[], json!({"server": text(), "store": text(), "back": flag(), "lost": flag()}))
        }
        "POST /api/admin/tenants/{slug}/promote" => object(&[], json!({"server": text(), "store": text()})),
        "POST /api/admin/tenants/{slug}/demote" | "POST /api/admin/tenants/{slug}/release" => {
            object(&[], json!({"store": text()}))
        }
        "POST /api/admin/tenants/{slug}/maintenance" => {
            object(&["on"], json!({"on": {"type": "boolean"}, "reason": text()}))
        }
        _ => return super::life::request(key).or_else(|| super::backups::request(key)),
    })
}

fn responses(key: &str) -> Vec<(&'static str, Value)> {
    let known = answers::of(key);
    if !known.is_empty() {
        return known;
    }
    vec![match key {
        "GET /healthz" | "GET /readyz" | "GET /metrics" => ("200", plain("text/plain")),
        "GET /api/docs" => ("200", plain("text/html")),
        "GET /api/docs/app.js" => ("200", plain("text/javascript")),
        "GET /api/tenant/export" => ("200", plain("application/zip")),
        "GET /api/admin/operations/{id}/events" => ("200", plain("text/event-stream")),
        "POST /api/auth/logout" | "PUT /api/admin/users/{id}/password" => {
            ("204", json!({"description": "Done"}))
        }
        _ if key.starts_with("DELETE ") => ("204", json!({"description": "Gone"})),
        // Nobody has said what it answers: a test asks for that.
        _ => ("200", answer("OK", &json!({"type": "object"}))),
    }]
}

fn plain(media: &str) -> Value {
    json!({"description": "OK", "content": {media: {"schema": {"type": "string"}}}})
}

/// Schemas that are no model's.
pub(super) fn schemas() -> Map<String, Value> {
    let text = || json!({"type": "string"});
    let all = [
        (
            "File",
            object(
                &["name", "type", "size", "sha256"],
                json!({
                    "id": text(), "name": text(), "type": text(), "size": {"type": "integer"}, "sha256": text(),
                }),
            ),
        ),
        (
            "ImportReport",
            object(
                &["created", "errors", "more_errors"],
                json!({
                    "created": {"type": "integer"},
                    "errors": {"type": "array", "items": object(&["line", "field", "reason"], json!({
                        "line": {"type": "integer"}, "field": {"type": ["string", "null"]}, "reason": text(),
                    }))},
                    "more_errors": {"type": "boolean", "description": "More lines were wrong than are listed."},
                }),
            ),
        ),
    ];
    let all = all.into_iter().map(|(name, schema)| (name.to_owned(), schema));
    all.chain(answers::schemas()).collect()
}
