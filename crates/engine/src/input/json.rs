//! Converts JSON to a value of the wanted type. Never coerces: `"1"` is not a number, and `1` is not a text.

use super::text;
use crate::{
    cell::{Rule, Storage},
    value::Value,
};
use serde_json::Value as Json;

/// Converts JSON without checking the rules of the field.
pub(super) fn parse(storage: Storage, json: &Json) -> Result<Value, Rule> {
    match (storage, json) {
        (_, Json::Null) => Ok(Value::Null),
        (Storage::Json, json) => Ok(Value::Json(json.clone())),
        (Storage::Text, Json::String(s)) => Ok(Value::Text(s.clone())),
        (Storage::Boolean, Json::Bool(b)) => Ok(Value::Boolean(*b)),
        (Storage::Integer, Json::Number(n)) => {
            n.as_i64().map(Value::Integer).ok_or_else(|| "must be a whole number of at most 64 bits".into())
        }
        // The shortest text of a float is what the client meant, as far as a float can express it.
        (Storage::Decimal(_), Json::Number(n)) => text::decimal(&n.to_string()),
        (Storage::Decimal(_), Json::String(s)) => text::decimal(s),
        (Storage::Date, Json::String(s)) => text::date(s),
        (Storage::Datetime, Json::String(s)) => text::datetime(s),
        (Storage::Uuid, Json::String(s)) => text::uuid(s),
        (storage, _) => Err(storage.wanted().into()),
    }
}
