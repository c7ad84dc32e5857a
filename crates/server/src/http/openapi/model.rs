//! Schemas of one model: for reading, creating and changing records.
//!
//! The builder of the document uses it. The shapes follow the engine's JSON: decimals are strings, and absent values
//! are null.

use super::reference;
use crate::http::query::FUNCTIONS;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tenantry::{
    model::{Field, FieldKind, IdKind, Model, custom},
    records::depends_on,
};

/// Adds the schemas `patients`, `patients_new`, `patients_change` and `patients_page` for a model `patients`.
pub(super) fn schemas(model: &Model, models: &[Arc<Model>], into: &mut Map<String, Value>) {
    let name = model.name.as_str();
    into.insert(name.into(), read(model, models));
    into.insert(format!("{name}_new"), new(model, models));
    into.insert(format!("{name}_change"), change(model, models));
    into.insert(format!("{name}_page"), page(name));
    if let Some(overrides) = &model.overrides {
        let own = |field: &&Field| overrides.fields.contains(&field.name);
        let properties = properties(model, model.fields.iter().filter(own), models);
        let mut schema = object_of(properties);
        into.insert(format!("{name}_own_values"), own_values(&schema));
        schema["minProperties"] = json!(1);
        into.insert(format!("{name}_override"), schema);
    }
}

/// Returns the schema of the shared values and the tenant's own values. Any field of the latter may be missing.
fn own_values(fields: &Value) -> Value {
    json!({"type": "object", "required": ["shared", "own"], "properties": {"shared": fields, "own": fields}})
}

fn read(model: &Model, models: &[Arc<Model>]) -> Value {
    let mut properties = Map::new();
    let columns = declared(model).map(|f| f.name.as_str());
    let columns = std::iter::once("id").chain(columns).chain(["created_at", "updated_at", "version"]);
    let required: Vec<_> = columns.collect();
    properties.insert("id".into(), id(model.id));
    for field in declared(model) {
        properties.insert(field.name.as_str().into(), property(model, field, models));
    }
    for at in ["created_at", "updated_at"] {
        properties.insert(at.into(), json!({"type": "string", "format": "date-time"}));
    }
    properties.insert("version".into(), json!({"type": "integer", "description": "The record's ETag."}));
    if model.overrides.as_ref().is_some_and(|overrides| overrides.add) {
        let text =
            "Inside a tenant: `own` is an entry that only this tenant has, `shared` one of the platform.";
        let origin = json!({"type": "string", "enum": ["own", "shared"], "description": text});
        properties.insert("origin".into(), origin);
    }
    if let Some(expanded) = expanded(model, models) {
        properties.insert("expand".into(), expanded);
    }
    let text = "All columns, or those that `fields` names.";
    json!({"type": "object", "title": model.label, "description": text, "required": required, "properties": properties})
}

fn new(model: &Model, models: &[Arc<Model>]) -> Value {
    let needed = declared(model).filter(|f| f.required && f.default.is_none() && !is_of_workflow(model, f));
    let mut required: Vec<_> = needed.map(|f| f.name.as_str()).collect();
    let mut schema = change(model, models);
    let needed: Vec<_> = own(model).filter(|f| f.required).filter_map(|f| f.name.of_custom()).collect();
    if !needed.is_empty() {
        required.push(custom::FIELD);
        schema["properties"][custom::FIELD]["type"] = json!("object");
        schema["properties"][custom::FIELD]["required"] = json!(needed);
    }
    for field in &model.fields {
        if let (Some(default), Some(property)) =
            (&field.default, schema["properties"].get_mut(field.name.as_str()))
        {
            property["default"] = default.clone();
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Returns the schema of a change. An empty change is allowed; the answer is the unchanged record.
fn change(model: &Model, models: &[Arc<Model>]) -> Value {
    let fields = declared(model).filter(|f| !matches!(f.kind, FieldKind::File { .. }));
    object_of(properties(model, fields.filter(|f| !is_of_workflow(model, f)), models))
}

/// Returns true for the state and the author of a record, which callers do not write.
fn is_of_workflow(model: &Model, field: &Field) -> bool {
    model.workflow.as_ref().is_some_and(|workflow| workflow.owns(&field.name))
}

/// Returns the fields that the app declares.
fn declared(model: &Model) -> impl Iterator<Item = &Field> {
    model.fields.iter().filter(|field| field.name.of_custom().is_none())
}

/// Returns the fields that the tenant has added.
fn own(model: &Model) -> impl Iterator<Item = &Field> {
    model.fields.iter().filter(|field| field.name.of_custom().is_some())
}

fn properties<'f>(
    model: &Model,
    fields: impl Iterator<Item = &'f Field>,
    models: &[Arc<Model>],
) -> Map<String, Value> {
    fields.map(|f| (f.name.as_str().to_owned(), property(model, f, models))).collect()
}

fn object_of(properties: Map<String, Value>) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// Returns the schema of an aggregate's answer.
pub(super) fn groups() -> Value {
    let by_field = |text: &str| json!({"type": "object", "description": text, "additionalProperties": true});
    let mut group = json!({
        "group": by_field("Values of the keys, by their names in `group_by`."),
        "count": {"type": "integer", "format": "int64", "description": "Number of records."},
    });
    for (name, _) in FUNCTIONS {
        group[name] = by_field("Results by field; null where no record has a value.");
    }
    json!({
        "type": "object",
        "required": ["groups", "more"],
        "properties": {
            "groups": {"type": "array", "items": {
                "type": "object",
                "required": ["group", "count"],
                "properties": group,
                "additionalProperties": false,
            }},
            "more": {"type": "boolean", "description": "There are more groups than `limit`."},
        },
        "additionalProperties": false,
    })
}

fn page(name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": reference(name)},
            "next": {"type": ["string", "null"], "description": "Send it as `after` for the next page."},
            "count": {"type": "integer", "description": "All matching rows, with `count=true`."},
        },
    })
}

