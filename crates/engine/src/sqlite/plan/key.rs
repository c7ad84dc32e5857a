//! Record ids, ready to bind to a statement.

use rusqlite::types::{ToSql, ToSqlOutput};

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
            Self::Text(t) => ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Text(t)),
        })
    }
}
