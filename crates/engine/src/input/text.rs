//! Converts text (a CSV cell) to a value of the wanted type.

use crate::{
    cell::{Rule, Storage, YEARS},
    value::Value,
};
use rust_decimal::Decimal;

/// Converts text without checking the rules of the field. Empty text is null.
pub(super) fn parse(storage: Storage, text: &str) -> Result<Value, Rule> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match storage {
        Storage::Text => Ok(Value::Text(text.into())),
        Storage::Integer => text.parse().map(Value::Integer).map_err(|_| "must be a whole number".into()),
        Storage::Decimal(_) => decimal(text),
        Storage::Boolean => boolean(text),
        Storage::Date => date(text),
        Storage::Datetime => datetime(text),
        Storage::Uuid => uuid(text),
        Storage::Json => serde_json::from_str(text).map(Value::Json).map_err(|_| "must be JSON".into()),
    }
}

/// Parses plain digits with at most one point. Refuses exponents and grouping, so that it never guesses.
pub(super) fn decimal(text: &str) -> Result<Value, Rule> {
    const RULE: &str = "must be a decimal number such as 12.50";
    if text.contains(',') {
        return Err("must be a decimal number with a point such as 12.50, not with a comma".into());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !plain || !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('.') {
        return Err(RULE.into());
    }
    Decimal::from_str_exact(text).map(Value::Decimal).map_err(|_| RULE.into())
}

fn boolean(text: &str) -> Result<Value, Rule> {
    let is = |words: [&str; 3]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if is(["true", "1", "yes"]) {
        Ok(Value::Boolean(true))
    } else if is(["false", "0", "no"]) {
        Ok(Value::Boolean(false))
    } else {
        Err("must be true or false".into())
    }
}

pub(super) fn date(text: &str) -> Result<Value, Rule> {
    const RULE: &str = "must be a date such as 2026-01-31";
    if text.len() != 10 {
        return Err(RULE.into());
    }
    text.parse().map(Value::Date).map_err(|_| RULE.into())
}

pub(super) fn datetime(text: &str) -> Result<Value, Rule> {
    const RULE: &str = "must be an instant with its offset such as 2026-01-31T09:30:00Z";
    let at = text.parse::<jiff::Timestamp>();
    let at = at.map_err(|_| if is_instant(text) { YEARS } else { RULE })?;
    // The library reads a leap second as the second before it, and accepts offsets that no place has.
    if has_leap_second(text) {
        return Err("must have a second from 00 to 59".into());
    }
    if offset_seconds(text).is_some_and(|seconds| seconds.abs() >= DAY_SECONDS) {
        return Err("must have an offset of less than 24 hours".into());
    }
    match at.subsec_nanosecond() % 1000 {
        0 => Ok(Value::DateTime(at)),
        _ => Err("must have at most six digits after the point of the second".into()),
    }
}

const DAY_SECONDS: i32 = 24 * 60 * 60;

/// Returns true if the text of an instant has the second 60.
fn has_leap_second(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
    let digits = time.bytes().filter(|byte| *byte != b':').take_while(u8::is_ascii_digit);
    digits.skip(4).eq(*b"60")
}

/// Returns the offset in the text of an instant, in seconds.
fn offset_seconds(text: &str) -> Option<i32> {
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    Some(pieces.to_numeric_offset()?.seconds())
}

/// Returns true for an instant that is written correctly, even if its year is outside the range of instants.
fn is_instant(text: &str) -> bool {
    let pieces = jiff::fmt::temporal::Pieces::parse(text);
    pieces.is_ok_and(|pieces| pieces.time().is_some() && pieces.offset().is_some())
}

pub(super) fn uuid(text: &str) -> Result<Value, Rule> {
    const RULE: &str = "must be a UUID";
    if text.len() != 36 {
        return Err(RULE.into());
    }
    text.parse().map(Value::Uuid).map_err(|_| RULE.into())
}