/// Returns the schema of a record's id.
pub(super) fn id(kind: IdKind) -> Value {
    match kind {
        IdKind::Integer => json!({"type": "integer", "format": "int64", "minimum": 1}),
        IdKind::Uuid => json!({"type": "string", "format": "uuid"}),
    }
}

fn property(model: &Model, field: &Field, models: &[Arc<Model>]) -> Value {
    let mut schema = kind(&field.kind, models);
    let own: Map<_, _> = match field.kind {
        FieldKind::Custom => own(model)
            .filter_map(|f| Some((f.name.of_custom()?.to_owned(), property(model, f, models))))
            .collect(),
        _ => Map::new(),
    };
    if !own.is_empty() {
        schema["properties"] = own.into();
        schema["additionalProperties"] = false.into();
    }
    if field.required && matches!(field.kind, FieldKind::Text { .. }) {
        schema["minLength"] = json!(1);
    }
    if !field.required {
        nullable(&mut schema);
    }
    schema["title"] = json!(field.label);
    let depends = depends_on(model, models);
    let depends = depends.iter().filter(|rule| rule.field == field.name);
    let depends: Vec<_> =
        depends.map(|rule| json!({"field": rule.with.as_str(), "filter": rule.through.as_str()})).collect();
    if !depends.is_empty() {
        schema["x-depends-on"] = json!(depends);
    }
    schema
}

fn kind(kind: &FieldKind, models: &[Arc<Model>]) -> Value {
    match kind {
        FieldKind::Text { max_length: Some(max) } => json!({"type": "string", "maxLength": max}),
        FieldKind::Text { max_length: None } => json!({"type": "string"}),
        FieldKind::Integer { min, max } => integer(*min, *max),
        FieldKind::Decimal { scale } => {
            json!({"type": "string", "format": "decimal", "description": format!("Exact, at most {scale} decimals.")})
        }
        FieldKind::Boolean => json!({"type": "boolean"}),
        FieldKind::Date => json!({"type": "string", "format": "date"}),
        FieldKind::Datetime => json!({"type": "string", "format": "date-time"}),
        FieldKind::Json => json!({"description": "Any JSON."}),
        FieldKind::Custom => values_of_own_fields(),
        FieldKind::File { .. } => reference("File"),
        FieldKind::Choice { choices } => json!({"type": "string", "enum": choices}),
        FieldKind::Ref { to, .. } => referred(to.as_str(), models),
    }
}

/// Returns the schema of the values of own fields, whose names are those that the caller's tenant has added.
fn values_of_own_fields() -> Value {
    let text = "Values of the fields that the tenant has added. A change keeps the values that it does not name; null removes one.";
    json!({"type": "object", "description": text, "additionalProperties": true})
}

fn integer(min: Option<i64>, max: Option<i64>) -> Value {
    let mut schema = json!({"type": "integer", "format": "int64"});
    for (name, bound) in [("minimum", min), ("maximum", max)] {
        if let Some(bound) = bound {
            schema[name] = json!(bound);
        }
    }
    schema
}

/// Returns the schema of the value of a file field.
pub(super) fn file() -> Value {
    let text = || json!({"type": "string"});
    json!({
        "type": "object",
        "required": ["name", "type", "size", "sha256"],
        "properties": {
            "id": text(), "name": text(), "type": text(), "size": {"type": "integer"}, "sha256": text(),
        },
    })
}

/// Returns the schema of the key of a row of `to`.
fn referred(to: &str, models: &[Arc<Model>]) -> Value {
    let target = models.iter().find(|m| m.name.as_str() == to);
    let mut key = id(target.map_or(IdKind::Integer, |m| m.id));
    key["description"] = json!(format!("Key of a row of {to}."));
    key
}

/// Returns the schema of referenced rows, for `expand`.
fn expanded(model: &Model, models: &[Arc<Model>]) -> Option<Value> {
    let rows = model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Ref { to, .. } if models.iter().any(|m| m.name == *to) => {
            let row = json!({"anyOf": [reference(to.as_str()), {"type": "null"}]});
            Some((field.name.as_str().to_owned(), row))
        }
        _ => None,
    });
    let rows: Map<_, _> = rows.collect();
    let text = "Rows referred to, where `expand` asked for them.";
    (!rows.is_empty()).then(|| json!({"type": "object", "description": text, "properties": rows}))
}

fn nullable(schema: &mut Value) {
    if let Some(kind) = schema.get("type").and_then(Value::as_str).map(str::to_owned) {
        schema["type"] = json!([kind, "null"]);
        // Indexing with `schema["enum"]` would insert a null if there is no such member.
        if let Some(choices) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            choices.push(Value::Null);
        }
    } else if let Some(target) = schema.get("$ref").cloned() {
        *schema = json!({"anyOf": [{"$ref": target}, {"type": "null"}]});
    }
    // The other kinds accept any JSON, including null.
}
