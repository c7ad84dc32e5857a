//! Queries as data. There is no tenant field here: the session adds confinement (`confined-query`).

use crate::{
    name::{FieldName, ModelName},
    value::Value,
};

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordId {
    /// Integer key.
    Integer(i64),
    /// UUID key.
    Uuid(uuid::Uuid),
}

impl RecordId {
    /// As it stands in JSON: a number, or a hyphenated text.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Integer(id) => (*id).into(),
            Self::Uuid(id) => id.to_string().into(),
        }
    }
}

/// As it stands in a URL.
impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(id) => id.fmt(f),
            Self::Uuid(id) => id.fmt(f),
        }
    }
}

/// A condition. Field names may be declared fields or implicit columns (`id`, `created_at`, …).
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every one holds; empty holds always.
    All(Vec<Filter>),
    /// At least one holds.
    Any(Vec<Filter>),
    /// Does not hold.
    Not(Box<Filter>),
    /// Field against a value.
    Compare(FieldName, Operator, Value),
    /// Field is one of.
    In(FieldName, Vec<Value>),
    /// Field is (true) or is not (false) null.
    Null(FieldName, bool),
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Text contains, ASCII case-insensitive.
    Contains,
    /// Text starts with, ASCII case-insensitive.
    StartsWith,
}

/// Sort direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first, nulls first.
    Ascending,
    /// Largest first, nulls last.
    Descending,
}

/// A list query.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// Condition.
    pub filter: Filter,
    /// Full-text search over the model's search fields.
    pub search: Option<String>,
    /// Sort keys; the id is appended as the last key.
    pub sort: Vec<(FieldName, Direction)>,
    /// Rows at most (1 to 1000).
    pub limit: u32,
    /// Continue after the row whose sort values these are, id last (keyset paging).
    pub after: Option<Vec<Value>>,
    /// Columns wanted, in order; empty is all (id, fields, created_at, updated_at, version).
    pub fields: Vec<FieldName>,
}

impl Default for Select {
    fn default() -> Self {
        Self {
            filter: Filter::All(vec![]),
            search: None,
            sort: vec![],
            limit: 20,
            after: None,
            fields: vec![],
        }
    }
}

/// One change. All changes of one call are one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// New row; `id` None lets the database number it.
    Insert {
        /// Model.
        model: ModelName,
        /// Given key (import, restore) or none.
        id: Option<RecordId>,
        /// Checked values; absent fields take their default.
        values: Vec<(FieldName, Value)>,
    },
    /// Changed fields of a row.
    Update {
        /// Model.
        model: ModelName,
        /// Which row.
        id: RecordId,
        /// Refuse with `Conflict` unless the row has this version.
        expected_version: Option<i64>,
        /// Checked values.
        values: Vec<(FieldName, Value)>,
    },
    /// Row gone; refused with `Reference` while rows of the same store refer to it with `Protect`.
    Delete {
        /// Model.
        model: ModelName,
        /// Which row.
        id: RecordId,
        /// Refuse with `Conflict` unless the row has this version.
        expected_version: Option<i64>,
    },
}
