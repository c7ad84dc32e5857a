//! The stored form of a value, which is the same in every database: null, an integer, or text.

mod form;
mod key;
mod storage;

pub(crate) use form::form;
pub(crate) use key::Key;
pub use storage::Storage;

use crate::value::{Value, ValueRef};
use rust_decimal::Decimal;
use std::borrow::Cow;

/// The rule that a value breaks, as a message for users.
pub(crate) type Rule = Cow<'static, str>;

/// A value that is ready to be bound. Borrows text if possible.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored<'v> {
    Null,
    Integer(i64),
    Text(Cow<'v, str>),
}

impl Stored<'_> {
    /// Returns the value without borrowed text.
    pub(crate) fn into_owned(self) -> Stored<'static> {
        match self {
            Self::Null => Stored::Null,
            Self::Integer(i) => Stored::Integer(i),
            Self::Text(t) => Stored::Text(Cow::Owned(t.into_owned())),
        }
    }

    /// Returns the value as an element of a JSON array, which SQLite unpacks with `json_each`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Integer(i) => (*i).into(),
            Self::Text(t) => t.as_ref().into(),
        }
    }
}

/// Returns the stored form of a value for a column of this storage, or the rule that the value breaks.
pub(crate) fn stored(storage: Storage, value: &Value) -> Result<Stored<'_>, Rule> {
    Ok(match (storage, value) {
        (_, Value::Null) => Stored::Null,
        (Storage::Integer, Value::Integer(i)) => Stored::Integer(*i),
        (Storage::Boolean, Value::Boolean(b)) => Stored::Integer((*b).into()),
        (Storage::Decimal(scale), Value::Decimal(d)) => Stored::Integer(exact(*d, scale)?),
        (Storage::Decimal(scale), Value::Integer(i)) => Stored::Integer(exact(Decimal::from(*i), scale)?),
        (Storage::Text, Value::Text(t)) if t.contains('\0') => {
            return Err("must not contain a NUL character".into());
        }
        (Storage::Text, Value::Text(t)) => Stored::Text(t.as_str().into()),
        // A key of a UUID model that is stored as plain text, as in override models.
        (Storage::Text, Value::Uuid(u)) => Stored::Text(u.hyphenated().to_string().into()),
        (Storage::Date, Value::Date(d)) if d.year() >= 0 => Stored::Text(d.to_string().into()),
        (Storage::Datetime, Value::DateTime(t)) => Stored::Text(instant(*t)?.into()),
        (Storage::Uuid, Value::Uuid(u)) => Stored::Text(u.hyphenated().to_string().into()),
        (Storage::Json, Value::Json(j)) => Stored::Text(j.to_string().into()),
        (storage, _) => return Err(storage.wanted().into()),
    })
}

/// Rule for instants that cannot be stored.
pub(crate) const YEARS: &str = "must be from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z";

/// Formats an instant in UTC with fixed width, to the microsecond, so that the order of texts is the order of time.
pub(crate) fn instant(at: jiff::Timestamp) -> Result<String, Rule> {
    let text = format!("{:.6}", jiff::Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at));
    if text.len() == 27 { Ok(text) } else { Err(YEARS.into()) }
}

/// Returns the decimal as the stored integer: value × 10^scale.
pub(crate) fn exact(value: Decimal, scale: u32) -> Result<i64, Rule> {
    match scaled(value, scale) {
        (_, false) => Err(format!("must have at most {scale} decimals").into()),
        (whole, true) if whole.unsigned_abs() < 10_u64.pow(18) => Ok(whole),
        _ => Err("must have at most 18 digits".into()),
    }
}

/// Returns the largest integer not above value × 10^scale, clamped to 64 bits, and whether it is exact.
pub(crate) fn scaled(value: Decimal, scale: u32) -> (i64, bool) {
    let value = value.normalize();
    let clamp = |v: i128| i64::try_from(v).unwrap_or(if v < 0 { i64::MIN } else { i64::MAX });
    if value.scale() <= scale {
        // A mantissa has at most 96 bits and the factor is at most 10^28, so the product may overflow: clamp it.
        let factor = 10_i128.pow(scale - value.scale());
        let product = value.mantissa().checked_mul(factor);
        return (
            clamp(product.unwrap_or(if value.is_sign_negative() { i128::MIN } else { i128::MAX })),
            true,
        );
    }
    let divisor = 10_i128.pow(value.scale() - scale);
    (clamp(value.mantissa().div_euclid(divisor)), false)
}

/// A stored value as a database returns it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Raw<'r> {
    Null,
    Integer(i64),
    Text(&'r [u8]),
    /// A value that cannot be in one of our columns.
    Other,
}

