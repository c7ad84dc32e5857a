//! Compiles filters to SQL. Logic is two-valued: a comparison with null is false, and `Not` of a false condition is
//! true. So `Ne` holds for null, as users expect of "is not".

use super::query::Query;
use crate::{
    cell::{Storage, Stored, scaled, stored},
    error::{Error, Result},
    name::FieldName,
    query::{Filter, Operator},
    schema::Column,
    sqlite::functions::CONTAINS,
    value::Value,
};
use rust_decimal::Decimal;
use std::fmt::Write;

/// Maximum number of conditions in one filter, and maximum nesting depth.
const NODES_MAX: usize = 200;
const DEPTH_MAX: usize = 16;
/// Maximum number of values in one `In` list.
const IN_MAX: usize = 1000;
/// Maximum number of characters in a text to search for.
const NEEDLE_MAX: usize = 500;

/// Appends the condition, in parentheses.
pub(super) fn write(query: &mut Query<'_>, filter: &Filter) -> Result<()> {
    if nodes(filter, 0)? > NODES_MAX {
        return Err(Error::invalid("filter", format!("must have at most {NODES_MAX} conditions")));
    }
    node(query, filter)
}

fn nodes(filter: &Filter, depth: usize) -> Result<usize> {
    if depth > DEPTH_MAX {
        return Err(Error::invalid("filter", format!("must nest at most {DEPTH_MAX} deep")));
    }
    match filter {
        Filter::All(list) | Filter::Any(list) => {
            list.iter().try_fold(1, |sum, inner| Ok(sum + nodes(inner, depth + 1)?))
        }
        Filter::Not(inner) => Ok(1 + nodes(inner, depth + 1)?),
        _ => Ok(1),
    }
}

fn node(query: &mut Query<'_>, filter: &Filter) -> Result<()> {
    match filter {
        Filter::All(list) => join(query, list, " AND ", "1"),
        Filter::Any(list) => join(query, list, " OR ", "0"),
        Filter::Not(inner) => {
            query.sql.push('(');
            node(query, inner)?;
            query.sql.push_str(" IS NOT TRUE)");
            Ok(())
        }
        Filter::Null(field, null) => {
            let (position, _) = query.plan.require(field.as_str())?;
            query.column(position);
            query.sql.push_str(if *null { " IS NULL" } else { " IS NOT NULL" });
            Ok(())
        }
        Filter::In(field, values) => within(query, field, values),
        Filter::Compare(field, operator, value) => compare(query, field, *operator, value),
    }
}

fn join(query: &mut Query<'_>, list: &[Filter], between: &str, empty: &str) -> Result<()> {
    if list.is_empty() {
        query.sql.push_str(empty);
        return Ok(());
    }
    query.sql.push('(');
    for (index, inner) in list.iter().enumerate() {
        if index > 0 {
            query.sql.push_str(between);
        }
        node(query, inner)?;
    }
    query.sql.push(')');
    Ok(())
}

fn within(query: &mut Query<'_>, field: &FieldName, values: &[Value]) -> Result<()> {
    if values.len() > IN_MAX {
        return Err(Error::invalid(field.as_str(), format!("must be one of at most {IN_MAX} values")));
    }
    let (position, column) = query.plan.require(field.as_str())?;
    comparable(column)?;
    let mut list = vec![];
    for value in values.iter().filter(|v| **v != Value::Null) {
        if let Operand::Is(_, stored) = operand(column, Operator::Eq, value)? {
            list.push(stored.to_json());
        }
    }
    query.sql.push('(');
    query.column(position);
    query.sql.push_str(" IN (SELECT value FROM json_each(");
    query.bind(Stored::Text(serde_json::Value::Array(list).to_string().into()));
    query.sql.push_str("))");
    if values.contains(&Value::Null) {
        query.sql.push_str(" OR ");
        query.column(position);
        query.sql.push_str(" IS NULL");
    }
    query.sql.push(')');
    Ok(())
}

