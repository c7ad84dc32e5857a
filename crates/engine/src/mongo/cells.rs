//! Converts values to BSON and back.
//!
//! Integers, decimals (multiplied by ten to the power of their scale) and instants (in microseconds) are stored as
//! 64-bit integers, because MongoDB's dates have only milliseconds and sums of its decimals are slower. Texts, dates,
//! UUIDs and JSON are stored as strings, which are ordered by their bytes. A null field is left out of the document.

use crate::{
    cell::{self, Key, Raw, Storage, Stored},
    error::{Error, Kind, Result},
    value::ValueRef,
};
use mongodb::bson::{Bson, RawBsonRef, doc};

/// Returns the name of the BSON type of a storage, for validators.
pub(super) fn type_name(storage: Storage) -> &'static str {
    match storage {
        Storage::Boolean => "bool",
        Storage::Integer | Storage::Decimal(_) | Storage::Datetime => "long",
        Storage::Text | Storage::Date | Storage::Uuid | Storage::Json => "string",
    }
}

/// Returns a stored value in the form that it has in documents.
///
/// # Errors
/// Returns [`Kind::Internal`] if the text of an instant cannot be parsed.
pub(super) fn bson(storage: Storage, value: &Stored<'_>) -> Result<Bson> {
    Ok(match (storage, value) {
        (_, Stored::Null) => Bson::Null,
        (Storage::Boolean, Stored::Integer(number)) => Bson::Boolean(*number != 0),
        (Storage::Datetime, Stored::Text(text)) => Bson::Int64(micros(text)?),
        (_, Stored::Integer(number)) => Bson::Int64(*number),
        (_, Stored::Text(text)) => Bson::String(text.to_string()),
    })
}

/// Parses the stored form of an instant and returns its microseconds.
fn micros(text: &str) -> Result<i64> {
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|error| Error::with_source(Kind::Internal, format!("{text} is no instant"), error))?;
    Ok(at.as_microsecond())
}

/// Returns an id in the form in which references store it: without the tenant.
pub(super) fn key(key: Key) -> Bson {
    match key {
        Key::Integer(id) => Bson::Int64(id),
        Key::Text(text) => Bson::String(String::from_utf8_lossy(&text).into_owned()),
    }
}

/// Returns the `_id` of a document. In a pool it also contains the tenant, because ids are unique only within a tenant.
pub(super) fn id(tenant: Option<i64>, id: Bson) -> Bson {
    match tenant {
        Some(tenant) => Bson::Document(doc! { "t": tenant, "i": id }),
        None => id,
    }
}

/// Returns the id in the `_id` of a document, without the tenant.
fn bare(id: RawBsonRef<'_>) -> RawBsonRef<'_> {
    match id {
        RawBsonRef::Document(pair) => pair.get("i").ok().flatten().unwrap_or(RawBsonRef::Undefined),
        id => id,
    }
}

/// Returns the value of a field of this storage.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if the value has another type.
#[inline]
pub(super) fn value_ref(storage: Storage, value: RawBsonRef<'_>) -> Result<ValueRef<'_>> {
    let found = match (storage, bare(value)) {
        (_, RawBsonRef::Null) => Some(ValueRef::Null),
        (Storage::Boolean, RawBsonRef::Boolean(value)) => Some(ValueRef::Boolean(value)),
        (Storage::Datetime, RawBsonRef::Int64(micros)) => {
            jiff::Timestamp::from_microsecond(micros).ok().map(ValueRef::Instant)
        }
        (storage, RawBsonRef::Int64(number)) if storage.is_number() => {
            cell::value(storage, Raw::Integer(number)).filter(|_| storage != Storage::Boolean)
        }
        (storage, RawBsonRef::String(text)) => cell::value(storage, Raw::Text(text.as_bytes())),
        _ => None,
    };
    found.ok_or_else(|| Error::new(Kind::Corrupt, format!("a field of {storage:?} holds {value:?}")))
}

/// Returns a number of any numeric type as an integer, because other programs may write shorter types.
pub(super) fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some((*number).into()),
        Bson::Int64(number) => Some(*number),
        #[allow(clippy::cast_possible_truncation, reason = "counts of the server are small")]
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}