/// Bytes that limits count for a number.
pub(crate) const NUMBER_BYTES: i64 = 8;
/// Bytes that limits count for a date, which is text in its stored form.
pub(crate) const DATE_BYTES: i64 = 10;
/// Bytes that limits count for an instant, which is text in its stored form.
pub(crate) const INSTANT_BYTES: i64 = 27;
/// Bytes that limits count for a UUID, which is text in its stored form.
pub(crate) const UUID_BYTES: i64 = 36;

/// Returns the bytes that limits count for a text.
pub(crate) fn text_bytes(text: &[u8]) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

impl Raw<'_> {
    /// Returns the bytes that limits count for the value. Null counts as 0.
    pub(crate) fn bytes(self) -> i64 {
        match self {
            Self::Null | Self::Other => 0,
            Self::Integer(_) => NUMBER_BYTES,
            Self::Text(text) => text_bytes(text),
        }
    }
}

impl ValueRef<'_> {
    /// Returns the bytes that limits count for the value, which are those of its stored form.
    pub(crate) fn bytes(&self) -> i64 {
        match self {
            Self::Null => 0,
            Self::Boolean(_) | Self::Integer(_) | Self::Decimal(_) => NUMBER_BYTES,
            Self::Text(text) | Self::Plain(text) | Self::Json(text) => text_bytes(text.as_bytes()),
            Self::Date(_) => DATE_BYTES,
            Self::Instant(_) => INSTANT_BYTES,
            Self::Uuid(_) => UUID_BYTES,
        }
    }
}

impl Key {
    /// Returns the bytes that limits count for the id.
    pub(crate) fn bytes(self) -> i64 {
        match self {
            Self::Integer(_) => NUMBER_BYTES,
            Self::Text(text) => text_bytes(&text),
        }
    }
}

/// Returns the typed value of a raw value; `None` if the storage does not allow it.
#[inline]
pub(crate) fn value(storage: Storage, raw: Raw<'_>) -> Option<ValueRef<'_>> {
    Some(match (storage, raw) {
        (_, Raw::Null) => ValueRef::Null,
        (Storage::Integer, Raw::Integer(i)) => ValueRef::Integer(i),
        (Storage::Boolean, Raw::Integer(i)) => ValueRef::Boolean(i != 0),
        (Storage::Decimal(scale), Raw::Integer(i)) => ValueRef::Decimal(Decimal::new(i, scale)),
        (Storage::Text, Raw::Text(t)) => ValueRef::Text(std::str::from_utf8(t).ok()?),
        (Storage::Json, Raw::Text(t)) => ValueRef::Json(std::str::from_utf8(t).ok()?),
        (Storage::Date | Storage::Datetime | Storage::Uuid, Raw::Text(t)) => ValueRef::Plain(canonical(t)?),
        _ => return None,
    })
}

/// Returns the text if it can be written into JSON without escapes; `None` otherwise.
fn canonical(text: &[u8]) -> Option<&str> {
    let plain = text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'.'));
    if plain { std::str::from_utf8(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_scale_exactly_or_not_at_all() {
        let check = |text: &str, scale, expect| {
            assert_eq!(exact(text.parse().unwrap(), scale).ok(), expect, "{text}");
        };
        check("1.5", 2, Some(150));
        check("-0.01", 2, Some(-1));
        check("1.500", 1, Some(15));
        check("0.001", 2, None);
        check("999999999999999999", 0, Some(999_999_999_999_999_999));
        check("1000000000000000000", 0, None);
    }

    #[test]
    fn a_value_counts_the_bytes_of_its_stored_form() {
        let check = |storage, value: Value, expect: i64| {
            let stored = stored(storage, &value).unwrap();
            let raw = match &stored {
                Stored::Null => Raw::Null,
                Stored::Integer(number) => Raw::Integer(*number),
                Stored::Text(text) => Raw::Text(text.as_bytes()),
            };
            let read = super::value(storage, raw).unwrap();
            assert_eq!((raw.bytes(), read.bytes()), (expect, expect), "{value:?}");
        };
        let id = uuid::Uuid::now_v7();
        check(Storage::Text, Value::Null, 0);
        check(Storage::Integer, Value::Integer(-1), 8);
        check(Storage::Boolean, Value::Boolean(true), 8);
        check(Storage::Decimal(2), Value::Decimal("12.5".parse().unwrap()), 8);
        check(Storage::Text, Value::Text("Ångström".into()), 10);
        check(Storage::Date, Value::Date("2026-01-31".parse().unwrap()), 10);
        check(Storage::Datetime, Value::DateTime("2026-01-31T12:00:00Z".parse().unwrap()), 27);
        check(Storage::Uuid, Value::Uuid(id), 36);
        check(Storage::Json, Value::Json(serde_json::json!({ "a": [1] })), 9);
        assert_eq!((Key::Integer(7).bytes(), Key::uuid(id).bytes()), (8, 36));
    }
}
