//! Values of documents as values of fields: without loss, or refused with the reason.

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value as Json};
use std::collections::BTreeMap;
use tenantry_engine::{
    Kind, input,
    input::foreign::Foreign,
    model::{Field, FieldKind},
    value::Value,
};

/// Largest number below which every whole number is exact in floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the value of a field.
///
/// # Errors
/// Returns the reason why the field cannot hold the value unchanged.
pub(super) fn of_field(
    field: &Field,
    zone: &TimeZone,
    other_names: Option<&BTreeMap<String, String>>,
    value: &Foreign,
) -> Result<Value, String> {
    let json = json_of_field(field, zone, other_names, value)?;
    input::from_json(field, &json).map_err(|error| match error.kind() {
        Kind::Invalid(_, rule) => rule.clone(),
        _ => error.to_string(),
    })
}

/// Returns the value of a field as a client of the API would send it.
///
/// # Errors
/// Returns the reason why the field cannot hold the value unchanged.
pub(super) fn json_of_field(
    field: &Field,
    zone: &TimeZone,
    other_names: Option<&BTreeMap<String, String>>,
    value: &Foreign,
) -> Result<Json, String> {
    let json = match (&field.kind, value) {
        (FieldKind::File { .. }, Foreign::Null) => Json::Null,
        (FieldKind::File { .. }, _) => return Err("is a file, whose bytes are not in the database".into()),
        (FieldKind::Json | FieldKind::Custom, value) => json(value)?,
        (FieldKind::Date, Foreign::Instant(ms)) => date(*ms, zone)?,
        (FieldKind::Integer { .. }, Foreign::Double(number)) => whole(*number)?,
        (FieldKind::Integer { .. } | FieldKind::Decimal { .. }, Foreign::Decimal(text)) => {
            decimal(text, matches!(field.kind, FieldKind::Integer { .. }))?
        }
        (FieldKind::Decimal { .. }, Foreign::Double(number)) => {
            decimal(&finite(*number)?.to_string(), false)?
        }
        (_, Foreign::List(_)) => return Err("is a list".into()),
        (_, Foreign::Object(_)) => return Err("is a nested document".into()),
        (_, value) => json(value)?,
    };
    Ok(match (other_names, &json) {
        (Some(names), Json::String(text)) => {
            names.get(text).map_or(json.clone(), |name| name.as_str().into())
        }
        _ => json,
    })
}

/// Returns a value as JSON. Instants, decimals, object ids and UUIDs become their texts.
///
/// # Errors
/// Returns the reason why JSON cannot express the value.
pub(super) fn json(value: &Foreign) -> Result<Json, String> {
    Ok(match value {
        Foreign::Null => Json::Null,
        Foreign::Boolean(value) => Json::Bool(*value),
        Foreign::Integer(number) => (*number).into(),
        Foreign::Double(number) => Number::from_f64(finite(*number)?).map_or(Json::Null, Json::Number),
        Foreign::Decimal(text) => decimal(text, false)?,
        Foreign::Instant(ms) => instant(*ms)?.to_string().into(),
        Foreign::Text(text) => text.clone().into(),
        Foreign::ObjectId(hex) => hex.clone().into(),
        Foreign::Uuid(uuid) => uuid.to_string().into(),
        Foreign::List(values) => Json::Array(values.iter().map(json).collect::<Result<_, _>>()?),
        Foreign::Object(fields) => {
            let read = |(name, value): &(String, Foreign)| Ok::<_, String>((name.clone(), json(value)?));
            Json::Object(fields.iter().map(read).collect::<Result<Map<_, _>, _>>()?)
        }
        Foreign::Other(kind) => return Err(format!("is a {kind}")),
    })
}

fn instant(ms: i64) -> Result<Timestamp, String> {
    Timestamp::from_millisecond(ms).map_err(|_| "is an instant beyond the year 9999".into())
}

