//! The stored form of values from databases whose columns have their own types.

use super::{Storage, Stored, exact, instant};
use crate::{
    error::{Error, Kind, Result},
    value::ValueRef,
};

/// Returns the stored form of a value that a database returned for a column of this storage.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if the value has no stored form, which means that a statement of another program wrote it.
pub(crate) fn form(storage: Storage, value: ValueRef<'_>) -> Result<Stored<'_>> {
    let damaged = |rule| Error::new(Kind::Corrupt, format!("a column of {storage:?}: {rule}"));
    Ok(match (storage, value) {
        (_, ValueRef::Null) => Stored::Null,
        (Storage::Decimal(scale), ValueRef::Decimal(number)) => {
            Stored::Integer(exact(number, scale).map_err(damaged)?)
        }
        (_, ValueRef::Integer(number)) => Stored::Integer(number),
        (_, ValueRef::Boolean(value)) => Stored::Integer(value.into()),
        (_, ValueRef::Text(text) | ValueRef::Plain(text) | ValueRef::Json(text)) => Stored::Text(text.into()),
        (_, ValueRef::Date(date)) => Stored::Text(date.to_string().into()),
        (_, ValueRef::Instant(at)) => Stored::Text(instant(at).map_err(damaged)?.into()),
        (_, ValueRef::Uuid(id)) => Stored::Text(id.hyphenated().to_string().into()),
        (_, ValueRef::Decimal(_)) => return Err(damaged("a decimal".into())),
    })
}
