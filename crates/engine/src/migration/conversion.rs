//! Conversion of a column's values when its field changes, and the values that are refused. Every database runs the
//! same conversion and refuses the same values with the same words.

use super::{convertible, fill_value};
use crate::{
    cell::Storage,
    model::{Field, FieldKind, Model},
    value::Value,
};
use serde_json::Value as Json;
use std::fmt;

/// Conversion of values of one kind to another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// The stored form does not change.
    None,
    /// A number gets another number of decimals. An integer has no decimals.
    Scale { from: u32, to: u32 },
    /// 0 and 1 become false and true.
    Boolean,
    /// An integer becomes its digits.
    Digits,
    /// Digits become an integer.
    Integer,
    /// A text becomes a date.
    Date,
    /// A text becomes a UUID.
    Uuid,
    /// A date becomes its midnight in UTC.
    Midnight,
    /// Midnight in UTC becomes its date.
    Day,
}

/// Condition on a value. Values that do not meet it are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Must<'f> {
    /// Must be 0 or 1.
    Bit,
    /// Must be the digits of a 64-bit integer.
    Whole,
    /// Must be a text `YYYY-MM-DD` of a day that exists.
    Date,
    /// Must be a text of 36 characters that is a UUID in lower case.
    Uuid,
    /// Must be a date whose midnight in UTC can be stored as an instant.
    Early,
    /// Must be an instant at midnight in UTC.
    Midnight,
    /// Must be a number of `from` decimals that has at most 18 digits after conversion to `to` decimals.
    Fits { from: u32, to: u32 },
    /// Must be a number of `from` decimals whose decimals after the first `to` are 0.
    Decimals { from: u32, to: u32 },
    /// Must be a text of at most this many characters.
    Short(u32),
    /// Must be an integer that is at least this.
    AtLeast(i64),
    /// Must be an integer that is at most this.
    AtMost(i64),
    /// Must be one of these texts.
    OneOf(&'f [String]),
    /// Must not be null.
    Present,
}

impl fmt::Display for Must<'_> {
    /// Writes the description of a refused value. It follows the words "rows have a value".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bit => f.write_str("other than 0 and 1"),
            Self::Whole => f.write_str("that is not a whole number"),
            Self::Date => f.write_str("that is not a date"),
            Self::Uuid => f.write_str("that is not a UUID"),
            Self::Early => f.write_str("after the last day that instants have"),
            Self::Midnight => f.write_str("that is not midnight"),
            Self::Fits { .. } => f.write_str("too large for that many decimals"),
            Self::Decimals { to, .. } => write!(f, "with more than {to} decimals"),
            Self::Short(most) => write!(f, "longer than {most} characters"),
            Self::AtLeast(least) => write!(f, "below {least}"),
            Self::AtMost(most) => write!(f, "above {most}"),
            Self::OneOf(_) => f.write_str("that is none of the choices"),
            Self::Present => f.write_str("that is null, but it becomes required: fill it first"),
        }
    }
}

/// Conversion of the values of a field that changes.
#[derive(Debug, PartialEq)]
pub(crate) struct Conversion<'f> {
    pub(crate) cast: Cast,
    /// Conditions on a value before it is converted.
    pub(crate) before: Vec<Must<'f>>,
    /// Conditions on a value after it is converted: rules of the new kind that the old kind did not have.
    pub(crate) after: Vec<Must<'f>>,
    /// Value that replaces null in a field that becomes required.
    pub(crate) fill: Option<Value>,
}

/// Returns the conversion for a field of `model` that changes from `from` to `to`; `stored` is the storage before and
/// after.
///
/// # Errors
/// Returns the reason why the field cannot change in this way.
pub(crate) fn conversion<'f>(
    model: &Model,
    from: &Field,
    to: &'f Field,
    stored: (Storage, Storage),
    fill: Option<&Json>,
) -> Result<Conversion<'f>, String> {
    let place = || format!("{}.{}", model.name, to.name);
    let refers = [from, to].iter().any(|field| matches!(field.kind, FieldKind::Ref { .. }));
    if refers && stored.0.is_number() != stored.1.is_number() {
        return Err(format!("`{}` refers to ids of another kind: add a new field instead", place()));
    }
    let (cast, before) = cast(&from.kind, &to.kind, stored.1)
        .ok_or_else(|| format!("`{}` cannot change its type so", place()))?;
    let mut after = narrowed(&from.kind, &to.kind);
    let mut filled = None;
    if to.required && !from.required {
        filled = match fill {
            Some(json) => Some(fill_value(&to.kind, json).map_err(|why| format!("{}: {why}", place()))?),
            None => to.default_value(),
        };
        if filled.is_none() {
            after.push(Must::Present);
        }
    }
    Ok(Conversion { cast, before, after, fill: filled })
}

fn cast<'f>(from: &FieldKind, to: &FieldKind, stored: Storage) -> Option<(Cast, Vec<Must<'f>>)> {
    use FieldKind as K;
    Some(match (from, to) {
        (K::Decimal { scale: from }, K::Decimal { scale: to }) => rescaled(*from, *to),
        (K::Integer { .. }, K::Decimal { scale }) => rescaled(0, *scale),
        (K::Decimal { scale }, K::Integer { .. }) => rescaled(*scale, 0),
        (K::Integer { .. }, K::Boolean) => (Cast::Boolean, vec![Must::Bit]),
        (K::Integer { .. }, K::Text { .. }) => (Cast::Digits, vec![]),
        (K::Text { .. }, K::Integer { .. }) => (Cast::Integer, vec![Must::Whole]),
        (K::Text { .. }, K::Date) => (Cast::Date, vec![Must::Date]),
        (K::Text { .. }, K::Ref { .. }) if stored == Storage::Uuid => (Cast::Uuid, vec![Must::Uuid]),
        (K::Date, K::Datetime) => (Cast::Midnight, vec![Must::Early]),
        (K::Datetime, K::Date) => (Cast::Day, vec![Must::Midnight]),
        _ if convertible(from, to) => (Cast::None, vec![]),
        _ => return None,
    })
}

/// Returns the conversion of a number. It never rounds, and the result has at most 18 digits.
fn rescaled<'f>(from: u32, to: u32) -> (Cast, Vec<Must<'f>>) {
    let must = if to >= from { Must::Fits { from, to } } else { Must::Decimals { from, to } };
    (Cast::Scale { from, to }, vec![must])
}

fn narrowed<'f>(from: &FieldKind, to: &'f FieldKind) -> Vec<Must<'f>> {
    use FieldKind as K;
    match to {
        K::Text { max_length: Some(most) } => {
            let had = if let K::Text { max_length } = from { *max_length } else { None };
            had.is_none_or(|had| had > *most).then_some(Must::Short(*most)).into_iter().collect()
        }
        K::Integer { min, max } => {
            let (low, high) = if let K::Integer { min, max } = from { (*min, *max) } else { (None, None) };
            let least = min.filter(|min| low.is_none_or(|low| low < *min)).map(Must::AtLeast);
            let most = max.filter(|max| high.is_none_or(|high| high > *max)).map(Must::AtMost);
            least.into_iter().chain(most).collect()
        }
        K::Choice { choices } => {
            let had =
                matches!(from, K::Choice { choices: had } if had.iter().all(|one| choices.contains(one)));
            if had { vec![] } else { vec![Must::OneOf(choices)] }
        }
        _ => vec![],
    }
}
