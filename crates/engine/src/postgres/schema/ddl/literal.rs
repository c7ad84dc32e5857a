//! Values as SQL literals, for column defaults and fills. Statements with callers' values bind parameters instead.

use super::statement;
use crate::{
    cell::{Storage, Stored, stored},
    error::Result,
    postgres::names::literal as literal_of,
    value::Value,
};
use rust_decimal::Decimal;

/// Returns a value as a literal of the column type of the storage.
///
/// # Errors
/// Returns `Statement` for a value that the column cannot hold, such as a text with a NUL character.
pub(crate) fn literal(storage: Storage, value: &Value) -> Result<String> {
    let found =
        stored(storage, value).map_err(|rule| statement(format!("a value for existing rows {rule}")))?;
    Ok(match (storage, found) {
        (_, Stored::Null) => "NULL".into(),
        (Storage::Boolean, Stored::Integer(value)) => (value != 0).to_string(),
        (Storage::Decimal(scale), Stored::Integer(value)) => {
            format!("'{}'::numeric", Decimal::from_i128_with_scale(value.into(), scale))
        }
        (_, Stored::Integer(value)) => format!("'{value}'::bigint"),
        (Storage::Date, Stored::Text(date)) => format!("'{}'::date", before_christ(&date)),
        (Storage::Datetime, Stored::Text(at)) => format!("'{}'::timestamptz", before_christ(&at)),
        (Storage::Uuid, Stored::Text(id)) => format!("'{id}'::uuid"),
        (Storage::Json, Stored::Text(json)) => format!("{}::json", literal_of(&json)),
        (_, Stored::Text(value)) => format!("{}::text", literal_of(&value)),
    })
}

/// Returns a date or an instant in PostgreSQL's format, in which year 0 is 1 BC.
fn before_christ(text: &str) -> String {
    match text.strip_prefix("0000-") {
        Some(rest) => format!("0001-{} BC", rest.replace('T', " ")),
        None => text.to_owned(),
    }
}
