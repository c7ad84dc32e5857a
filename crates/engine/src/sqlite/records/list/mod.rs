//! Lists: filter, search, sort, page, count, groups. The session of a placement calls them. Every value is bound, every
//! name comes from the plan, and the confinement precedes every condition of the caller.

mod aggregate;
mod query;
#[cfg(test)]
mod tests;

pub use aggregate::aggregate;
pub(crate) use query::Query;

use super::{read::Cursor, search};
use crate::{
    cell::{Stored, value},
    error::{Error, Kind, Result},
    list::{LIMIT_MAX, Order, SortKey, order},
    overrides::OverrideRow,
    query::{Filter, Select},
    row::Visit,
    schema::{Confinement, Projection, Schema},
    sql::{self, Statement as _},
    sqlite::cells::raw,
    value::Value,
};
use rusqlite::{Connection, Row};

/// Adds the SQL functions that list statements call to a connection that this crate did not open.
///
/// # Errors
/// Returns SQLite's error if a statement is running on the connection.
pub fn add_functions(conn: &Connection) -> Result<()> {
    Ok(crate::sqlite::functions::add_own(conn)?)
}

/// Visits the rows of one page. Returns the `after` of the next page, or `None` on the last page.
///
/// With `merge`, rows appear with the tenant's overrides: conditions, search and sort apply to the overridden values,
/// not to the stored ones.
///
/// # Errors
/// Returns `NotFound` if there is no such model, and `Invalid` for fields, a limit, filter or search that is not
/// allowed.
pub fn select(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    select: &Select,
    merge: Option<&[OverrideRow]>,
    visit: &mut dyn Visit,
) -> Result<Option<Vec<Value>>> {
    let plan = schema.require(model)?;
    if !(1..=LIMIT_MAX).contains(&select.limit) {
        return Err(Error::invalid("limit", format!("must be from 1 to {LIMIT_MAX}")));
    }
    let order = order(schema, plan, &select.sort)?;
    let projection = plan.project(&select.fields)?;
    let empty = Query::new(schema, plan, who, "SELECT ");
    let query = compile(empty, conn, select, &projection, &order, merge)?;
    let mut statement = conn.prepare_cached(&query.sql)?;
    let params = query.params(&statement);
    let mut rows = statement.query(params.as_slice())?;
    let (mut seen, mut next) = (0, None);
    while let Some(row) = rows.next()? {
        if next.is_some() {
            return Ok(next);
        }
        Cursor::visit(row, &projection.storages, visit)?;
        seen += 1;
        if seen == select.limit || visit.is_full() {
            next = Some(sort_values(row, &order.keys, projection.storages.len())?);
        }
    }
    Ok(None)
}

/// Completes the query of one page: the projected columns, then the sort keys, which are not shown.
fn compile<'p>(
    mut query: Query<'p>,
    conn: &Connection,
    select: &Select,
    projection: &Projection<'_>,
    order: &Order,
    merge: Option<&[OverrideRow]>,
) -> Result<Query<'p>> {
    query.plan.list(&mut query.sql, &projection.positions);
    for key in &order.keys {
        query.sql.push_str(", ");
        query.sort_key(key);
    }
    query.push_from(merge, &order.joins)?;
    conditions(&mut query, conn, &select.filter, select.search.as_deref(), merge)?;
    if let Some(after) = &select.after {
        sql::after(&mut query, &order.keys, after, merge.is_some())?;
    }
    sql::order_by(&mut query, &order.keys);
    query.sql.push_str(" LIMIT ");
    // One row more than the page shows whether there is a next page.
    query.bind(Stored::Integer(i64::from(select.limit) + 1));
    Ok(query)
}

/// Returns the number of rows that match filter and search.
///
/// # Errors
/// Returns the errors of [`select`].
pub fn count(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    filter: &Filter,
    search: Option<&str>,
    merge: Option<&[OverrideRow]>,
) -> Result<u64> {
    let plan = schema.require(model)?;
    let mut query = Query::new(schema, plan, who, "SELECT count(*)");
    query.from(merge)?;
    conditions(&mut query, conn, filter, search, merge)?;
    let mut statement = conn.prepare_cached(&query.sql)?;
    let params = query.params(&statement);
    let count: i64 = statement.query_row(params.as_slice(), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn conditions(
    query: &mut Query<'_>,
    conn: &Connection,
    condition: &Filter,
    text: Option<&str>,
    merge: Option<&[OverrideRow]>,
) -> Result<()> {
    if *condition != Filter::All(vec![]) {
        query.sql.push_str(" AND ");
        sql::write_filter(query, condition)?;
    }
    match text {
        Some(text) => search::write(query, conn, text, merge),
        None => Ok(()),
    }
}

fn sort_values(row: &Row<'_>, order: &[SortKey], hidden: usize) -> Result<Vec<Value>> {
    let values = order.iter().enumerate().map(|(index, key)| {
        let raw = raw(row.get_ref(hidden + index)?);
        let seen = value(key.storage, raw);
        seen.map(Value::from)
            .ok_or_else(|| Error::new(Kind::Corrupt, "a sort column holds a value of another type"))
    });
    values.collect()
}
