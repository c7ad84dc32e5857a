//! Converts the values of a field to its new type. The conversion is exact, or the migration fails.

use super::wanted::statement;
use crate::{
    cell::Storage,
    error::Result,
    migration::{Cast, Must, conversion},
    model::{Field, Model},
    value::Value,
};
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value as Json;

/// A check that no document matches a filter. If n documents match, the migration fails with "refused: {n} {message}".
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Check {
    pub(super) model: String,
    pub(super) filter: Document,
    /// Whether the error names the rows; false if all rows of the model fail the check.
    pub(super) names_rows: bool,
    pub(super) message: String,
}

/// The conversion of a field's values, and the checks that it requires.
pub(super) struct Converted {
    /// Expression for the new value; `None` if the value does not change.
    pub(super) value: Option<Bson>,
    /// Value that replaces null.
    pub(super) fill: Option<Value>,
    /// Checks that run first.
    pub(super) checks: Vec<Check>,
}

/// Pattern of a 64-bit integer in the form in which this program writes it. It also matches some integers that are too
/// large.
const DIGITS: &str = "^(0|-?[1-9][0-9]{0,18})$";
/// Pattern of a UUID in the form in which this program writes it.
const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
/// Pattern of every existing date from the year 0 to 9999.
const DATE: &str = "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
    |02-(0[1-9]|1[0-9]|2[0-8]))\
    |([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)$";
/// Number of microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// Returns the conversion of the old field to the new one, which has the same name. `stored` is the storage before and
/// after. `fill` replaces nulls if the field becomes required.
pub(super) fn converted(
    model: &Model,
    (from, to): (&Field, &Field),
    stored: (Storage, Storage),
    fill: Option<&Json>,
) -> Result<Converted> {
    let field = Bson::String(format!("${}", to.name));
    let found = conversion(model, from, to, stored, fill).map_err(statement)?;
    let value = cast(&field, found.cast, stored);
    let check = |must: &Must<'_>, value: &Bson| Check {
        model: model.name.to_string(),
        filter: broken(must, to.name.as_str(), value),
        names_rows: true,
        message: format!("rows of `{}` have a `{}` {must}", model.name, to.name),
    };
    let before = found.before.iter().map(|must| check(must, &field));
    let after = found.after.iter().map(|must| check(must, value.as_ref().unwrap_or(&field)));
    Ok(Converted { checks: before.chain(after).collect(), value, fill: found.fill })
}

/// Returns the expression for the converted value of a field; `None` if the value does not change.
fn cast(field: &Bson, cast: Cast, (from, to): (Storage, Storage)) -> Option<Bson> {
    let value = match cast {
        // Dates and UUIDs are stored as texts, so a converted text does not change.
        Cast::Date | Cast::Uuid => return None,
        Cast::Scale { from, to } if from == to => return None,
        Cast::Scale { from, to } if from < to => doc! { "$multiply": [field, power(to - from)] },
        Cast::Scale { from, to } => {
            doc! { "$toLong": { "$divide": [{ "$toDecimal": field }, power(from - to)] } }
        }
        Cast::Boolean => doc! { "$ne": [field, 0_i64] },
        Cast::Digits => doc! { "$toString": field },
        Cast::Integer => doc! { "$toLong": field },
        Cast::Midnight => {
            let date = doc! { "$dateFromString": { "dateString": field, "format": "%Y-%m-%d" } };
            doc! { "$multiply": [{ "$toLong": date }, 1000_i64] }
        }
        Cast::Day => {
            let millis = doc! { "$toLong": { "$divide": [{ "$toDecimal": field }, 1000_i64] } };
            doc! { "$dateToString": { "date": { "$toDate": millis }, "format": "%Y-%m-%d" } }
        }
        Cast::None if from == Storage::Boolean && to != from => doc! { "$cond": [field, 1_i64, 0_i64] },
        Cast::None => return None,
    };
    Some(value.into())
}

fn power(digits: u32) -> i64 {
    10_i64.pow(digits)
}

/// Returns the filter that matches documents whose `value` violates `must`. Only the filter of [`Must::Present`]
/// matches null.
fn broken(must: &Must<'_>, field: &str, value: &Bson) -> Document {
    let differs = |pattern: &str| doc! { "$not": [{ "$regexMatch": { "input": value, "regex": pattern } }] };
    let outside =
        |least: i64, most: i64| doc! { "$or": [{ "$lt": [value, least] }, { "$gt": [value, most] }] };
    let condition = match must {
        Must::Present => return doc! { field: Bson::Null },
        Must::Bit => outside(0, 1),
        Must::Whole => {
            let number = doc! { "$convert": {
                "input": value, "to": "decimal", "onError": Bson::Null, "onNull": Bson::Null,
            } };
            let too_large = doc! { "$or": [{ "$lt": [&number, i64::MIN] }, { "$gt": [&number, i64::MAX] }] };
            doc! { "$or": [differs(DIGITS), too_large] }
        }
        Must::Date => differs(DATE),
        Must::Uuid => differs(UUID),
        Must::Early => doc! { "$gt": [value, "9999-12-30"] },
        Must::Midnight => doc! { "$ne": [{ "$mod": [value, DAY] }, 0_i64] },
        Must::Fits { from, to } => {
            let limit = power(18 - to + from);
            outside(1 - limit, limit - 1)
        }
        Must::Decimals { from, to } => doc! { "$ne": [{ "$mod": [value, power(from - to)] }, 0_i64] },
        Must::Short(most) => doc! { "$gt": [{ "$strLenCP": value }, i64::from(*most)] },
        Must::AtLeast(least) => doc! { "$lt": [value, *least] },
        Must::AtMost(most) => doc! { "$gt": [value, *most] },
        Must::OneOf(choices) => doc! { "$not": [{ "$in": [value, { "$literal": choices.to_vec() }] }] },
    };
    // Text functions fail for null, so do not evaluate the condition for it.
    let is_there = doc! { "$gt": [format!("${field}"), Bson::Null] };
    doc! { "$expr": { "$cond": [is_there, condition, false] } }
}
