//! Converts the values of a column to its new type: exactly, or the migration fails.

use super::{Layout, literal, ops::Step, quoted, refused_rows};
use crate::{
    error::{Error, Kind, Result},
    migration::{Cast, Must, conversion},
    model::Field,
};
use serde_json::Value as Json;

/// The expression for the new values of a column, and the checks that must find no row.
pub(crate) struct Converted {
    /// SQL for the new value of each row, over the old row.
    pub(crate) expr: String,
    /// Checks that run before the conversion.
    pub(crate) checks: Vec<Step>,
}

const MIDNIGHT: &str = "T00:00:00.000000Z";
/// Hexadecimal digit as a GLOB pattern.
const HEX: &str = "[0-9a-f]";

/// Returns the conversion of the old field to the new one of the same name. `fill` replaces nulls if the field becomes
/// required.
pub(crate) fn convert(
    old: &Layout<'_>,
    new: &Layout<'_>,
    from: &Field,
    to: &Field,
    fill: Option<&Json>,
) -> Result<Converted> {
    let column = quoted(to.name.as_str());
    let stored = (old.stored(&from.kind)?, new.stored(&to.kind)?);
    let found = conversion(new.model, from, to, stored, fill).map_err(statement)?;
    let mut expr = cast(&column, found.cast);
    let before = found.before.iter().map(|must| refuse(new, to, must, &column));
    let after = found.after.iter().map(|must| refuse(new, to, must, &expr));
    let checks = before.chain(after).collect();
    if let Some(value) = &found.fill {
        expr = format!("coalesce({expr}, {})", literal(&to.kind, value));
    }
    Ok(Converted { expr, checks })
}

pub(crate) fn statement(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

/// Returns the check that `value`, SQL over the old row, satisfies `must`.
fn refuse(layout: &Layout<'_>, field: &Field, must: &Must<'_>, value: &str) -> Step {
    let table = layout.model.name.as_str();
    let condition = broken(must, value);
    Step::Refuse {
        count: format!("SELECT count(*) FROM {} WHERE {condition}", quoted(table)),
        rows: Some(refused_rows(layout, &condition)),
        message: format!("rows of `{table}` have a `{}` {must}", field.name),
    }
}

/// Returns the converted value of a column.
fn cast(column: &str, cast: Cast) -> String {
    match cast {
        Cast::Scale { from, to } if to > from => format!("{column} * {}", 10_i64.pow(to - from)),
        Cast::Scale { from, to } if to < from => format!("{column} / {}", 10_i64.pow(from - to)),
        Cast::Digits => format!("CAST({column} AS TEXT)"),
        Cast::Integer => format!("CAST({column} AS INTEGER)"),
        Cast::Midnight => format!("{column} || '{MIDNIGHT}'"),
        Cast::Day => format!("substr({column}, 1, 10)"),
        Cast::None | Cast::Scale { .. } | Cast::Boolean | Cast::Date | Cast::Uuid => column.to_owned(),
    }
}

/// Returns the condition that holds for values that violate `must`. It never holds for null, except for
/// [`Must::Present`].
fn broken(must: &Must<'_>, value: &str) -> String {
    match must {
        Must::Bit => format!("{value} NOT IN (0, 1)"),
        Must::Whole => format!("CAST(CAST({value} AS INTEGER) AS TEXT) <> {value}"),
        Must::Date => format!("{value} IS NOT NULL AND date({value}) IS NOT {value}"),
        Must::Uuid => {
            let group = |digits: usize| HEX.repeat(digits);
            let form = [8, 4, 4, 4, 12].map(group).join("-");
            format!("{value} NOT GLOB '{form}'")
        }
        Must::Early => format!("{value} > '9999-12-30'"),
        Must::Midnight => format!("substr({value}, 11) <> '{MIDNIGHT}'"),
        Must::Fits { from, to } => {
            let limit = 10_i64.pow(18 - (to - from)) - 1;
            format!("{value} NOT BETWEEN -{limit} AND {limit}")
        }
        Must::Decimals { from, to } => format!("{value} % {} <> 0", 10_i64.pow(from - to)),
        Must::Short(most) => format!("length({value}) > {most}"),
        Must::AtLeast(least) => format!("{value} < {least}"),
        Must::AtMost(most) => format!("{value} > {most}"),
        Must::OneOf(choices) => {
            let list: Vec<String> = choices.iter().map(|choice| super::literal::text(choice)).collect();
            format!("{value} NOT IN ({})", list.join(", "))
        }
        Must::Present => format!("{value} IS NULL"),
    }
}
