//! Record ids and stored values, ready to bind to a statement.

use crate::cell::Stored;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

/// A record id, ready to bind without a heap allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    Integer(i64),
    Text([u8; 36]),
}

impl Key {
    pub(crate) fn uuid(id: uuid::Uuid) -> Self {
        let mut text = [0; 36];
        id.hyphenated().encode_lower(&mut text);
        Self::Text(text)
    }
}

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
