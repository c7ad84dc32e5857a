//! Record ids in their stored form.

use super::Raw;
use crate::query::RecordId;
use std::fmt;

/// A record id in its stored form, without a heap allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// Returns the id for a stored value; `None` if the value cannot be an id.
    pub(crate) fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Integer(id) => Some(Self::Integer(id)),
            Raw::Text(text) => text.try_into().ok().map(Self::Text),
            Raw::Null | Raw::Other => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(id) => id.fmt(f),
            Self::Text(text) => String::from_utf8_lossy(text).fmt(f),
        }
    }
}

impl From<&RecordId> for Key {
    fn from(id: &RecordId) -> Self {
        match id {
            RecordId::Integer(id) => Self::Integer(*id),
            RecordId::Uuid(id) => Self::uuid(*id),
        }
    }
}
