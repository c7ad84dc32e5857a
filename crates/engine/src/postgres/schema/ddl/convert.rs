//! Converts the values of a column to its new type: exactly, or the migration fails.

use super::{Layout, Step, literal, quoted, statement};
use crate::{
    cell::Storage,
    error::Result,
    migration::{Cast, Must, conversion},
    model::Field,
    postgres::cells::column_type,
};
use serde_json::Value as Json;

/// The conversion of a column's values, and the checks that must find no row.
pub(super) struct Converted {
    /// SQL for the new value, over the old row; `None` if the column keeps its type.
    pub(super) using: Option<String>,
    /// Literal that replaces nulls.
    pub(super) fill: Option<String>,
    /// Checks that run before the conversion.
    pub(super) checks: Vec<Step>,
}

/// Pattern of the digits of a 64-bit integer in our form. It also matches integers that are somewhat larger.
const DIGITS: &str = "^(0|-?[1-9][0-9]{0,18})$";
/// Pattern of UUIDs in our form.
const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
/// Pattern of all existing dates from year 0 to 9999.
const DATE: &str = "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
    |02-(0[1-9]|1[0-9]|2[0-8]))\
    |([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)$";

/// Returns the conversion of the old field to the new one of the same name. `fill` replaces nulls if the field becomes
/// required.
pub(super) fn convert(
    old: &Layout<'_>,
    new: &Layout<'_>,
    from: &Field,
    to: &Field,
    fill: Option<&Json>,
) -> Result<Converted> {
    let column = quoted(to.name.as_str());
    let stored = (old.storage(&from.kind)?, new.storage(&to.kind)?);
    let found = conversion(new.model, from, to, stored, fill).map_err(statement)?;
    let value = cast(&column, found.cast, stored);
    let before = found.before.iter().map(|must| refuse(new, to, must, &column));
    let after = found.after.iter().map(|must| refuse(new, to, must, value.as_deref().unwrap_or(&column)));
    let checks = before.chain(after).collect();
    let fill = found.fill.map(|value| literal(stored.1, &value)).transpose()?;
    Ok(Converted { using: value, fill, checks })
}

/// Returns the check that `value`, SQL over the old row, satisfies `must`.
fn refuse(layout: &Layout<'_>, field: &Field, must: &Must<'_>, value: &str) -> Step {
    let condition = broken(must, value);
    Step::Refuse {
        count: format!("SELECT count(*) FROM {} WHERE {condition}", layout.table()),
        rows: Some(layout.refused_rows(&condition)),
        message: format!("rows of `{}` have a `{}` {must}", layout.model.name, field.name),
    }
}

/// Returns the converted value of a column; `None` if its type does not change.
fn cast(column: &str, cast: Cast, (from, to): (Storage, Storage)) -> Option<String> {
    Some(match cast {
        _ if from == to => return None,
        Cast::Scale { .. } => format!("{column}::{}", column_type(to)),
        Cast::Boolean => format!("{column} <> 0"),
        Cast::Integer => format!("{column}::bigint"),
        Cast::Date => day(column),
        Cast::Uuid => format!("{column}::uuid"),
        Cast::Midnight => format!("{column}::timestamp AT TIME ZONE 'UTC'"),
        Cast::Day => format!("({column} AT TIME ZONE 'UTC')::date"),
        Cast::Digits => format!("{column}::text"),
        Cast::None => match to {
            // The value was a boolean.
            Storage::Integer => format!("{column}::integer::bigint"),
            _ => format!("{column}::text"),
        },
    })
}

/// Returns the date that a text contains. In PostgreSQL, year 0 is 1 BC.
fn day(column: &str) -> String {
    let part = |from: u32, count: u32| format!("substr({column}, {from}, {count})::integer");
    format!("make_date(CASE {0} WHEN 0 THEN -1 ELSE {0} END, {1}, {2})", part(1, 4), part(6, 2), part(9, 2))
}

/// Returns the condition that holds for values that violate `must`. It never holds for null, except for
/// [`Must::Present`].
fn broken(must: &Must<'_>, value: &str) -> String {
    match must {
        Must::Bit => format!("{value} NOT IN (0, 1)"),
        Must::Whole => format!(
            "CASE WHEN {value} ~ '{DIGITS}' THEN {value}::numeric NOT BETWEEN {} AND {} ELSE {value} IS NOT NULL END",
            i64::MIN,
            i64::MAX
        ),
        Must::Date => format!("{value} !~ '{DATE}'"),
        Must::Uuid => format!("{value} !~ '{UUID}'"),
        Must::Early => format!("{value} > '9999-12-30'::date"),
        Must::Midnight => {
            let at = format!("({value} AT TIME ZONE 'UTC')");
            format!("{at} <> date_trunc('day', {at})")
        }
        Must::Fits { to, .. } => {
            let limit = 10_i64.pow(18 - to);
            format!("({value} <= -{limit} OR {value} >= {limit})")
        }
        Must::Decimals { to, .. } => format!("{value} <> trunc({value}, {to})"),
        Must::Short(most) => format!("char_length({value}) > {most}"),
        Must::AtLeast(least) => format!("{value} < {least}"),
        Must::AtMost(most) => format!("{value} > {most}"),
        Must::OneOf(choices) => {
            let list: Vec<String> =
                choices.iter().map(|choice| crate::postgres::names::literal(choice)).collect();
            format!("{value} NOT IN ({})", list.join(", "))
        }
        Must::Present => format!("{value} IS NULL"),
    }
}
