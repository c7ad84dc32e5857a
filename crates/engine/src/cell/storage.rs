//! Storage of columns, which is the same in all databases.

use crate::model::{FieldKind, IdKind};

/// Storage of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// INTEGER.
    Integer,
    /// INTEGER 0 or 1.
    Boolean,
    /// INTEGER: the value times 10 to this power.
    Decimal(u32),
    /// TEXT. Also used for choices.
    Text,
    /// TEXT `YYYY-MM-DD`.
    Date,
    /// TEXT `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
    Datetime,
    /// TEXT of 36 characters.
    Uuid,
    /// TEXT with valid JSON. Also used for files.
    Json,
}

impl Storage {
    /// Returns the storage of a field. For a reference, `target` is the kind of id of the model that it refers to.
    pub(crate) fn of(kind: &FieldKind, target: IdKind) -> Self {
        match kind {
            FieldKind::Text { .. } | FieldKind::Choice { .. } => Self::Text,
            FieldKind::Integer { .. } => Self::Integer,
            FieldKind::Decimal { scale } => Self::Decimal(*scale),
            FieldKind::Boolean => Self::Boolean,
            FieldKind::Date => Self::Date,
            FieldKind::Datetime => Self::Datetime,
            FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => Self::Json,
            FieldKind::Ref { .. } => Self::of_id(target),
        }
    }

    /// Returns the storage of the ids of a model.
    pub(crate) fn of_id(id: IdKind) -> Self {
        match id {
            IdKind::Integer => Self::Integer,
            IdKind::Uuid => Self::Uuid,
        }
    }

    /// Returns true if the column holds integers; otherwise it holds text.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Boolean | Self::Decimal(_))
    }

    /// Describes the JSON that a column of this storage accepts.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Text => "must be a text",
            Self::Boolean => "must be true or false",
            Self::Integer => "must be a whole number",
            Self::Decimal(_) => "must be a decimal number, best as a text such as \"12.50\"",
            Self::Date => "must be a date such as \"2026-01-31\"",
            Self::Datetime => "must be an instant such as \"2026-01-31T09:30:00Z\"",
            Self::Uuid => "must be a UUID",
            Self::Json => "must be JSON",
        }
    }
}
