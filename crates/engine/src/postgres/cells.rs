//! Conversions between values and PostgreSQL's values. A column has the database's own type for its values, so that a
//! user's own SQL reads dates as dates. Other databases and copies contain the stored form of [`crate::cell`].
//!
//! The type for JSON is `json`, not `jsonb`, which would reorder keys and change numbers.

use crate::{
    cell::{Storage, Stored},
    error::{Error, Kind, Result},
    value::ValueRef,
};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use std::error::Error as StdError;
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, accepts, private::BytesMut, to_sql_checked},
};
use uuid::Uuid;

/// Returns the name of the column type for a storage.
pub(crate) fn column_type(storage: Storage) -> String {
    match storage {
        Storage::Integer => "bigint".into(),
        Storage::Boolean => "boolean".into(),
        Storage::Decimal(scale) => format!("numeric(18, {scale})"),
        Storage::Text => "text COLLATE \"C\"".into(),
        Storage::Date => "date".into(),
        Storage::Datetime => "timestamptz".into(),
        Storage::Uuid => "uuid".into(),
        Storage::Json => "json".into(),
    }
}

/// Returns the parameter type for a storage.
pub(crate) fn parameter_type(storage: Storage) -> Type {
    match storage {
        Storage::Integer => Type::INT8,
        Storage::Boolean => Type::BOOL,
        Storage::Decimal(_) => Type::NUMERIC,
        Storage::Text => Type::TEXT,
        Storage::Date => Type::DATE,
        Storage::Datetime => Type::TIMESTAMPTZ,
        Storage::Uuid => Type::UUID,
        Storage::Json => Type::JSON,
    }
}

/// A stored value with its storage, ready to be bound as a parameter of [`parameter_type`].
#[derive(Debug)]
pub(crate) struct Native<'v>(pub(crate) Storage, pub(crate) &'v Stored<'v>);

impl ToSql for Native<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self.0, self.1) {
            (_, Stored::Null) => Ok(IsNull::Yes),
            (Storage::Integer, Stored::Integer(number)) => number.to_sql(kind, out),
            (Storage::Boolean, Stored::Integer(number)) => (*number != 0).to_sql(kind, out),
            (Storage::Decimal(scale), Stored::Integer(number)) => {
                Decimal::from_i128_with_scale((*number).into(), scale).to_sql(kind, out)
            }
            (Storage::Text, Stored::Text(text)) => text.to_sql(kind, out),
            (Storage::Date, Stored::Text(text)) => text.parse::<Date>()?.to_sql(kind, out),
            (Storage::Datetime, Stored::Text(text)) => text.parse::<Timestamp>()?.to_sql(kind, out),
            (Storage::Uuid, Stored::Text(text)) => text.parse::<Uuid>()?.to_sql(kind, out),
            (Storage::Json, Stored::Text(text)) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (storage, value) => Err(format!("{value:?} in a column of {storage:?}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The text of a `json` column.
pub(crate) struct Json<'r>(pub(crate) &'r str);

impl<'r> FromSql<'r> for Json<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    accepts!(JSON);
}

/// Returns the value of a column.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if the column has another type than its storage.
pub(crate) fn value_ref(row: &Row, index: usize, storage: Storage) -> Result<ValueRef<'_>> {
    fn read<'r, T: FromSql<'r>>(
        row: &'r Row,
        index: usize,
        into: impl FnOnce(T) -> ValueRef<'r>,
    ) -> Result<ValueRef<'r>> {
        match row.try_get::<_, Option<T>>(index) {
            Ok(found) => Ok(found.map_or(ValueRef::Null, into)),
            Err(error) => {
                Err(Error::with_source(Kind::Corrupt, "a column holds what its type does not allow", error))
            }
        }
    }
    match storage {
        Storage::Integer => read(row, index, ValueRef::Integer).or_else(|error| {
            // Tables of other programs have smaller integers.
            read(row, index, |number: i32| ValueRef::Integer(number.into()))
                .or_else(|_| read(row, index, |number: i16| ValueRef::Integer(number.into())))
                .map_err(|_| error)
        }),
        Storage::Boolean => read(row, index, ValueRef::Boolean),
        Storage::Decimal(_) => read(row, index, ValueRef::Decimal),
        Storage::Text => read(row, index, ValueRef::Text),
        Storage::Date => read(row, index, ValueRef::Date),
        Storage::Datetime => read(row, index, ValueRef::Instant),
        Storage::Uuid => read(row, index, ValueRef::Uuid),
        Storage::Json => read(row, index, |json: Json<'_>| ValueRef::Json(json.0)),
    }
}
