//! Order and continuation of lists. Keyset paging: stable under inserts, and as fast on page 1000 as on page 1.

use super::Statement;
use crate::{
    cell::Stored,
    error::Result,
    list::{SortKey, cursor},
    query::Direction,
    value::Value,
};

/// Appends `ORDER BY`.
pub(crate) fn order_by<S: Statement>(statement: &mut S, order: &[SortKey]) {
    for (index, key) in order.iter().enumerate() {
        statement.text().push_str(if index == 0 { " ORDER BY " } else { ", " });
        statement.sort_key(key);
        statement.text().push_str(S::direction(key.is_id(), key.direction));
    }
}

/// Appends the condition that a row comes after the row with these sort values.
pub(crate) fn after<S: Statement>(
    statement: &mut S,
    order: &[SortKey],
    after: &[Value],
    merged: bool,
) -> Result<()> {
    let values = cursor(order, after)?;
    statement.text().push_str(" AND ");
    bound(statement, &order[0], &values[0], merged);
    beyond(statement, order, &values, merged);
    Ok(())
}

/// Appends a redundant bound on the first key. A database can use an index for it, but not for the OR that follows.
fn bound<S: Statement>(statement: &mut S, key: &SortKey, value: &Stored<'static>, merged: bool) {
    let sign = match key.direction {
        _ if *value == Stored::Null => return,
        Direction::Descending if nullable(key, merged) => return,
        Direction::Ascending => " >= ",
        Direction::Descending => " <= ",
    };
    compare(statement, key, sign, value);
    statement.text().push_str(" AND ");
}

fn beyond<S: Statement>(statement: &mut S, order: &[SortKey], values: &[Stored<'static>], merged: bool) {
    let ([key, keys @ ..], [value, rest @ ..]) = (order, values) else { return };
    statement.text().push('(');
    match (key.direction, value) {
        (Direction::Ascending, Stored::Null) => {
            statement.sort_key(key);
            statement.text().push_str(" IS NOT NULL");
        }
        // No row comes after the nulls at the end.
        (Direction::Descending, Stored::Null) => statement.text().push_str(S::FALSE),
        (Direction::Ascending, value) => compare(statement, key, " > ", value),
        (Direction::Descending, value) => {
            compare(statement, key, " < ", value);
            if nullable(key, merged) {
                statement.text().push_str(" OR ");
                statement.sort_key(key);
                statement.text().push_str(" IS NULL");
            }
        }
    }
    if !keys.is_empty() {
        statement.text().push_str(" OR (");
        match value {
            Stored::Null => {
                statement.sort_key(key);
                statement.text().push_str(" IS NULL");
            }
            value => compare(statement, key, " = ", value),
        }
        statement.text().push_str(" AND ");
        beyond(statement, keys, rest, merged);
        statement.text().push(')');
    }
    statement.text().push(')');
}

fn compare<S: Statement>(statement: &mut S, key: &SortKey, sign: &str, value: &Stored<'static>) {
    statement.sort_key(key);
    statement.text().push_str(sign);
    statement.value(key.compared(), value.clone());
}

/// Returns true if the column may be null. In a merged view, every column may be null: an override may be null where
/// the shared row may not.
fn nullable(key: &SortKey, merged: bool) -> bool {
    merged || key.nullable
}
