//! The values of a tenant's own fields in documents.
//!
//! The field `custom` of a document is JSON text, which MongoDB cannot compare. So the document also has the values in
//! [`DOCUMENT`], one member for each field, in a form that MongoDB orders as lists do. Every write of the text writes
//! this field with it.

use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    mongo::cells::value_ref,
    schema::custom::{
        COLUMN, CustomColumn,
        documents::{BOOLEAN, DOCUMENT, INTEGER, SCALED},
    },
    value::Value,
};
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use serde_json::Value as Json;

/// Sets the comparable values of a document to those in its JSON text.
pub(in crate::mongo) fn add(document: &mut Document) {
    document.remove(DOCUMENT);
    let Ok(text) = document.get_str(COLUMN) else { return };
    let Ok(Json::Object(values)) = serde_json::from_str(text) else { return };
    let mut members = doc! {};
    for (name, value) in values {
        match value {
            Json::Bool(value) => drop(members.insert(format!("{name}{BOOLEAN}"), value)),
            Json::Number(number) => {
                if let Some(number) = number.as_i64() {
                    members.insert(format!("{name}{INTEGER}"), number);
                }
            }
            Json::String(text) => {
                if let Some(number) = scaled(&text) {
                    members.insert(format!("{name}{SCALED}"), number);
                }
                members.insert(name, text);
            }
            Json::Null | Json::Array(_) | Json::Object(_) => {}
        }
    }
    document.insert(DOCUMENT, members);
}

/// Returns a decimal without its point. A decimal is stored as a text with all its decimals, and a text field may hold
/// such a text too.
fn scaled(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) {
        return None;
    }
    text.replace('.', "").parse().ok()
}

/// Returns the value of a tenant's own field in a document, for the cursor of a list.
///
/// # Errors
/// Returns `Corrupt` if the value has another type than the field.
pub(super) fn value(custom: &CustomColumn, row: &RawDocument) -> Result<Value> {
    let damaged = |error| Error::with_source(Kind::Corrupt, "a document cannot be read", error);
    let members = match row.get(DOCUMENT).map_err(damaged)? {
        Some(RawBsonRef::Document(members)) => members,
        _ => return Ok(Value::Null),
    };
    let member = custom.path.split_once('.').map_or("", |(_, member)| member);
    let found = match members.get(member).map_err(damaged)? {
        None => return Ok(Value::Null),
        Some(found) => found,
    };
    let read = match (custom.column.storage, found) {
        (Storage::Datetime, RawBsonRef::String(text)) => text.parse().ok().map(Value::DateTime),
        (storage, found) => value_ref(storage, found).ok().map(Value::from),
    };
    read.ok_or_else(|| Error::new(Kind::Corrupt, "a custom field holds a value of another type"))
}

/// Returns the type of [`DOCUMENT`], for validators.
pub(in crate::mongo) fn schema() -> Bson {
    doc! { "bsonType": "object" }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_compared_without_its_point() {
        assert_eq!(scaled("12.50"), Some(1250));
        assert_eq!(scaled("-0.05"), Some(-5));
        assert_eq!(scaled("7"), Some(7));
        for text in ["", ".", "1.", "1e3", "12-3", "999999999999999999999", "twelve"] {
            assert_eq!(scaled(text), None, "{text}");
        }
    }

    #[test]
    fn the_comparable_values_follow_the_text() {
        let mut document = doc! { COLUMN: r#"{"floor":3,"lift":true,"price":"12.50","note":"a"}"# };
        add(&mut document);
        let expect = doc! {
            "floor:i": 3_i64, "lift:b": true, "price:d": 1250_i64, "price": "12.50", "note": "a",
        };
        assert_eq!(document.get_document(DOCUMENT).unwrap(), &expect);
        document.remove(COLUMN);
        add(&mut document);
        assert!(document.get(DOCUMENT).is_none());
    }
}
