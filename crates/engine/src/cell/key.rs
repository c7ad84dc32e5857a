//! Record ids in their stored form.

use crate::query::RecordId;

/// A record id in its stored form, without a heap allocation.
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

impl From<&RecordId> for Key {
    fn from(id: &RecordId) -> Self {
        match id {
            RecordId::Integer(id) => Self::Integer(*id),
            RecordId::Uuid(id) => Self::uuid(*id),
        }
    }
}
