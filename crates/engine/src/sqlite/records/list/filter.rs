//! Compiles filters to SQL; see [`crate::list::filter`] for their meaning.

use super::query::Query;
use crate::{
    cell::Stored,
    error::Result,
    list::filter::{Sign, Test, check_size, members, test},
    name::FieldName,
    query::Filter,
    sqlite::functions::CONTAINS,
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
    let list = members.iter().map(Stored::to_json).collect();
    query.sql.push('(');
    query.column(position);
    query.sql.push_str(" IN (SELECT value FROM json_each(");
    query.bind(Stored::Text(serde_json::Value::Array(list).to_string().into()));
    query.sql.push_str("))");
    if null {
        query.sql.push_str(" OR ");
        query.column(position);
        query.sql.push_str(" IS NULL");
    }
    query.sql.push(')');
    Ok(())
}

fn single(query: &mut Query<'_>, position: usize, test: Test<'_>) {
    match test {
        Test::Never => query.sql.push('0'),
        Test::Always => query.sql.push('1'),
        Test::Null(null) => {
            query.column(position);
            query.sql.push_str(if null { " IS NULL" } else { " IS NOT NULL" });
        }
        Test::Compare(sign, stored) => {
            query.column(position);
            let _ = write!(query.sql, " {} ", operator(sign));
            query.bind(stored);
        }
        Test::Contains(needle) => {
            let _ = write!(query.sql, "{CONTAINS}(");
            query.column(position);
            query.sql.push_str(", ");
            query.bind(Stored::Text(needle.to_owned().into()));
            query.sql.push(')');
        }
        Test::StartsWith(needle) => {
            query.column(position);
            query.sql.push_str(" LIKE ");
            query.bind(Stored::Text(pattern(needle).into()));
            query.sql.push_str(r" ESCAPE '\'");
        }
    }
}

fn operator(sign: Sign) -> &'static str {
    match sign {
        Sign::Eq => "=",
        Sign::Ne => "IS NOT",
        Sign::Lt => "<",
        Sign::Le => "<=",
        Sign::Gt => ">",
        Sign::Ge => ">=",
    }
}

/// Returns a pattern of LIKE for texts that start with `needle`.
fn pattern(needle: &str) -> String {
    let mut pattern = String::with_capacity(needle.len() + 1);
    for character in needle.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
