//! Compiles filters to SQL; see [`crate::list::filter`] for their meaning.

use super::super::{Bound, Query};
use crate::{
    error::Result,
    list::filter::{Sign, Test, check_size, members, test},
    name::FieldName,
    query::Filter,
    value::Value,
};
use std::fmt::Write;

/// Appends the condition, in parentheses.
pub(super) fn write(query: &mut Query<'_>, filter: &Filter) -> Result<()> {
    check_size(filter)?;
    node(query, filter)
}

fn node(query: &mut Query<'_>, filter: &Filter) -> Result<()> {
    match filter {
        Filter::All(list) => join(query, list, " AND ", "true"),
        Filter::Any(list) => join(query, list, " OR ", "false"),
        Filter::Not(inner) => {
            query.sql.push('(');
            node(query, inner)?;
            query.sql.push_str(" IS NOT TRUE)");
            Ok(())
        }
        Filter::Null(field, null) => {
            let (position, _) = query.plan.require(field.as_str())?;
            single(query, position, Test::Null(*null));
            Ok(())
        }
        Filter::In(field, values) => within(query, field, values),
        Filter::Compare(field, operator, value) => {
            let (position, column) = query.plan.require(field.as_str())?;
            let test = test(column, *operator, value)?;
            single(query, position, test);
            Ok(())
        }
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
    let (position, column) = query.plan.require(field.as_str())?;
    let (members, null) = members(column, values)?;
    query.sql.push('(');
    query.column(position);
    query.sql.push_str(" = ANY(");
    query.bind(Bound::Many(column.storage, members));
    query.sql.push(')');
    if null {
        query.sql.push_str(" OR ");
        query.column(position);
        query.sql.push_str(" IS NULL");
    }
    query.sql.push(')');
    Ok(())
}

/// Appends the test of a column, in parentheses where a test before or after it could be part of it.
fn single(query: &mut Query<'_>, position: usize, test: Test<'_>) {
    match test {
        Test::Never => query.sql.push_str("false"),
        Test::Always => query.sql.push_str("true"),
        Test::Null(null) => {
            query.sql.push('(');
            query.column(position);
            query.sql.push_str(if null { " IS NULL)" } else { " IS NOT NULL)" });
        }
        Test::Compare(sign, stored) => {
            query.sql.push('(');
            query.column(position);
            let _ = write!(query.sql, " {} ", operator(sign));
            query.bind(Bound::Stored(query.plan.storages[position], stored));
            query.sql.push(')');
        }
        Test::Contains(needle) => matches(query, position, "strpos", needle),
        Test::StartsWith(needle) => matches(query, position, "starts_with", needle),
    }
}

/// Appends the call of a function that searches a text. With the collation "C", only ASCII letters have a lower case.
fn matches(query: &mut Query<'_>, position: usize, function: &str, needle: &str) {
    let _ = write!(query.sql, "({function}(lower(");
    query.column(position);
    query.sql.push_str(" COLLATE \"C\"), ");
    query.bind(Bound::Text(needle.to_ascii_lowercase()));
    query.sql.push_str(if function == "strpos" { ") > 0)" } else { "))" });
}

fn operator(sign: Sign) -> &'static str {
    match sign {
        Sign::Eq => "=",
        Sign::Ne => "IS DISTINCT FROM",
        Sign::Lt => "<",
        Sign::Le => "<=",
        Sign::Gt => ">",
        Sign::Ge => ">=",
    }
}
