//! Order and continuation of lists. Keyset paging: stable under inserts, and as fast on page 1000 as on page 1.

use super::query::Query;
use crate::{
    cell::{Storage, Stored, stored},
    error::{Error, Result},
    name::FieldName,
    query::Direction,
    schema::Plan,
    value::Value,
};
use std::fmt::Write;

/// Maximum number of sort keys.
const KEYS_MAX: usize = 8;

/// A column to sort by.
#[derive(Debug, Clone, Copy)]
pub(super) struct SortKey {
    pub(super) position: usize,
    pub(super) direction: Direction,
}

/// Returns the requested keys up to the id, which makes the order total. If the id is not among them, appends it in the
/// direction of the last key, so that an index on that key serves both directions.
pub(super) fn order(plan: &Plan, sort: &[(FieldName, Direction)]) -> Result<Vec<SortKey>> {
    if sort.len() > KEYS_MAX {
        return Err(Error::invalid("sort", format!("must have at most {KEYS_MAX} keys")));
    }
    let mut keys: Vec<SortKey> = Vec::with_capacity(sort.len() + 1);
    for (field, direction) in sort {
        let (position, column) = plan.require(field.as_str())?;
        if column.storage == Storage::Json {
            return Err(Error::invalid(field.as_str(), "is JSON, which has no order"));
        }
        if keys.iter().all(|key| key.position != position) {
            keys.push(SortKey { position, direction: *direction });
        }
        if position == 0 {
            return Ok(keys);
        }
    }
    let direction = keys.last().map_or(Direction::Ascending, |key| key.direction);
    keys.push(SortKey { position: 0, direction });
    Ok(keys)
}

/// Appends `ORDER BY`. SQLite's default place for nulls is the one that lists promise: first ascending, last
/// descending.
pub(super) fn order_by(query: &mut Query<'_>, order: &[SortKey]) {
    for (index, key) in order.iter().enumerate() {
        query.sql.push_str(if index == 0 { " ORDER BY " } else { ", " });
        query.column(key.position);
        if key.direction == Direction::Descending {
            query.sql.push_str(" DESC");
        }
    }
}

/// Appends the condition that a row comes after the row with these sort values.
pub(super) fn after(query: &mut Query<'_>, order: &[SortKey], after: &[Value], merged: bool) -> Result<()> {
    const STRANGER: &str = "does not belong to this list";
    if after.len() != order.len() {
        return Err(Error::invalid("after", STRANGER));
    }
    let mut values = Vec::with_capacity(after.len());
    for (key, value) in order.iter().zip(after) {
        let stored = stored(query.plan.columns[key.position].storage, value);
        values.push(stored.map_err(|_| Error::invalid("after", STRANGER))?.into_owned());
    }
    query.sql.push_str(" AND ");
    bound(query, order[0], &values[0], merged);
    beyond(query, order, &values, merged);
    Ok(())
}

/// Appends a redundant bound on the first key, for which SQLite can use an index, unlike for the OR that follows.
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
        // no row comes after the nulls at the end
        (Direction::Descending, Stored::Null) => query.sql.push('0'),
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
        compare(query, *key, "IS", value);
        query.sql.push_str(" AND ");
        beyond(query, keys, rest, merged);
        query.sql.push(')');
    }
    query.sql.push(')');
}

fn compare(query: &mut Query<'_>, key: SortKey, sign: &str, value: &Stored<'static>) {
    query.column(key.position);
    let _ = write!(query.sql, " {sign} ");
    query.bind(value.clone());
}

/// Returns true if the column may be null. In a merged view any column may: an override may be null where the shared
/// row may not.
fn nullable(query: &Query<'_>, key: SortKey, merged: bool) -> bool {
    merged || query.plan.columns[key.position].nullable
}
