//! Writes filters as conditions; see [`crate::list::filter`] for their meaning.

use super::Statement;
use crate::{
    error::Result,
    list::filter::{Sign, Test, check_size, members, test},
    name::FieldName,
    query::Filter,
    value::Value,
};

/// Appends the condition, in parentheses if a condition before or after it could otherwise bind to a part of it.
pub(crate) fn write<S: Statement>(statement: &mut S, filter: &Filter) -> Result<()> {
    check_size(filter)?;
    node(statement, filter)
}

fn node<S: Statement>(statement: &mut S, filter: &Filter) -> Result<()> {
    match filter {
        Filter::All(list) => join(statement, list, " AND ", S::TRUE),
        Filter::Any(list) => join(statement, list, " OR ", S::FALSE),
        Filter::Not(inner) => {
            statement.text().push('(');
            node(statement, inner)?;
            statement.text().push_str(" IS NOT TRUE)");
            Ok(())
        }
        Filter::Null(field, null) => {
            let (position, _) = statement.plan().require(field.as_str())?;
            single(statement, position, Test::Null(*null));
            Ok(())
        }
        Filter::In(field, values) => within(statement, field, values),
        Filter::Through(field, inner) => through(statement, field, inner),
        Filter::Compare(field, operator, value) => {
            let (position, column) = statement.plan().require(field.as_str())?;
            let test = test(column, *operator, value)?;
            single(statement, position, test);
            Ok(())
        }
    }
}

fn join<S: Statement>(statement: &mut S, list: &[Filter], between: &str, empty: &str) -> Result<()> {
    if list.is_empty() {
        statement.text().push_str(empty);
        return Ok(());
    }
    statement.text().push('(');
    for (index, inner) in list.iter().enumerate() {
        if index > 0 {
            statement.text().push_str(between);
        }
        node(statement, inner)?;
    }
    statement.text().push(')');
    Ok(())
}

fn within<S: Statement>(statement: &mut S, field: &FieldName, values: &[Value]) -> Result<()> {
    let (position, column) = statement.plan().require(field.as_str())?;
    let (members, null) = members(column, values)?;
    statement.text().push('(');
    statement.one_of(position, members);
    if null {
        statement.text().push_str(" OR ");
        statement.column(position);
        statement.text().push_str(" IS NULL");
    }
    statement.text().push(')');
    Ok(())
}

fn through<S: Statement>(statement: &mut S, field: &FieldName, inner: &Filter) -> Result<()> {
    let (position, _) = statement.plan().require(field.as_str())?;
    statement.text().push('(');
    statement.column(position);
    statement.text().push_str(" IN ");
    statement.referred(field, |statement| node(statement, inner))?;
    if inner.holds_of_nulls() {
        statement.text().push_str(" OR ");
        statement.column(position);
        statement.text().push_str(" IS NULL");
    }
    statement.text().push(')');
    Ok(())
}

fn single<S: Statement>(statement: &mut S, position: usize, test: Test<'_>) {
    match test {
        Test::Never => statement.text().push_str(S::FALSE),
        Test::Always => statement.text().push_str(S::TRUE),
        test => {
            statement.text().push('(');
            compared(statement, position, test);
            statement.text().push(')');
        }
    }
}

fn compared<S: Statement>(statement: &mut S, position: usize, test: Test<'_>) {
    match test {
        Test::Never | Test::Always => {}
        Test::Null(null) => {
            statement.column(position);
            statement.text().push_str(if null { " IS NULL" } else { " IS NOT NULL" });
        }
        Test::Compare(sign, value) => {
            statement.column(position);
            statement.text().push_str(operator::<S>(sign));
            let storage = statement.plan().at(position).compared();
            statement.value(storage, value);
        }
        Test::Contains(needle) => statement.contains(position, needle),
        Test::StartsWith(needle) => statement.starts_with(position, needle),
    }
}

fn operator<S: Statement>(sign: Sign) -> &'static str {
    match sign {
        Sign::Eq => " = ",
        Sign::Ne => S::DIFFERS,
        Sign::Lt => " < ",
        Sign::Le => " <= ",
        Sign::Gt => " > ",
        Sign::Ge => " >= ",
    }
}
