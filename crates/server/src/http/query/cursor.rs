//! Opaque page cursors: base64url of JSON, `[binding, value, value, …, id]`.
//!
//! Used by the list routes. A cursor contains only values of the last row that the caller has seen. They are parsed as
//! typed values when it comes back, so a cursor needs no signature. The binding rejects a cursor of another model or
//! sort order.

use super::{
    path::{Column, Models, sorted_by},
    text::{self, Kind},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value as Json;
use tenantry::{
    model::Model,
    query::{Direction, SortBy},
    value::Value,
};

type Sort = [SortBy];

/// Largest length of a cursor, bytes. The stored values limit the length of the sort values.
const MAX_LENGTH: usize = 16 * 1024;

/// Returns the cursor that continues after a row with these sort values (id last).
pub fn seal(model: &Model, sort: &Sort, values: &[Value]) -> String {
    let mut parts = Vec::with_capacity(values.len() + 1);
    parts.push(Json::from(binding(model, sort)));
    parts.extend(values.iter().map(json));
    URL_SAFE_NO_PAD.encode(Json::Array(parts).to_string())
}

/// Returns the values of a cursor; `None` if it is not a cursor of this model and sort.
pub(super) fn open(models: &dyn Models, sort: &Sort, cursor: &str) -> Option<Vec<Value>> {
    if cursor.len() > MAX_LENGTH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let parts: Vec<Json> = serde_json::from_slice(&bytes).ok()?;
    let (bound, values) = parts.split_first()?;
    let kinds = kinds(models, sort)?;
    if bound.as_u64()? != binding(models.listed(), sort) || values.len() != kinds.len() {
        return None;
    }
    values.iter().zip(kinds).map(|(value, kind)| typed(kind, value)).collect()
}

/// Returns the kinds of the sort keys, then of the id unless the id is a sort key.
fn kinds(models: &dyn Models, sort: &Sort) -> Option<Vec<Kind>> {
    let id_is_key = sort.iter().any(is_id);
    let paths = sort.iter().map(sorted_by).chain((!id_is_key).then(|| "id".to_owned()));
    paths.map(|path| Column::of(models, &path).ok().map(|column| column.kind)).collect()
}

/// Returns true for the id of the listed records.
pub(super) fn is_id(by: &SortBy) -> bool {
    by.via.is_empty() && by.field.as_str() == "id"
}

/// Hashes model and sort order with FNV-1a, to detect honest mistakes; the hash protects nothing. It has 53 bits, which
/// are exact in JSON.
fn binding(model: &Model, sort: &Sort) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    eat(model.name.as_str());
    for by in sort {
        eat(&sorted_by(by));
        eat(if by.direction == Direction::Descending { "-" } else { "+" });
    }
    hash >> 11
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(v) => Json::from(*v),
        Value::Integer(v) => Json::from(*v),
        Value::Decimal(v) => Json::from(v.to_string()),
        Value::Text(v) => Json::from(v.as_str()),
        Value::Date(v) => Json::from(v.to_string()),
        Value::DateTime(v) => Json::from(v.to_string()),
        Value::Uuid(v) => Json::from(v.to_string()),
        Value::Json(v) => v.clone(),
    }
}

fn typed(kind: Kind, value: &Json) -> Option<Value> {
    match (kind, value) {
        (_, Json::Null) => Some(Value::Null),
        (Kind::Integer | Kind::Reference, Json::Number(v)) => v.as_i64().map(Value::Integer),
        (Kind::Boolean, Json::Bool(v)) => Some(Value::Boolean(*v)),
        (Kind::Integer | Kind::Boolean, _) => None,
        (_, Json::String(v)) => text::parse(kind, v).ok(),
        _ => None,
    }
}
