//! Checks of filters and the meaning of their comparisons. Logic is two-valued: a comparison with null is false, and
//! `Not` of a false condition is true. So `Ne` holds for null, as users expect of "is not".

use crate::{
    cell::{Storage, Stored, scaled, stored},
    error::{Error, Result},
    query::{Filter, Operator},
    schema::Column,
    value::Value,
};
use rust_decimal::Decimal;

/// Maximum number of conditions in one filter, and maximum nesting depth.
const NODES_MAX: usize = 200;
const DEPTH_MAX: usize = 16;
/// Maximum number of values in one `In` list.
const IN_MAX: usize = 1000;
/// Maximum number of characters in a text to search for.
const NEEDLE_MAX: usize = 500;

/// Refuses a filter with too many conditions.
pub(crate) fn check_size(filter: &Filter) -> Result<()> {
    if nodes(filter, 0)? > NODES_MAX {
        return Err(Error::invalid("filter", format!("must have at most {NODES_MAX} conditions")));
    }
    Ok(())
}

fn nodes(filter: &Filter, depth: usize) -> Result<usize> {
    if depth > DEPTH_MAX {
        return Err(Error::invalid("filter", format!("must nest at most {DEPTH_MAX} deep")));
    }
    match filter {
        Filter::All(list) | Filter::Any(list) => {
            list.iter().try_fold(1, |sum, inner| Ok(sum + nodes(inner, depth + 1)?))
        }
        Filter::Not(inner) | Filter::Through(_, inner) => Ok(1 + nodes(inner, depth + 1)?),
        _ => Ok(1),
    }
}

/// A test of one column, with the value in its stored form.
#[derive(Debug, PartialEq)]
pub(crate) enum Test<'v> {
    /// True for no row.
    Never,
    /// True for every row.
    Always,
    /// The column is null (true) or is not null (false).
    Null(bool),
    /// The column compares with the value. [`Sign::Ne`] holds for null; the other signs do not.
    Compare(Sign, Stored<'static>),
    /// The text contains this one. The case of ASCII letters does not matter.
    Contains(&'v str),
    /// The text starts with this one. The case of ASCII letters does not matter.
    StartsWith(&'v str),
}

/// Comparison of a column with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Returns the test that a comparison means.
///
/// # Errors
/// Returns `Invalid` for a comparison that the column does not allow.
pub(crate) fn test<'v>(column: &Column, operator: Operator, value: &'v Value) -> Result<Test<'v>> {
    let refuse = |rule: &str| Err(Error::invalid(column.name.as_str(), rule));
    let sign = match (operator, value) {
        (Operator::Eq, Value::Null) => return Ok(Test::Null(true)),
        (Operator::Ne, Value::Null) => return Ok(Test::Null(false)),
        (_, Value::Null) => return refuse("cannot be compared with null"),
        (Operator::Contains, value) => return Ok(Test::Contains(needle(column, value)?)),
        (Operator::StartsWith, value) => return Ok(Test::StartsWith(needle(column, value)?)),
        (Operator::Eq, _) => Sign::Eq,
        (Operator::Ne, _) => Sign::Ne,
        (Operator::Lt, _) => Sign::Lt,
        (Operator::Le, _) => Sign::Le,
        (Operator::Gt, _) => Sign::Gt,
        (Operator::Ge, _) => Sign::Ge,
    };
    comparable(column)?;
    if column.storage == Storage::Boolean && !matches!(sign, Sign::Eq | Sign::Ne) {
        return refuse("is true or false, which have no order");
    }
    compared(column, sign, value)
}

/// Returns the values of an `In` list that a stored value can equal, and true if null is among them.
///
/// # Errors
/// Returns `Invalid` for too many values, or for a value that the column does not allow.
pub(crate) fn members(column: &Column, values: &[Value]) -> Result<(Vec<Stored<'static>>, bool)> {
    if values.len() > IN_MAX {
        return Err(Error::invalid(column.name.as_str(), format!("must be one of at most {IN_MAX} values")));
    }
    comparable(column)?;
    let mut members = vec![];
    for value in values.iter().filter(|value| **value != Value::Null) {
        if let Test::Compare(_, stored) = compared(column, Sign::Eq, value)? {
            members.push(stored);
        }
    }
    Ok((members, values.contains(&Value::Null)))
}

