//! Values of statements on records, ready to bind.

use crate::{
    cell::{Key, Storage, Stored},
    postgres::{
        cells::{Native, parameter_type},
        connections::Param,
    },
};
use std::error::Error as StdError;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

/// A value with its type.
#[derive(Debug, Clone)]
pub(crate) enum Bound<'v> {
    Stored(Storage, Stored<'v>),
    Borrowed(Storage, &'v Stored<'v>),
    /// Values of one column, bound as an array.
    Many(Storage, Vec<Stored<'static>>),
    /// Values of one column of several rows, bound as an array.
    Column(Storage, Vec<&'v Stored<'v>>),
    Key(Key),
    Keys(Type, Vec<Key>),
    Integer(Option<i64>),
    Integers(Vec<i64>),
    Text(String),
    Texts(Vec<Option<String>>),
    Instant(jiff::Timestamp),
}

impl Bound<'_> {
    /// Returns the parameter: a reference to the value and its type.
    pub(crate) fn param(&self) -> Param<'_> {
        (self, self.kind())
    }

    fn kind(&self) -> Type {
        match self {
            Self::Stored(storage, _) | Self::Borrowed(storage, _) => parameter_type(*storage),
            Self::Many(storage, _) | Self::Column(storage, _) => array_of(&parameter_type(*storage)),
            Self::Key(key) => key_type(key),
            Self::Keys(element, _) => array_of(element),
            Self::Integer(_) => Type::INT8,
            Self::Integers(_) => Type::INT8_ARRAY,
            Self::Text(_) => Type::TEXT,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::Instant(_) => Type::TIMESTAMPTZ,
        }
    }
}

fn key_type(key: &Key) -> Type {
    match key {
        Key::Integer(_) => Type::INT8,
        Key::Text(_) => Type::UUID,
    }
}

/// Returns the ids as an array of the type that a model's ids have.
pub(crate) fn keys(storage: Storage, keys: Vec<Key>) -> Bound<'static> {
    Bound::Keys(parameter_type(storage), keys)
}

fn array_of(element: &Type) -> Type {
    match *element {
        Type::BOOL => Type::BOOL_ARRAY,
        Type::NUMERIC => Type::NUMERIC_ARRAY,
        Type::DATE => Type::DATE_ARRAY,
        Type::TIMESTAMPTZ => Type::TIMESTAMPTZ_ARRAY,
        Type::UUID => Type::UUID_ARRAY,
        Type::JSON => Type::JSON_ARRAY,
        Type::TEXT => Type::TEXT_ARRAY,
        _ => Type::INT8_ARRAY,
    }
}

/// An id as an element of an array.
#[derive(Debug)]
struct Element(Key);

impl ToSql for Element {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match &self.0 {
            Key::Integer(id) => id.to_sql(kind, out),
            Key::Text(text) => uuid::Uuid::try_parse_ascii(text)?.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Stored(storage, value) => Native(*storage, value).to_sql(kind, out),
            Self::Borrowed(storage, value) => Native(*storage, value).to_sql(kind, out),
            Self::Many(storage, values) => {
                let values: Vec<_> = values.iter().map(|value| Native(*storage, value)).collect();
                values.to_sql(kind, out)
            }
            Self::Column(storage, values) => {
                let values: Vec<_> = values.iter().map(|value| Native(*storage, value)).collect();
                values.to_sql(kind, out)
            }
            Self::Key(key) => Element(*key).to_sql(kind, out),
            Self::Keys(_, keys) => keys.iter().copied().map(Element).collect::<Vec<_>>().to_sql(kind, out),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Integers(numbers) => numbers.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
            Self::Instant(at) => at.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
