//! Field values, independent of the database that stores them.

use rust_decimal::Decimal;
use uuid::Uuid;

/// An owned value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// True or false.
    Boolean(bool),
    /// 64-bit signed integer.
    Integer(i64),
    /// Exact decimal; the field's scale determines how many decimals are stored.
    Decimal(Decimal),
    /// UTF-8 text. Also used for choices.
    Text(String),
    /// Calendar date.
    Date(jiff::civil::Date),
    /// Instant in UTC, to the microsecond.
    DateTime(jiff::Timestamp),
    /// UUID. It has version 7 if it was generated here.
    Uuid(Uuid),
    /// Any JSON value. Also used for the description of a file.
    Json(serde_json::Value),
}

/// A value borrowed from a row while it is visited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// Null.
    Null,
    /// True or false.
    Boolean(bool),
    /// 64-bit signed integer.
    Integer(i64),
    /// Exact decimal.
    Decimal(Decimal),
    /// Text that needs JSON escaping.
    Text(&'a str),
    /// Text of a date, instant or UUID in canonical form, which needs no escaping.
    Plain(&'a str),
    /// Calendar date, from a database that has such a type.
    Date(jiff::civil::Date),
    /// Instant, from a database that has such a type.
    Instant(jiff::Timestamp),
    /// UUID, from a database that has such a type.
    Uuid(Uuid),
    /// JSON text that is already valid.
    Json(&'a str),
}

impl ValueRef<'_> {
    /// Returns the approximate heap bytes of an owned copy, in addition to the value itself.
    pub fn heap_bytes(&self) -> usize {
        /// A tree of small values takes this many times the bytes of its text.
        const TREE: usize = 16;
        match self {
            Self::Text(text) => text.len(),
            Self::Json(text) => text.len().saturating_mul(TREE),
            _ => 0,
        }
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.into())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Integer(v)
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Boolean(v)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

impl From<ValueRef<'_>> for Value {
    /// Makes an owned copy. The length of canonical text determines its type: date 10, instant 27, UUID 36.
    fn from(v: ValueRef<'_>) -> Self {
        match v {
            ValueRef::Null => Self::Null,
            ValueRef::Boolean(b) => Self::Boolean(b),
            ValueRef::Integer(i) => Self::Integer(i),
            ValueRef::Decimal(d) => Self::Decimal(d),
            ValueRef::Text(t) => Self::Text(t.into()),
            ValueRef::Plain(t) => plain(t).unwrap_or_else(|| Self::Text(t.into())),
            ValueRef::Date(d) => Self::Date(d),
            ValueRef::Instant(t) => Self::DateTime(t),
            ValueRef::Uuid(u) => Self::Uuid(u),
            ValueRef::Json(t) => serde_json::from_str(t).map_or_else(|_| Self::Text(t.into()), Self::Json),
        }
    }
}

fn plain(text: &str) -> Option<Value> {
    match text.len() {
        10 => text.parse().ok().map(Value::Date),
        36 => text.parse().ok().map(Value::Uuid),
        _ => text.parse().ok().map(Value::DateTime),
    }
}
