//! Converts the values of a column to its new type: exactly, or the migration fails.

use super::{Layout, literal, ops::Step, quoted, refused_rows};
use crate::{
    error::{Error, Kind, Result},
    migration::fill_value,
    model::{Field, FieldKind},
};
use serde_json::Value as Json;

/// The new value of each row, and checks that must find no row.
pub(crate) struct Conversion {
    /// SQL over the old row.
    pub(crate) expr: String,
    /// Checks that run first.
    pub(crate) checks: Vec<Step>,
}

const MIDNIGHT: &str = "T00:00:00.000000Z";

struct Builder<'a> {
    layout: &'a Layout<'a>,
    table: &'a str,
    field: &'a str,
    expr: String,
    checks: Vec<Step>,
}

impl Builder<'_> {
    /// Adds a check that fails for rows where `condition` holds; `what` completes "N rows have …".
    fn refuse(&mut self, condition: &str, what: &str) {
        self.checks.push(Step::Refuse {
            count: format!("SELECT count(*) FROM {} WHERE {condition}", quoted(self.table)),
            rows: Some(refused_rows(self.layout, condition)),
            message: format!("rows of `{}` have a `{}` {what}", self.table, self.field),
        });
    }
}

/// Converts from the old field to the new one (same name). `fill` replaces nulls if the field becomes required.
pub(crate) fn convert(
    layout: &Layout<'_>,
    from: &Field,
    to: &Field,
    fill: Option<&Json>,
) -> Result<Conversion> {
    let (table, name) = (layout.model.name.as_str(), to.name.as_str());
    let mut b = Builder { layout, table, field: name, expr: quoted(name), checks: Vec::new() };
    change_type(&mut b, &from.kind, &to.kind)?;
    narrow(&mut b, &from.kind, &to.kind);
    if to.required && !from.required {
        let value = match fill {
            Some(json) => {
                Some(fill_value(&to.kind, json).map_err(|e| statement(format!("{table}.{name}: {e}")))?)
            }
            None => to.default_value(),
        };
        match value {
            Some(value) => b.expr = format!("coalesce({}, {})", b.expr, literal(&to.kind, &value)),
            None => {
                let condition = format!("{} IS NULL", quoted(name));
                b.refuse(&condition, "that is null, but it becomes required: fill it first");
            }
        }
    }
    Ok(Conversion { expr: b.expr, checks: b.checks })
}

pub(crate) fn statement(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

fn change_type(b: &mut Builder<'_>, from: &FieldKind, to: &FieldKind) -> Result<()> {
    use FieldKind as K;
    let q = b.expr.clone();
    match (from, to) {
        (K::Decimal { scale: a }, K::Decimal { scale: z }) => rescale(b, *a, *z),
        (K::Integer { .. }, K::Decimal { scale }) => rescale(b, 0, *scale),
        (K::Decimal { scale }, K::Integer { .. }) => rescale(b, *scale, 0),
        (K::Integer { .. }, K::Boolean) => b.refuse(&format!("{q} NOT IN (0, 1)"), "other than 0 and 1"),
        (K::Integer { .. }, K::Text { .. }) => b.expr = format!("CAST({q} AS TEXT)"),
        (K::Text { .. }, K::Integer { .. }) => {
            b.expr = format!("CAST({q} AS INTEGER)");
            b.refuse(&format!("CAST({} AS TEXT) <> {q}", b.expr), "that is not a whole number");
        }
        (K::Text { .. }, K::Date) => {
            b.refuse(&format!("{q} IS NOT NULL AND date({q}) IS NOT {q}"), "that is not a date");
        }
        (K::Date, K::Datetime) => b.expr = format!("{q} || '{MIDNIGHT}'"),
        (K::Datetime, K::Date) => {
            b.expr = format!("substr({q}, 1, 10)");
            b.refuse(&format!("substr({q}, 11) <> '{MIDNIGHT}'"), "that is not midnight");
        }
        _ if crate::migration::convertible(from, to) => {}
        _ => return Err(statement(format!("`{}.{}` cannot change its type so", b.table, b.field))),
    }
    Ok(())
}

/// Converts scaled integers to another scale, without rounding and within 18 digits.
fn rescale(b: &mut Builder<'_>, from: u32, to: u32) {
    let q = b.expr.clone();
    if to >= from {
        let factor = 10_i64.pow(to - from);
        let limit = 10_i64.pow(18 - (to - from)) - 1;
        b.refuse(&format!("{q} NOT BETWEEN -{limit} AND {limit}"), "too large for that many decimals");
        if factor > 1 {
            b.expr = format!("{q} * {factor}");
        }
    } else {
        let factor = 10_i64.pow(from - to);
        b.refuse(&format!("{q} % {factor} <> 0"), &format!("with more than {to} decimals"));
        b.expr = format!("{q} / {factor}");
    }
}

/// Adds checks for rules of the new kind that the old one did not have.
fn narrow(b: &mut Builder<'_>, from: &FieldKind, to: &FieldKind) {
    use FieldKind as K;
    let e = b.expr.clone();
    match to {
        K::Text { max_length: Some(max) } => {
            let was = if let K::Text { max_length } = from { *max_length } else { None };
            if was.is_none_or(|was| was > *max) {
                b.refuse(&format!("length({e}) > {max}"), &format!("longer than {max} characters"));
            }
        }
        K::Integer { min, max } => {
            let (low, high) = if let K::Integer { min, max } = from { (*min, *max) } else { (None, None) };
            if let Some(min) = min.filter(|m| low.is_none_or(|l| l < *m)) {
                b.refuse(&format!("{e} < {min}"), &format!("below {min}"));
            }
            if let Some(max) = max.filter(|m| high.is_none_or(|h| h > *m)) {
                b.refuse(&format!("{e} > {max}"), &format!("above {max}"));
            }
        }
        K::Choice { choices } => {
            let kept = matches!(from, K::Choice { choices: old } if old.iter().all(|o| choices.contains(o)));
            if !kept {
                let list: Vec<String> = choices.iter().map(|c| super::literal::text(c)).collect();
                b.refuse(&format!("{e} NOT IN ({})", list.join(", ")), "that is none of the choices");
            }
        }
        _ => {}
    }
}
