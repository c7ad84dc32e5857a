//! Queries as data. There is no tenant field here: the session adds the confinement (`confined-query`).

use crate::{
    name::{FieldName, ModelName},
    value::Value,
};
use std::sync::Arc;

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordId {
    /// Integer key.
    Integer(i64),
    /// UUID key.
    Uuid(uuid::Uuid),
}

impl RecordId {
    /// Returns the id for JSON: a number, or a hyphenated text.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Integer(id) => (*id).into(),
            Self::Uuid(id) => id.to_string().into(),
        }
    }
}

/// Formats the id for a URL.
impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(id) => id.fmt(f),
            Self::Uuid(id) => id.fmt(f),
        }
    }
}

/// A condition on fields: declared ones or implicit columns (`id`, `created_at`, …).
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All conditions hold; true if empty.
    All(Vec<Filter>),
    /// At least one condition holds.
    Any(Vec<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
    /// Compares a field with a value.
    Compare(FieldName, Operator, Value),
    /// The field is one of the values.
    In(FieldName, Vec<Value>),
    /// The field is null (true) or is not null (false).
    Null(FieldName, bool),
    /// The condition holds for the row of the same store that the field refers to. If the field refers to no row, all
    /// fields of that row count as null.
    Through(FieldName, Box<Filter>),
}

impl Filter {
    /// Returns true if the condition holds for a row whose fields are all null.
    pub fn holds_of_nulls(&self) -> bool {
        match self {
            Self::All(list) => list.iter().all(Self::holds_of_nulls),
            Self::Any(list) => list.iter().any(Self::holds_of_nulls),
            Self::Not(inner) => !inner.holds_of_nulls(),
            Self::Compare(_, Operator::Eq, value) => *value == Value::Null,
            Self::Compare(_, Operator::Ne, value) => *value != Value::Null,
            Self::Compare(..) => false,
            Self::In(_, values) => values.contains(&Value::Null),
            Self::Null(_, null) => *null,
            Self::Through(_, inner) => inner.holds_of_nulls(),
        }
    }
}

/// Comparison operator.
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

/// A sort key: a field of the model, or of the row that references lead to. If they lead to no row, the key is null.
#[derive(Debug, Clone, PartialEq)]
pub struct SortBy {
    /// References of the same store to follow, in order; empty for a field of the model itself.
    pub via: Vec<FieldName>,
    /// The field.
    pub field: FieldName,
    /// Sort direction.
    pub direction: Direction,
    /// Ranks of the rows that the field refers to, for rows of another store. With them, the key is the rank instead of
    /// the id.
    pub ranks: Option<Arc<Ranks>>,
}

/// Returns the sort key of a field of the model itself.
impl From<(FieldName, Direction)> for SortBy {
    fn from((field, direction): (FieldName, Direction)) -> Self {
        Self { via: vec![], field, direction, ranks: None }
    }
}

/// Ranks of rows by their ids. A row that is missing here has the rank null.
pub type Ranks = Vec<(RecordId, i64)>;

/// A list query.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// The condition.
    pub filter: Filter,
    /// Full-text search over the model's search fields.
    pub search: Option<String>,
    /// Sort keys; the id is appended as the last key.
    pub sort: Vec<SortBy>,
    /// Maximum number of rows (1 to 1000).
    pub limit: u32,
    /// Continue after the row with these sort values, id last (keyset paging).
    pub after: Option<Vec<Value>>,
    /// Columns to return, in order; empty for all (id, fields, created_at, updated_at, version).
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

/// A query for groups of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The condition.
    pub filter: Filter,
    /// Full-text search over the model's search fields.
    pub search: Option<String>,
    /// Keys of the groups (at most 3). Without keys, all rows are one group.
    pub group_by: Vec<GroupKey>,
    /// Results to compute for each group, besides the number of its rows (at most 20).
    pub measures: Vec<Measure>,
    /// Order of the groups.
    pub order: GroupOrder,
    /// Maximum number of groups (1 to 1000).
    pub limit: u32,
    /// IANA name of the time zone in which instants belong to periods; `None`: UTC.
    pub time_zone: Option<String>,
}

impl Default for Aggregate {
    fn default() -> Self {
        Self {
            filter: Filter::All(vec![]),
            search: None,
            group_by: vec![],
            measures: vec![],
            order: GroupOrder::Keys,
            limit: 100,
            time_zone: None,
        }
    }
}

/// A key of a group: rows with equal keys are in the same group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKey {
    /// Field of the key. A JSON field cannot be a key.
    pub field: FieldName,
    /// Period of a date or an instant, which its first day represents.
    pub period: Option<Period>,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A calendar year.
    Year,
    /// Three months that begin with January, April, July or October.
    Quarter,
    /// A calendar month of one year.
    Month,
    /// A calendar day.
    Day,
}

/// A result to compute over a field of the rows of a group. Null values are skipped; if no others exist, the result is
/// null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Function that computes the result.
    pub function: Function,
    /// Field whose values the function takes.
    pub field: FieldName,
}

/// A function over the values of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The exact sum of integers or decimals.
    Sum,
    /// The mean of integers or decimals, rounded to four decimals more than the field has; halves are rounded away from
    /// zero.
    Average,
    /// The smallest number, date, instant or text.
    Min,
    /// The largest number, date, instant or text.
    Max,
}

/// Order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOrder {
    /// By their keys, nulls first.
    Keys,
    /// The groups with the most rows first, then by their keys.
    Largest,
}

/// The groups of an [`Aggregate`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    /// The groups, in order.
    pub groups: Vec<Group>,
    /// True if there are more groups than the limit.
    pub more: bool,
}

/// One group of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Values of the keys, in the order of [`Aggregate::group_by`].
    pub keys: Vec<Value>,
    /// Number of rows.
    pub count: u64,
    /// Results of the measures, in the order of [`Aggregate::measures`].
    pub measures: Vec<Value>,
}

/// One change to a row. All changes of one call are one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Inserts a row; with `id` None, the database assigns the id.
    Insert {
        /// Model.
        model: ModelName,
        /// Given id (import, restore), or None.
        id: Option<RecordId>,
        /// Checked values; absent fields get their default.
        values: Vec<(FieldName, Value)>,
    },
    /// Changes fields of a row.
    Update {
        /// Model.
        model: ModelName,
        /// Id of the row.
        id: RecordId,
        /// Fail with `Conflict` unless the row has this version.
        expected_version: Option<i64>,
        /// Checked values.
        values: Vec<(FieldName, Value)>,
    },
    /// Deletes a row. Fails with `Reference` while rows of the same store refer to it with `Protect`.
    Delete {
        /// Model.
        model: ModelName,
        /// Id of the row.
        id: RecordId,
        /// Fail with `Conflict` unless the row has this version.
        expected_version: Option<i64>,
    },
}
