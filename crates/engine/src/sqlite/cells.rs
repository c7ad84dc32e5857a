//! Conversions between stored values and SQLite's values.

use crate::cell::{Key, Raw, Stored};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(i) => ToSqlOutput::from(*i),
            Self::Text(t) => ToSqlOutput::Borrowed(ValueRef::Text(t)),
        })
    }
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(i) => ValueRef::Integer(*i),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
        }))
    }
}

/// Returns the stored value for a value that SQLite returned.
#[inline]
pub(crate) fn raw(value: ValueRef<'_>) -> Raw<'_> {
    match value {
        ValueRef::Null => Raw::Null,
        ValueRef::Integer(number) => Raw::Integer(number),
        ValueRef::Text(text) => Raw::Text(text),
        ValueRef::Real(_) | ValueRef::Blob(_) => Raw::Other,
    }
}

/// Returns SQLite's value for a stored value.
pub(crate) fn value_ref(value: Raw<'_>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Raw::Null | Raw::Other => ValueRef::Null,
        Raw::Integer(number) => ValueRef::Integer(number),
        Raw::Text(text) => ValueRef::Text(text),
    })
}
