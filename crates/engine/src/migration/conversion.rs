//! How the values of a column follow a change of its field: how they are converted, and which of them are refused.
//! Every database runs the same conversion and refuses the same values in the same words.

use super::{convertible, fill_value};
use crate::{
    cell::Storage,
    model::{Field, FieldKind, Model},
    value::Value,
};
use serde_json::Value as Json;
use std::fmt;

/// How values become those of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// The stored form stays as it is.
    None,
    /// A number gets another number of decimals; an integer has none.
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

/// What a value must be; others are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Must<'f> {
    /// 0 or 1.
    Bit,
    /// Digits of a 64-bit integer.
    Whole,
    /// A text `YYYY-MM-DD` of a day that exists.
    Date,
    /// A text of 36 characters that is a UUID in lower case.
    Uuid,
    /// A date with an instant at its beginning that can be stored.
    Early,
    /// An instant at midnight in UTC.
    Midnight,
    /// A number of `from` decimals that has at most 18 digits when it has `to` decimals.
    Fits { from: u32, to: u32 },
    /// A number of `from` decimals of which only the first `to` are not 0.
    Decimals { from: u32, to: u32 },
    /// A text of at most so many characters.
    Short(u32),
    /// An integer of at least this.
    AtLeast(i64),
    /// An integer of at most this.
    AtMost(i64),
    /// One of these texts.
    OneOf(&'f [String]),
    /// Not null.
    Present,
}

impl fmt::Display for Must<'_> {
    /// Writes what a refused value is, after "rows have a value".
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

/// What happens to the values of a field that changes.
#[derive(Debug, PartialEq)]
pub(crate) struct Conversion<'f> {
    pub(crate) cast: Cast,
    /// What a value must be before it is converted.
    pub(crate) before: Vec<Must<'f>>,
    /// What it must be afterwards: rules of the new kind that the old one did not have.
    pub(crate) after: Vec<Must<'f>>,
    /// Replaces null in a field that becomes required.
    pub(crate) fill: Option<Value>,
}

/// Returns what happens to the values of a field of `model` that changes, stored as `stored` before and after.
///
/// # Errors
/// Why the field cannot change so.
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

/// Numbers are not rounded, and keep within 18 digits.
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
