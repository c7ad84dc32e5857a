//! The OpenAPI 3.1 document, generated from the route table and the models.
//!
//! The public one is built when the server starts and after a reload of the apps, and served as bytes. It does not depend
//! on the caller: the models of a platform are public, but their rows are not. Members of a tenant get one that also has
//! the tenant's own fields, which are called `custom.NAME` in the models here.

pub(super) mod describe;
mod filters;
mod model;
mod records;

use super::{
    problem,
    routes::{Access, ROUTES, Route},
};
use crate::wire::document::Document;
use describe::{Operation, Schemas};
use http::Method;
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::Arc};
use tenantry::model::Model;

const TOLD: &str = "Only where read replicas answer: send it with later requests, and they see this write.";
const SENT: &str =
    "What the response to an earlier write told: the request sees that write, whichever server answers.";

/// Builds the document.
pub(super) fn build(title: &str, models: &[Arc<Model>]) -> Document {
    let (mut paths, mut schemas) = (Map::new(), Schemas::new());
    for route in ROUTES.iter().filter(|route| !route.is_page) {
        if route.path.contains("{model}") {
            for model in models.iter().filter(|m| records::applies(route, m)) {
                let path = route.path.replace("{model}", model.name.as_str());
                put(&mut paths, &path, route, records::operation(route, model, models, &mut schemas));
            }
        } else {
            put(&mut paths, route.path, route, operation(route, &mut schemas));
        }
    }
    Document {
        openapi: "3.1.0",
        info: json!({
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Errors are returned as RFC 9457 problem documents. Resources you are not allowed to see return 404. \
                Paths of a tenant are also served under `/t/{slug}`; where several things name the tenant, they must agree. \
                A response to a write may have the header Tenantry-Position: later requests that bring it see the write.",
        }),
        servers: json!([{"url": "/"}]),
        tags: tags(models),
        paths: paths.into(),
        components: json!({
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A session token, or a JWT of a configured issuer."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key of one tenant."},
                "session": {"type": "apiKey", "in": "cookie", "name": "tenantry_session"},
            },
            "headers": {"Position": position(TOLD)},
            "schemas": all_schemas(schemas, models),
        }),
    }
}

fn put(paths: &mut Map<String, Value>, path: &str, route: &Route, mut operation: Value) {
    let parameters = path_parameters(path, &operation);
    if !parameters.is_empty() {
        let own = operation["parameters"].as_array().cloned().unwrap_or_default();
        operation["parameters"] = parameters.into_iter().chain(own).collect();
    }
    let item = paths.entry(path).or_insert_with(|| json!({}));
    item[route.method.as_str().to_ascii_lowercase()] = operation;
}

/// Returns an entry for each `{name}` in the path that the operation does not describe itself.
fn path_parameters(path: &str, operation: &Value) -> Vec<Value> {
    let described: BTreeSet<&str> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|p| p["in"] == "path")
        .filter_map(|p| p["name"].as_str())
        .collect();
    let names = path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
    names
        .filter(|name| !described.contains(name))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect()
}

/// Returns the common members of an operation: group, id, summary, security and possible problems.
fn frame(route: &Route, tag: &str, id: &str) -> Value {
    let security = match route.access {
        Access::Public => json!([]),
        Access::Member => json!([{"bearer": []}, {"apiKey": []}, {"session": []}]),
        Access::User | Access::Manager | Access::Staff | Access::Superuser => {
            json!([{"bearer": []}, {"session": []}])
        }
    };
    json!({
        "tags": [tag],
        "operationId": id,
        "summary": route.summary,
        "security": security,
        "responses": {"default": {
            "description": "Refused",
            "content": {problem::MEDIA_TYPE: {"schema": reference("Problem")}},
        }},
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut operation = Operation { json: frame(route, route.tag, &route.operation()), schemas };
    (route.describe)(&mut operation);
    if let Some(media) = media(route.path) {
        let text = json!({"schema": {"type": "string"}});
        operation.json["responses"]["200"] = json!({"description": "Done", "content": {media: text}});
    }
    if route.path.ends_with("/openapi.json") {
        let document = operation.schemas.answered::<Document>();
        operation.json["responses"]["200"] = answer("Done", &document);
    }
    operation.json
}

/// Returns the media type of a route whose answer is not JSON.
fn media(path: &str) -> Option<&'static str> {
    Some(match path {
        "/healthz" | "/readyz" | "/metrics" => "text/plain",
        "/api/docs" => "text/html",
        "/api/docs/app.js" => "text/javascript",
        "/api/admin/audit/export" => "text/csv",
        "/api/tenant/export" => "application/zip",
        "/api/admin/operations/{id}/events" => "text/event-stream",
        _ => return None,
    })
}

fn tags(models: &[Arc<Model>]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut fixed =
        ROUTES.iter().filter(|r| !r.is_page && !r.path.contains("{model}")).map(|r| r.tag.to_owned());
    // Readers of the document sign in first and then work with records; fewer readers need the rest.
    let first = fixed.next();
    let names = first.into_iter().chain(models.iter().map(|m| m.label.clone())).chain(fixed);
    names.filter(|name| seen.insert(name.clone())).map(|name| json!({"name": name})).collect()
}

fn all_schemas(mut schemas: Schemas, models: &[Arc<Model>]) -> Map<String, Value> {
    schemas.answered::<problem::Wire<'_>>();
    let mut schemas = schemas.into_map();
    schemas.insert("File".into(), model::file());
    schemas.insert("Groups".into(), model::groups());
    for model in models {
        model::schemas(model, models, &mut schemas);
    }
    schemas
}

/// Returns a `$ref` to a schema of this document.
fn reference(name: &str) -> Value {
    reference_to("schemas", name)
}

/// Returns a `$ref` to a component of this document.
fn reference_to(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// Describes the header that carries positions from writes to reads.
fn position(description: &str) -> Value {
    let pattern = "^[A-Za-z0-9_-]{30}(\\.[A-Za-z0-9_-]{30}){0,7}$";
    json!({"description": description, "schema": {"type": "string", "pattern": pattern}})
}

fn sent_position() -> Value {
    let mut sent = position(SENT);
    sent["name"] = "Tenantry-Position".into();
    sent["in"] = "header".into();
    sent
}

/// Returns a JSON answer with this schema.
fn answer(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

/// Returns a JSON body with this schema.
fn body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

fn is(route: &Route, method: &Method, end: &str) -> bool {
    route.method == *method && route.path.strip_prefix("/api/records/{model}") == Some(end)
}

#[cfg(test)]
mod tests;
