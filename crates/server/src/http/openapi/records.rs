//! Operations on the records of one model: one path each, so that clients generated from the document
//! are typed.
//!
//! Used by the document's builder.

use super::{answer, body, frame, is, reference};
use crate::http::routes::Route;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use tenantry::model::{FieldKind, IdKind, Model};

/// Routes of file fields and of overrides exist only for models that have them.
pub(super) fn applies(route: &Route, model: &Model) -> bool {
    let has_file = || model.fields.iter().any(|f| matches!(f.kind, FieldKind::File { .. }));
    match route.path.rsplit_once("/{id}/") {
        Some((_, "files/{field}")) => has_file(),
        Some((_, "override")) => model.overrides.is_some(),
        _ => true,
    }
}

pub(super) fn operation(route: &Route, model: &Model, models: &[Arc<Model>]) -> Value {
    let name = model.name.as_str();
    let mut operation = frame(route, &model.label, &format!("{}_{name}", route.operation()));
    operation["parameters"] = parameters(route, model);
    let one = reference(name);
    let (status, response) = if is(route, &Method::GET, "") {
        ("200", answer("A page", &reference(&format!("{name}_page"))))
    } else if is(route, &Method::POST, "") {
        operation["requestBody"] = body(&reference(&format!("{name}_new")));
        ("201", answer("Created", &one))
    } else if is(route, &Method::GET, "/{id}") {
        ("200", answer("The record", &one))
    } else if is(route, &Method::PATCH, "/{id}") {
        operation["requestBody"] = body(&reference(&format!("{name}_change")));
        ("200", answer("Changed", &one))
    } else if is(route, &Method::PUT, "/{id}/override") {
        operation["requestBody"] = body(&reference(&format!("{name}_override")));
        ("200", answer("The record as the company sees it", &one))
    } else if is(route, &Method::POST, "/batch") {
        operation["requestBody"] =
            body(&json!({"type": "array", "maxItems": 1000, "items": reference(&format!("{name}_new"))}));
        (
            "201",
            answer(
                "All of them created",
                &json!({"type": "object", "properties": {"items": {"type": "array", "items": one}}}),
            ),
        )
    } else {
        bytes(route, model, models, &mut operation)
    };
    operation["responses"][status] = response;
    operation
}

/// CSV, files and deletes.
fn bytes(
    route: &Route,
    model: &Model,
    _models: &[Arc<Model>],
    operation: &mut Value,
) -> (&'static str, Value) {
    let csv = json!({"text/csv": {"schema": {"type": "string"}}});
    let any = json!({"schema": {"type": "string", "format": "binary"}});
    if is(route, &Method::POST, "/import") {
        operation["requestBody"] = json!({"required": true, "content": csv});
        return (
            "200",
            answer("What was imported, and what is wrong with which line", &reference("ImportReport")),
        );
    }
    if is(route, &Method::GET, "/export") {
        return ("200", json!({"description": "All matching rows, streamed", "content": csv}));
    }
    if is(route, &Method::PUT, "/{id}/files/{field}") {
        operation["requestBody"] =
            json!({"required": true, "content": {"*/*": any.clone(), "multipart/form-data": any}});
        return ("200", answer("The record with its file", &reference(model.name.as_str())));
    }
    if is(route, &Method::GET, "/{id}/files/{field}") {
        return ("200", json!({"description": "The file, as an attachment", "content": {"*/*": any}}));
    }
    ("204", json!({"description": "Gone"}))
}

fn parameters(route: &Route, model: &Model) -> Value {
    let mut all = Vec::new();
    if route.path.contains("{id}") {
        let id = match model.id {
            IdKind::Integer => json!({"type": "integer", "format": "int64"}),
            IdKind::Uuid => json!({"type": "string", "format": "uuid"}),
        };
        all.push(json!({"name": "id", "in": "path", "required": true, "schema": id}));
    }
    if route.path.ends_with("{field}") {
        let files = model.fields.iter().filter(|f| matches!(f.kind, FieldKind::File { .. }));
        let names: Vec<_> = files.map(|f| f.name.as_str()).collect();
        all.push(json!({"name": "field", "in": "path", "required": true, "schema": {"type": "string", "enum": names}}));
    }
    if is(route, &Method::GET, "") || is(route, &Method::GET, "/export") {
        all.extend(list(model));
    }
    if is(route, &Method::GET, "") || is(route, &Method::GET, "/{id}") {
        all.push(query("fields", "Columns wanted, separated by commas.", json!({"type": "string"})));
        all.push(query("expand", "References to expand: `city`, `city.region`.", json!({"type": "string"})));
    }
    if is(route, &Method::PATCH, "/{id}") || is(route, &Method::DELETE, "/{id}") {
        all.push(json!({"name": "If-Match", "in": "header", "schema": {"type": "string"},
            "description": "The record's ETag: refused with 412 if somebody changed it meanwhile."}));
    }
    Value::Array(all)
}

fn list(model: &Model) -> Vec<Value> {
    let mut all = vec![
        query(
            "sort",
            "Fields, separated by commas; `-` before one for descending.",
            json!({"type": "string"}),
        ),
        query(
            "limit",
            "Rows at most.",
            json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}),
        ),
        query("after", "`next` of the page before.", json!({"type": "string"})),
        query("count", "Also count all matching rows.", json!({"type": "boolean"})),
    ];
    if model.fields.iter().any(|f| f.search) {
        all.push(query("q", "Full-text search.", json!({"type": "string", "maxLength": 200})));
    }
    let operators =
        "Also with __ne, __lt, __lte, __gt, __gte, __contains, __startswith, __in (commas), __isnull.";
    for field in &model.fields {
        if !matches!(field.kind, FieldKind::Json | FieldKind::File { .. }) {
            all.push(query(field.name.as_str(), operators, json!({"type": "string"})));
        }
    }
    all
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}
