//! Groups of rows.

use super::{Query, conditions};
use crate::{
    cell::{Storage, value},
    error::{Error, Kind, Result},
    list::aggregate::{Checked, Computed},
    overrides::OverrideRow,
    query::{Aggregate, Function, Group, Groups},
    schema::{Confinement, Schema},
    sql,
    sqlite::cells::raw,
    value::Value,
};
use rusqlite::{Connection, Row, types::ValueRef};
use rust_decimal::Decimal;

/// Returns the groups of the rows that match filter and search.
///
/// # Errors
/// Returns `NotFound` if there is no such model, and `Invalid` if [`Checked::new`] or the list refuses the query.
pub fn aggregate(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    asked: &Aggregate,
    merge: Option<&[OverrideRow]>,
) -> Result<Groups> {
    let plan = schema.require(model)?;
    let checked = Checked::new(plan, asked)?;
    let mut query = Query::new(schema, plan, who, "SELECT ");
    sql::aggregate_columns(&mut query, &checked);
    query.from(merge)?;
    conditions(&mut query, conn, &asked.filter, asked.search.as_deref(), merge)?;
    sql::group_by(&mut query, &checked);
    sql::order_groups(&mut query, &checked, asked.order, asked.limit);
    let mut statement = conn.prepare_cached(&query.sql)?;
    let params = query.params(&statement);
    let mut rows = statement.query(params.as_slice())?;
    let mut groups = vec![];
    while let Some(row) = rows.next()? {
        groups.push(group(row, &checked)?);
    }
    Ok(Checked::groups(groups, asked.limit))
}

fn group(row: &Row<'_>, asked: &Checked) -> Result<Group> {
    let mut index = 0..;
    let mut next = || index.next().unwrap_or_default();
    let keys = asked.keys.iter().map(|key| cell(row, next(), key.storage)).collect::<Result<_>>()?;
    let count: i64 = row.get(next())?;
    let measures = asked.measures.iter().map(|measure| match measure.function {
        Function::Sum | Function::Average => {
            let sum = sum(row.get_ref(next())?, measure)?;
            measure.result(sum, row.get(next())?)
        }
        Function::Min | Function::Max => cell(row, next(), measure.storage),
    });
    Ok(Group { measures: measures.collect::<Result<_>>()?, keys, count: count.unsigned_abs() })
}

fn cell(row: &Row<'_>, index: usize, storage: Storage) -> Result<Value> {
    value(storage, raw(row.get_ref(index)?)).map(Value::from).ok_or_else(damaged)
}

/// Reads a sum from its parts: the sums of the upper and of the lower halves of 64-bit numbers.
fn sum(value: ValueRef<'_>, measure: &Computed) -> Result<Option<Decimal>> {
    if value == ValueRef::Null {
        return Ok(None);
    }
    let halves = value.as_str().ok().and_then(|text| text.split_once(','));
    let halves = halves.and_then(|(upper, lower)| Some((upper.parse().ok()?, lower.parse().ok()?)));
    let (upper, lower): (i64, i64) = halves.ok_or_else(damaged)?;
    let sum = (i128::from(upper) << 32) + i128::from(lower);
    let scale = if let Storage::Decimal(scale) = measure.storage { scale } else { 0 };
    Decimal::try_from_i128_with_scale(sum, scale).map(Some).map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::new(Kind::Corrupt, "a column holds a value of another type")
}
