//! Lists: filter, search, sort, page, count, groups. Every value is bound, every name comes from the plan, and the
//! confinement precedes every condition of the caller.

pub(crate) mod aggregate;
#[cfg(test)]
mod tests;

pub(crate) use super::search::{Overridden, Wanted, overridden, texts, wanted};
use super::{
    Query,
    cursor::{Cursor, value},
    search,
};
use crate::{
    cell::{self, Raw, Storage},
    error::{Error, Result},
    list::{LIMIT_MAX, Order, SortKey, order},
    overrides::OverrideRow,
    query::{Filter, Select},
    row::Visit,
    schema::{Plan, Projection, Schema},
    sql::{self, Statement as _},
    value::Value,
};
use std::fmt::Write;
use tokio_postgres::Row;

/// A list that has passed the checks.
pub(crate) struct List<'a> {
    pub(crate) plan: &'a Plan,
    select: &'a Select,
    projection: Projection<'a>,
    order: Order,
    pub(crate) wanted: Wanted,
}

impl<'a> List<'a> {
    /// Checks a list.
    ///
    /// # Errors
    /// Returns `Invalid` for fields, a limit, order or search that is not allowed.
    pub(crate) fn new(schema: &'a Schema, model: &str, select: &'a Select) -> Result<Self> {
        let plan = schema.require(model)?;
        if !(1..=LIMIT_MAX).contains(&select.limit) {
            return Err(Error::invalid("limit", format!("must be from 1 to {LIMIT_MAX}")));
        }
        let order = order(schema, plan, &select.sort)?;
        let projection = plan.project(&select.fields)?;
        let wanted = search::wanted(plan, select.search.as_deref())?;
        Ok(Self { plan, select, projection, order, wanted })
    }

    /// Returns the sort keys that the page does not show, but that must be read for the next page.
    fn hidden(&self) -> impl Iterator<Item = &SortKey> {
        self.order.keys.iter().filter(|key| self.shown(key).is_none())
    }

    /// Returns the index of a sort key among the projected columns.
    fn shown(&self, key: &SortKey) -> Option<usize> {
        let columns = &self.projection.positions;
        columns.iter().position(|column| key.source == 0 && *column == key.position)
    }

    /// Completes the query of one page: the projected columns, then the sort keys that are not among them.
    ///
    /// # Errors
    /// Returns `Invalid` for a filter or cursor that is not allowed.
    pub(crate) fn write(
        &self,
        query: &mut Query<'_>,
        merge: Option<&[OverrideRow]>,
        overridden: &Overridden,
    ) -> Result<()> {
        query.columns(self.projection.positions.iter().copied());
        for key in self.hidden() {
            query.sql.push_str(", ");
            query.sort_key(key);
        }
        query.push_from(merge, &self.order.joins)?;
        conditions(query, &self.select.filter, &self.wanted, overridden)?;
        if let Some(after) = &self.select.after {
            sql::after(query, &self.order.keys, after, merge.is_some())?;
        }
        sql::order_by(query, &self.order.keys);
        // One row more than the page shows whether there is a next page. The number is part of the text: for a
        // parameter, PostgreSQL estimates a tenth of the table, finds each generic plan too expensive, and plans each
        // page again.
        let _ = write!(query.sql, " LIMIT {}", self.select.limit + 1);
        Ok(())
    }

    /// Shows the rows of the page. Returns the `after` of the next page, or `None` on the last page.
    ///
    /// # Errors
    /// Returns `Corrupt` if a column has a value that its storage does not allow.
    pub(crate) fn show(&self, rows: &[Row], visit: &mut dyn Visit) -> Result<Option<Vec<Value>>> {
        for (index, row) in rows.iter().enumerate() {
            Cursor::visit(row, 0, &self.projection.storages, visit)?;
            if index + 1 == self.select.limit as usize || visit.is_full() {
                let more = rows.len() > index + 1;
                return more.then(|| self.sort_values(row)).transpose();
            }
        }
        Ok(None)
    }

    fn sort_values(&self, row: &Row) -> Result<Vec<Value>> {
        let mut hidden = self.projection.positions.len()..;
        let mut index = |key| self.shown(key).or_else(|| hidden.next()).unwrap_or_default();
        let values = self.order.keys.iter().map(|key| {
            let found = value(row, index(key), key.compared())?;
            Ok(of_compared(key.storage, found))
        });
        values.collect()
    }
}

/// Returns the value of a sort key that statements compare as a text.
fn of_compared(storage: Storage, found: Value) -> Value {
    match (&found, storage) {
        (Value::Text(text), Storage::Date | Storage::Datetime) => {
            cell::value(storage, Raw::Text(text.as_bytes())).map_or(Value::Null, Value::from)
        }
        _ => found,
    }
}

/// Completes the query that counts the rows that match filter and search.
///
/// # Errors
/// Returns `Invalid` for a filter that is not allowed.
pub(crate) fn count(
    query: &mut Query<'_>,
    filter: &Filter,
    wanted: &Wanted,
    merge: Option<&[OverrideRow]>,
    overridden: &Overridden,
) -> Result<()> {
    query.sql.push_str("count(*)");
    query.from(merge)?;
    conditions(query, filter, wanted, overridden)
}

fn conditions(
    query: &mut Query<'_>,
    condition: &Filter,
    wanted: &Wanted,
    overridden: &Overridden,
) -> Result<()> {
    if *condition != Filter::All(vec![]) {
        query.sql.push_str(" AND ");
        sql::write_filter(query, condition)?;
    }
    search::write(query, wanted, overridden);
    Ok(())
}