fn compare(query: &mut Query<'_>, field: &FieldName, operator: Operator, value: &Value) -> Result<()> {
    let (position, column) = query.plan.require(field.as_str())?;
    match (operator, value) {
        (Operator::Eq | Operator::Ne, Value::Null) => {
            return node(query, &Filter::Null(field.clone(), operator == Operator::Eq));
        }
        (_, Value::Null) => return Err(Error::invalid(field.as_str(), "cannot be compared with null")),
        (Operator::Contains | Operator::StartsWith, value) => return like(query, position, operator, value),
        _ => {}
    }
    comparable(column)?;
    if column.storage == Storage::Boolean && !matches!(operator, Operator::Eq | Operator::Ne) {
        return Err(Error::invalid(field.as_str(), "is true or false, which have no order"));
    }
    match operand(column, operator, value)? {
        Operand::Never => query.sql.push('0'),
        Operand::Always => query.sql.push('1'),
        Operand::Is(sign, stored) => {
            query.column(position);
            let _ = write!(query.sql, " {sign} ");
            query.bind(stored);
        }
    }
    Ok(())
}

fn comparable(column: &Column) -> Result<()> {
    match column.storage {
        Storage::Json => Err(Error::invalid(column.name.as_str(), "is JSON, which is not compared")),
        _ => Ok(()),
    }
}

/// A comparison after converting the value to the column's stored form.
enum Operand {
    /// True for no row.
    Never,
    /// True for every row.
    Always,
    /// SQL operator and right-hand side.
    Is(&'static str, Stored<'static>),
}

fn operand(column: &Column, operator: Operator, value: &Value) -> Result<Operand> {
    if let Storage::Decimal(scale) = column.storage {
        match value {
            Value::Decimal(d) => return Ok(decimal(operator, *d, scale)),
            Value::Integer(i) => return Ok(decimal(operator, Decimal::from(*i), scale)),
            _ => {}
        }
    }
    let stored = stored(column.storage, value).map_err(|rule| Error::invalid(column.name.as_str(), rule))?;
    Ok(Operand::Is(sign(operator), stored.into_owned()))
}

/// Compares with a decimal. A value between two steps of the scale equals no stored value, but still has a place in the
/// order.
fn decimal(operator: Operator, value: Decimal, scale: u32) -> Operand {
    let (below, exact) = scaled(value, scale);
    let below = Stored::Integer(below);
    match operator {
        _ if exact => Operand::Is(sign(operator), below),
        Operator::Lt | Operator::Le => Operand::Is("<=", below),
        Operator::Gt | Operator::Ge => Operand::Is(">", below),
        Operator::Ne => Operand::Always,
        _ => Operand::Never,
    }
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Ne => "IS NOT",
        Operator::Lt => "<",
        Operator::Le => "<=",
        Operator::Gt => ">",
        Operator::Ge => ">=",
        Operator::Eq | Operator::Contains | Operator::StartsWith => "=",
    }
}

fn like(query: &mut Query<'_>, position: usize, operator: Operator, value: &Value) -> Result<()> {
    let column = &query.plan.columns[position];
    let refuse = |rule: &str| Err(Error::invalid(column.name.as_str(), rule));
    let (Storage::Text, Value::Text(needle)) = (column.storage, value) else {
        return refuse("can be searched for text only if it is text");
    };
    if needle.contains('\0') || needle.chars().nth(NEEDLE_MAX).is_some() {
        return refuse("is compared with at most 500 characters, none of them NUL");
    }
    if operator == Operator::Contains {
        let _ = write!(query.sql, "{CONTAINS}(");
        query.column(position);
        query.sql.push_str(", ");
        query.bind(Stored::Text(needle.clone().into()));
        query.sql.push(')');
        return Ok(());
    }
    let mut pattern = String::with_capacity(needle.len() + 1);
    for character in needle.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    query.column(position);
    query.sql.push_str(" LIKE ");
    query.bind(Stored::Text(pattern.into()));
    query.sql.push_str(r" ESCAPE '\'");
    Ok(())
}
