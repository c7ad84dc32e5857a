//! Bodies of all routes except records: hand-written and in one place, so that the API reads consistently.
//!
//! Used by the document's builder. Every route needs an entry here or in `answers`.

use super::{
    answer, answers, body,
    formats::{email, flag, instant, name, number, password, slug, text},
};
use crate::http::{body::FORM, routes::Route};
use serde_json::{Map, Value, json};

/// Explanation for readers of values in their stored form.
const SQL: &str = "Rows come as they are stored. A decimal of scale 2 is stored as hundredths: 13000 is 130.00, so \
    divide sums by 10 to the power of the scale. Booleans are 0 and 1; dates and instants are text.";

/// Adds request and response of a fixed route to its operation.
pub(super) fn describe(route: &Route, operation: &mut Value) {
    let key = format!("{} {}", route.method, route.path);
    if let Some(schema) = request(&key) {
        operation["requestBody"] = body(&schema);
        if key.contains("register") {
            operation["requestBody"]["content"][FORM] = json!({"schema": schema});
        }
    }
    let mut parameters = super::queries::of(&key);
    if super::answers::begins(&key) {
        parameters.push(super::queries::wait());
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if key == "POST /api/tenant/sql" {
        operation["description"] = SQL.into();
    }
    super::life::describe(&key, operation);
    for (status, response) in responses(&key) {
        operation["responses"][status] = response;
    }
}

/// Returns the schema of a body, which refuses unknown fields. Optional text and numbers may also be null.
pub(super) fn object(required: &[&str], mut properties: Value) -> Value {
    for (name, schema) in properties.as_object_mut().into_iter().flatten() {
        let kind = schema["type"].as_str().filter(|kind| ["string", "integer"].contains(kind));
        if let Some(kind) = kind.filter(|_| !required.contains(&name.as_str())).map(str::to_owned) {
            schema["type"] = json!([kind, "null"]);
        }
    }
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

/// Returns the schema of a part of an answer.
fn shape(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

fn request(key: &str) -> Option<Value> {
    Some(match key {
        "POST /api/auth/login" => object(
            &["email", "password"],
            json!({"email": email(), "password": password(), "tenant": slug()}),
        ),
        "POST /api/auth/switch" => object(&["tenant"], json!({"tenant": slug()})),
        "POST /api/register" | "POST /subscription/register/" => object(
            &["company"],
            json!({"company": text(), "slug": slug(), "name": text(), "email": email(), "password": password(), "plan": name()}),
        ),
        "POST /api/auth/verify/confirm" | "POST /api/auth/password/reset" => {
            object(&["token", "password"], json!({"token": text(), "password": password()}))
        }
        "POST /api/auth/password/forgot" => object(&["email"], json!({"email": email(), "tenant": slug()})),
        "POST /api/invitations/show" | "POST /api/invitations/refuse" => {
            object(&["token"], json!({"token": text()}))
        }
        "POST /api/invitations/accept" => {
            object(&["token"], json!({"token": text(), "name": text(), "password": password()}))
        }
        "POST /api/tenant/invitations" => {
            object(&["email", "role"], json!({"email": email(), "role": name()}))
        }
        "POST /api/admin/users" => {
            object(&["email", "password"], json!({"email": email(), "name": text(), "password": password()}))
        }
        "POST /api/tenant/keys" => {
            object(&["name", "role"], json!({"name": text(), "role": name(), "expires_at": instant()}))
        }
        "POST /api/tenant/sql" => object(
            &["sql"],
            json!({"sql": text(), "params": {"type": ["array", "object", "null"]}, "store": name()}),
        ),
        "PUT /api/admin/users/{id}/password" => object(&["password"], json!({"password": password()})),
        "POST /api/auth/password" => object(&["old", "new"], json!({"old": password(), "new": password()})),
        "PATCH /api/me" | "PATCH /api/tenant" => object(&["name"], json!({"name": text()})),
        "PATCH /api/tenant/users/{id}" => object(&["role"], json!({"role": name()})),
        "PATCH /api/admin/users/{id}" => {
            object(&[], json!({"superuser": flag(), "staff": flag(), "active": flag()}))
        }
        "POST /api/admin/tenants/{slug}/attach" => {
            object(&["store"], json!({"store": name(), "physical": text(), "server": name()}))
        }
        "POST /api/admin/tenants/{slug}/suspend" => object(&["reason"], json!({"reason": text()})),
        "POST /api/admin/tenants/{slug}/plan" => {
            object(&[], json!({"plan": name(), "state": text(), "ends_at": instant()}))
        }
        "PATCH /api/admin/tenants/{slug}/settings" => {
            json!({"type": "object", "properties": {"external_id": {"type": ["string", "null"]}}})
        }
        "POST /api/admin/impersonate" => object(
            &["tenant", "reason"],
            json!({
                "tenant": slug(), "user": number(), "reason": text(),
                "minutes": {"type": "integer", "minimum": 1, "maximum": 60},
            }),
        ),
        "POST /api/admin/tenants" => object(
            &["slug", "company", "email"],
            json!({"slug": slug(), "company": text(), "email": email(), "plan": name(), "password": password()}),
        ),
        _ => return moving(key),
    })
}

/// Returns the bodies of the routes that move a tenant or set its maintenance mode.
fn moving(key: &str) -> Option<Value> {
    Some(match key {
        "POST /api/admin/tenants/{slug}/move" => {
            object(&[], json!({"server": name(), "store": name(), "back": flag(), "lost": flag()}))
        }
        "POST /api/admin/tenants/{slug}/promote" => object(&[], json!({"server": name(), "store": name()})),
        "POST /api/admin/tenants/{slug}/demote" | "POST /api/admin/tenants/{slug}/release" => {
            object(&[], json!({"store": name()}))
        }
        "POST /api/admin/tenants/{slug}/maintenance" => {
            object(&["on"], json!({"on": flag(), "reason": text()}))
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
        "POST /api/auth/logout"
        | "POST /api/auth/verify/confirm"
        | "POST /api/auth/password/reset"
        | "POST /api/invitations/refuse"
        | "PUT /api/admin/users/{id}/password" => ("204", json!({"description": "Done"})),
        _ if key.starts_with("DELETE ") => ("204", json!({"description": "Gone"})),
        // The answer is not described; a test fails for such a route.
        _ => ("200", answer("OK", &json!({"type": "object"}))),
    }]
}

fn plain(media: &str) -> Value {
    json!({"description": "OK", "content": {media: {"schema": {"type": "string"}}}})
}

/// Returns the schemas that belong to no model.
pub(super) fn schemas() -> Map<String, Value> {
    let all = [
        (
            "File",
            shape(
                &["name", "type", "size", "sha256"],
                &json!({
                    "id": text(), "name": text(), "type": text(), "size": {"type": "integer"}, "sha256": text(),
                }),
            ),
        ),
        (
            "ImportReport",
            shape(
                &["created", "errors", "more_errors", "ignored", "dry_run"],
                &json!({
                    "created": {"type": "integer", "description": "Records created; of a dry run, that would be."},
                    "errors": {"type": "array", "items": shape(&["line", "field", "code", "reason"], &json!({
                        "line": {"type": "integer"}, "field": {"type": ["string", "null"]}, "code": text(),
                        "reason": text(),
                    }))},
                    "more_errors": {"type": "boolean", "description": "More lines were wrong than are listed."},
                    "ignored": {"type": "array", "items": text(), "description": "Columns that were passed over."},
                    "dry_run": {"type": "boolean", "description": "Nothing was written."},
                }),
            ),
        ),
    ];
    let all = all.into_iter().map(|(name, schema)| (name.to_owned(), schema));
    all.chain(answers::schemas()).collect()
}