fn comparable(column: &Column) -> Result<()> {
    match column.storage {
        Storage::Json => Err(Error::invalid(column.name.as_str(), "is JSON, which is not compared")),
        _ => Ok(()),
    }
}

fn compared(column: &Column, sign: Sign, value: &Value) -> Result<Test<'static>> {
    if let Storage::Decimal(scale) = column.storage {
        match value {
            Value::Decimal(d) => return Ok(decimal(sign, *d, scale)),
            Value::Integer(i) => return Ok(decimal(sign, Decimal::from(*i), scale)),
            _ => {}
        }
    }
    let stored = stored(column.storage, value).map_err(|rule| Error::invalid(column.name.as_str(), rule))?;
    Ok(Test::Compare(sign, stored.into_owned()))
}

/// Returns the test of a comparison with a decimal. A value between two steps of the scale equals no stored value, but
/// has a place in the order.
fn decimal(sign: Sign, value: Decimal, scale: u32) -> Test<'static> {
    let (below, exact) = scaled(value, scale);
    let below = Stored::Integer(below);
    match sign {
        _ if exact => Test::Compare(sign, below),
        Sign::Lt | Sign::Le => Test::Compare(Sign::Le, below),
        Sign::Gt | Sign::Ge => Test::Compare(Sign::Gt, below),
        Sign::Ne => Test::Always,
        Sign::Eq => Test::Never,
    }
}

fn needle<'v>(column: &Column, value: &'v Value) -> Result<&'v str> {
    let refuse = |rule: &str| Err(Error::invalid(column.name.as_str(), rule));
    let (Storage::Text, Value::Text(needle)) = (column.storage, value) else {
        return refuse("can be searched for text only if it is text");
    };
    if needle.contains('\0') || needle.chars().nth(NEEDLE_MAX).is_some() {
        return refuse("is compared with at most 500 characters, none of them NUL");
    }
    Ok(needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::FieldName;

    fn column(storage: Storage) -> Column {
        let name = FieldName::parse("field").unwrap();
        Column { name, storage, nullable: true, indexed: false, most_bytes: None, unique: false }
    }

    #[test]
    fn a_value_between_two_steps_of_a_scale_has_a_place_in_the_order() {
        let fee = column(Storage::Decimal(2));
        let between = Value::Decimal("1.005".parse().unwrap());
        let check = |operator, expect| assert_eq!(test(&fee, operator, &between).unwrap(), expect);
        check(Operator::Eq, Test::Never);
        check(Operator::Ne, Test::Always);
        check(Operator::Lt, Test::Compare(Sign::Le, Stored::Integer(100)));
        check(Operator::Ge, Test::Compare(Sign::Gt, Stored::Integer(100)));
        let exact = Value::Decimal("1".parse().unwrap());
        assert_eq!(test(&fee, Operator::Lt, &exact).unwrap(), Test::Compare(Sign::Lt, Stored::Integer(100)));
        let (members, null) = members(&fee, &[between, exact, Value::Null]).unwrap();
        assert_eq!((members, null), (vec![Stored::Integer(100)], true));
    }

    #[test]
    fn what_has_no_order_is_not_ordered() {
        let refused =
            |storage, operator, value: Value| assert!(test(&column(storage), operator, &value).is_err());
        refused(Storage::Json, Operator::Eq, Value::Integer(1));
        refused(Storage::Boolean, Operator::Lt, Value::Boolean(true));
        refused(Storage::Text, Operator::Lt, Value::Null);
        refused(Storage::Integer, Operator::Contains, Value::Integer(1));
        refused(Storage::Text, Operator::Contains, Value::Text("a\0".into()));
        let null = |operator| test(&column(Storage::Text), operator, &Value::Null).unwrap();
        assert_eq!((null(Operator::Eq), null(Operator::Ne)), (Test::Null(true), Test::Null(false)));
    }
}