fn date(ms: i64, zone: &TimeZone) -> Result<Json, String> {
    let at = instant(ms)?.to_zoned(zone.clone());
    match at.time() == jiff::civil::Time::midnight() {
        true => Ok(at.date().to_string().into()),
        false => Err(format!(
            "is not a midnight in {}: name the time_zone of the dates in the mapping, or take a field of type datetime",
            zone.iana_name().unwrap_or("UTC")
        )),
    }
}

fn finite(number: f64) -> Result<f64, String> {
    if number.is_finite() { Ok(number) } else { Err("is infinite or not a number".into()) }
}

fn whole(number: f64) -> Result<Json, String> {
    if finite(number)?.fract() != 0.0 || number.abs() >= EXACT {
        return Err("is not a whole number".into());
    }
    #[allow(clippy::cast_possible_truncation, reason = "whole, and exact in 53 bits")]
    Ok((number as i64).into())
}

/// Returns a decimal as plain digits, or as a whole number.
fn decimal(text: &str, is_whole: bool) -> Result<Json, String> {
    let exact = text.parse::<Decimal>().ok().filter(|_| !text.contains(['e', 'E']));
    let number = exact.or_else(|| Decimal::from_scientific(text).ok()).filter(|number| {
        // Parsing rounds what has more digits than it can hold.
        significant(text) == significant(&number.to_string())
    });
    let number = number.ok_or("is a decimal number that is too long, infinite or not a number")?.normalize();
    match (is_whole, i64::try_from(number)) {
        (false, _) => Ok(number.to_string().into()),
        (true, Ok(whole)) if number.fract().is_zero() => Ok(whole.into()),
        (true, _) => Err("is not a whole number of at most 64 bits".into()),
    }
}

/// Returns the digits of a number without zeros at either end, sign, point and exponent.
fn significant(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// Returns true if two values are the same for a reader: numbers in JSON by their value.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Json(one), Value::Json(other)) => same_json(one, other),
        _ => one == other,
    }
}

fn same_json(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_json(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| same_json(value, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact_or_refused() {
        for (text, plain) in [("1250.50", "1250.5"), ("1.2E+3", "1200"), ("-0.07", "-0.07"), ("5E-2", "0.05")]
        {
            assert_eq!(decimal(text, false).unwrap(), plain, "{text}");
        }
        for text in ["NaN", "Infinity", "1E+40", "1.2345678901234567890123456789012", ""] {
            assert!(decimal(text, false).is_err(), "{text}");
        }
        assert_eq!(decimal("7E+1", true).unwrap(), 70);
        assert!(decimal("7.5", true).is_err());
    }

    #[test]
    fn an_instant_is_a_date_only_at_midnight_of_its_zone() {
        let (utc, kolkata) = (TimeZone::UTC, TimeZone::get("Asia/Kolkata").unwrap());
        let midnight_there = "2026-03-01T18:30:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(date(midnight_there, &kolkata).unwrap(), "2026-03-02");
        assert!(date(midnight_there, &utc).is_err());
        assert_eq!(date(0, &utc).unwrap(), "1970-01-01");
    }

    #[test]
    fn numbers_in_json_are_compared_by_value() {
        let json = |text: &str| Value::Json(serde_json::from_str(text).unwrap());
        assert!(same(&json("[1.0, {\"a\": 2}]"), &json("[1, {\"a\": 2}]")));
        assert!(!same(&json("9007199254740993"), &json("9007199254740992")));
        assert!(!same(&json("{\"a\": 1}"), &json("{\"a\": 1, \"b\": null}")));
    }

    #[test]
    fn what_json_cannot_express_is_refused() {
        assert!(json(&Foreign::Double(f64::NAN)).is_err());
        assert!(json(&Foreign::List(vec![Foreign::Other("binary")])).is_err());
        assert!(whole(0.5).is_err() && whole(1e16).is_err());
        assert_eq!(whole(3.0).unwrap(), 3);
    }
}
