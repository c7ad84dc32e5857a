//! Order and continuation of lists. Keyset paging: stable under inserts, and as fast on page 1000 as on page 1.

use super::super::{Bound, Query};
use crate::{
    cell::Stored,
    error::Result,
    list::{SortKey, cursor},
    query::Direction,
    value::Value,
};
use std::fmt::Write;

/// Appends `ORDER BY`. Nulls come first ascending and last descending, unlike PostgreSQL's default; indexes of fields have
/// that order. The id is never null, and its index has the default.
pub(super) fn order_by(query: &mut Query<'_>, order: &[SortKey]) {
    for (index, key) in order.iter().enumerate() {
        query.sql.push_str(if index == 0 { " ORDER BY " } else { ", " });
        query.column(key.position);
        query.sql.push_str(match (key.direction, key.position) {
            (Direction::Ascending, 0) => "",
            (Direction::Descending, 0) => " DESC",
            (Direction::Ascending, _) => " NULLS FIRST",
            (Direction::Descending, _) => " DESC NULLS LAST",
        });
    }
}

/// Appends the condition that a row comes after the row with these sort values.
pub(super) fn after(query: &mut Query<'_>, order: &[SortKey], after: &[Value], merged: bool) -> Result<()> {
    let values = cursor(query.plan, order, after)?;
    query.sql.push_str(" AND ");
    bound(query, order[0], &values[0], merged);
    beyond(query, order, &values, merged);
    Ok(())
}

/// Appends a redundant bound on the first key, for which PostgreSQL can use an index, unlike for the OR that follows.
fn bound(query: &mut Query<'_>, key: SortKey, value: &Stored<'static>, merged: bool) {
    let sign = match key.direction {
        _ if *value == Stored::Null => return,
        Direction::Descending if nullable(query, key, merged) => return,
        Direction::Ascending => ">=",
        Direction::Descending => "<=",
    };
    compare(query, key, sign, value);
    query.sql.push_str(" AND ");
}

fn beyond(query: &mut Query<'_>, order: &[SortKey], values: &[Stored<'static>], merged: bool) {
    let ([key, keys @ ..], [value, rest @ ..]) = (order, values) else { return };
    query.sql.push('(');
    match (key.direction, value) {
        (Direction::Ascending, Stored::Null) => {
            query.column(key.position);
            query.sql.push_str(" IS NOT NULL");
        }
        // No row comes after the nulls at the end.
        (Direction::Descending, Stored::Null) => query.sql.push_str("false"),
        (Direction::Ascending, value) => compare(query, *key, ">", value),
        (Direction::Descending, value) => {
            compare(query, *key, "<", value);
            if nullable(query, *key, merged) {
                query.sql.push_str(" OR ");
                query.column(key.position);
                query.sql.push_str(" IS NULL");
            }
        }
    }
    if !keys.is_empty() {
        query.sql.push_str(" OR (");
        match value {
            Stored::Null => {
                query.column(key.position);
                query.sql.push_str(" IS NULL");
            }
            value => compare(query, *key, "=", value),
        }
        query.sql.push_str(" AND ");
        beyond(query, keys, rest, merged);
        query.sql.push(')');
    }
    query.sql.push(')');
}

fn compare(query: &mut Query<'_>, key: SortKey, sign: &str, value: &Stored<'static>) {
    query.column(key.position);
    let _ = write!(query.sql, " {sign} ");
    query.bind(Bound::Stored(query.plan.storages[key.position], value.clone()));
}

/// Returns true if the column may be null. In a merged view any column may: an override may be null where the shared
/// row may not.
fn nullable(query: &Query<'_>, key: SortKey, merged: bool) -> bool {
    merged || query.plan.columns[key.position].nullable
}
