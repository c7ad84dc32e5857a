//! Groups of rows.

use super::{Overridden, Query, Wanted, conditions, value};
use crate::{
    error::{Error, Kind, Result},
    list::aggregate::Checked,
    overrides::OverrideRow,
    query::{Aggregate, Function, Group, Groups},
    sql,
};
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::FromSql};

/// Completes the query for the groups of the rows that match filter and search.
///
/// # Errors
/// Returns `Invalid` for a filter that is not allowed.
pub(crate) fn write(
    query: &mut Query<'_>,
    (asked, checked): (&Aggregate, &Checked),
    wanted: &Wanted,
    merge: Option<&[OverrideRow]>,
    overridden: &Overridden,
) -> Result<()> {
    sql::aggregate_columns(query, checked);
    query.from(merge)?;
    conditions(query, &asked.filter, wanted, overridden)?;
    sql::group_by(query, checked);
    sql::order_groups(query, checked, asked.order, asked.limit);
    Ok(())
}

/// Returns the groups in the answer to the query.
///
/// # Errors
/// Returns `Corrupt` if a column has a value that its storage does not allow, and the errors of the measures.
pub(crate) fn groups(rows: &[Row], asked: &Aggregate, checked: &Checked) -> Result<Groups> {
    let groups = rows.iter().map(|row| group(row, checked)).collect::<Result<_>>()?;
    Ok(Checked::groups(groups, asked.limit))
}

fn group(row: &Row, asked: &Checked) -> Result<Group> {
    let mut index = 0..;
    let mut next = || index.next().unwrap_or_default();
    let keys = asked.keys.iter().map(|key| value(row, next(), key.storage)).collect::<Result<_>>()?;
    let count: i64 = read(row, next())?;
    let measures = asked.measures.iter().map(|measure| match measure.function {
        Function::Sum | Function::Average => {
            let sum: Option<Decimal> = read(row, next())?;
            measure.result(sum, read(row, next())?)
        }
        Function::Min | Function::Max => value(row, next(), measure.storage),
    });
    Ok(Group { measures: measures.collect::<Result<_>>()?, keys, count: count.unsigned_abs() })
}

fn read<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T> {
    row.try_get(index).map_err(|error| Error::with_source(Kind::Corrupt, "a sum cannot be read", error))
}
