//! Converts one filter parameter to a condition: `age__gte=18`.
//!
//! Used by the list reader. It never builds SQL: a condition is data, which the engine compiles.

use super::{
    days,
    path::{Column, Models},
    text::{self, Kind},
};
use jiff::{civil::Date, tz::TimeZone};
use tenantry::{
    model::{FieldKind, Model},
    name::FieldName,
    query::{Filter, Operator},
    value::Value,
};

/// Operators by their suffix, in the form that docs and refusals show.
pub(super) const OPERATORS: &str = "eq, ne, lt, lte, gt, gte, contains, startswith, in, isnull";
/// Maximum number of values of one `__in`.
const MAX_IN: usize = 200;
/// Maximum length of a text to compare with, bytes.
const MAX_TEXT: usize = 1000;

/// Returns the condition of one parameter.
///
/// # Errors
/// Returns an error if the field, the operator or the value is invalid.
pub(super) fn condition(
    models: &dyn Models,
    parameter: &str,
    value: &str,
    words: &[&str],
) -> Result<Filter, String> {
    let (path, suffix) = parameter.split_once("__").unwrap_or((parameter, "eq"));
    let column = Column::of(models, path).map_err(|message| match path.contains('.') {
        true => message,
        false => format!("{message}; other parameters: {}", words.join(", ")),
    })?;
    if value.len() > MAX_TEXT && suffix != "in" {
        return Err(format!("at most {MAX_TEXT} bytes"));
    }
    let (model, field, kind) = (column.model(models), column.field.clone(), column.kind);
    let condition = match suffix {
        "isnull" => Filter::Null(field, super::boolean(value)?),
        "in" => members(model, field, kind, value)?,
        "contains" => partial(field, kind, Operator::Contains, value)?,
        "startswith" => partial(field, kind, Operator::StartsWith, value)?,
        _ => {
            let operator = operator(suffix)
                .ok_or_else(|| format!("no operator {}; there are: {OPERATORS}", text::quoted(suffix)))?;
            match days_of(models, kind, value)? {
                Some(days) => on_days(&field, operator, (kind, days), &models.time_zone())?,
                None => Filter::Compare(field.clone(), operator, typed(model, &field, kind, value)?),
            }
        }
    };
    Ok(column.condition(condition))
}

fn operator(suffix: &str) -> Option<Operator> {
    Some(match suffix {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "lt" => Operator::Lt,
        "lte" => Operator::Le,
        "gt" => Operator::Gt,
        "gte" => Operator::Ge,
        _ => return None,
    })
}

/// Returns true for text that is a day and no instant.
fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

/// Returns the first of the days that a condition names, and the day after the last one: a day of an instant, or days by a
/// word. `None`: the value is no such text.
fn days_of(models: &dyn Models, kind: Kind, value: &str) -> Result<Option<(Date, Date)>, String> {
    const BEYOND: &str = "is beyond the calendar";
    if !matches!(kind, Kind::Date | Kind::Datetime) {
        return Ok(None);
    }
    if days::DAYS.contains(&value) {
        let today = models.now().to_zoned(models.time_zone()).date();
        return days::named(value, today).map(Some).ok_or_else(|| BEYOND.into());
    }
    match value.parse::<Date>() {
        Ok(day) if kind == Kind::Datetime && is_day(value) => {
            Ok(Some((day, day.tomorrow().map_err(|_| BEYOND)?)))
        }
        _ => Ok(None),
    }
}

/// Returns a condition that names days: all of them, of an instant from midnight to midnight in the time zone.
fn on_days(
    field: &FieldName,
    operator: Operator,
    (kind, (first, after)): (Kind, (Date, Date)),
    zone: &TimeZone,
) -> Result<Filter, String> {
    let begin = |day: Date| match kind {
        Kind::Date => Some(Value::Date(day)),
        _ => Some(Value::DateTime(day.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp())),
    };
    let (from, until) = begin(first).zip(begin(after)).ok_or("is beyond the calendar")?;
    let compare = |operator, value: Value| Filter::Compare(field.clone(), operator, value);
    Ok(match operator {
        Operator::Eq => Filter::All(vec![compare(Operator::Ge, from), compare(Operator::Lt, until)]),
        Operator::Ne => Filter::Any(vec![
            compare(Operator::Lt, from),
            compare(Operator::Ge, until),
            Filter::Null(field.clone(), true),
        ]),
        Operator::Le => compare(Operator::Lt, until),
        Operator::Gt => compare(Operator::Ge, until),
        other => compare(other, from),
    })
}

fn partial(field: FieldName, kind: Kind, operator: Operator, value: &str) -> Result<Filter, String> {
    match kind {
        Kind::Text | Kind::Choice if !value.is_empty() => {
            Ok(Filter::Compare(field, operator, Value::Text(value.into())))
        }
        Kind::Text | Kind::Choice => Err("must not be empty".into()),
        _ => Err("only for text".into()),
    }
}

fn members(model: &Model, field: FieldName, kind: Kind, value: &str) -> Result<Filter, String> {
    let values: Vec<_> = value.split(',').filter(|v| !v.is_empty()).collect();
    if kind == Kind::Datetime && values.iter().any(|value| is_day(value)) {
        return Err("takes instants; for days use gte and lte".into());
    }
    if values.is_empty() || values.len() > MAX_IN {
        return Err(format!("1 to {MAX_IN} values, separated by commas"));
    }
    let values = values.into_iter().map(|v| typed(model, &field, kind, v)).collect::<Result<_, _>>()?;
    Ok(Filter::In(field, values))
}

fn typed(model: &Model, field: &FieldName, kind: Kind, value: &str) -> Result<Value, String> {
    if let Some(FieldKind::Choice { choices }) = model.field(field.as_str()).map(|f| &f.kind)
        && !choices.iter().any(|choice| choice == value)
    {
        return Err(format!("must be one of: {}", choices.join(", ")));
    }
    text::parse(kind, value).map_err(Into::into)
}
