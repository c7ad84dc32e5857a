//! Counts the rows of each model that would change if one place were replaced by another. Shown before a restore.

use crate::{
    carry::{ModelDiff, next_row},
    cell::Raw,
    error::Result,
    model::Model,
    schema::Schema,
    sqlite::{
        cells::raw,
        site::Site,
        transfer::{
            copy::open_source,
            rows::{Side, Table},
        },
    },
};
use rusqlite::Row;

/// Compares two places of one store, whatever their isolation, each in one consistent state. The result has an entry
/// for every model.
pub(crate) fn compare(live: &Site, other: &Site, schema: &Schema) -> Result<Vec<ModelDiff>> {
    let (live_conn, other_conn) = (open_source(live)?, open_source(other)?);
    let (live, other) = (Side::new(&live_conn, live), Side::new(&other_conn, other));
    let models = || schema.plans().map(|plan| &**plan.model() as &Model);
    let tables = [Table::all(models(), live.isolation), Table::all(models(), other.isolation)];
    tables[0].iter().zip(&tables[1]).map(|(a, b)| compare_table(&live, a, &other, b, |_| false)).collect()
}

/// Compares one table, without the rows whose id `skip` names. Both sides are read in order of id, so one pass over each
/// is enough.
pub(super) fn compare_table(
    live: &Side<'_>,
    a: &Table<'_>,
    other: &Side<'_>,
    b: &Table<'_>,
    skip: impl Fn(Raw<'_>) -> bool,
) -> Result<ModelDiff> {
    let mut diff = ModelDiff::none(&a.model.name);
    let (mut left, mut right) = (live.conn.prepare(&a.all)?, other.conn.prepare(&b.all)?);
    let (mut left, mut right) = (left.query([live.tenant])?, right.query([other.tenant])?);
    let (mut l, mut r) = (left.next()?, right.next()?);
    while let Some((id, side)) = next_row(id_of(l)?, id_of(r)?) {
        if !skip(id) {
            let is_changed = match (l, r) {
                (Some(l), Some(r)) if side.in_live() && side.in_other() => differ(l, r, a.columns.len())?,
                _ => false,
            };
            diff.count(side, is_changed);
        }
        if side.in_live() {
            l = left.next()?;
        }
        if side.in_other() {
            r = right.next()?;
        }
    }
    Ok(diff)
}

fn id_of<'r>(row: Option<&'r Row<'_>>) -> Result<Option<Raw<'r>>> {
    Ok(row.map(|row| row.get_ref(0)).transpose()?.map(raw))
}

fn differ(a: &Row<'_>, b: &Row<'_>, columns: usize) -> Result<bool> {
    for index in 0..columns {
        if a.get_ref(index)? != b.get_ref(index)? {
            return Ok(true);
        }
    }
    Ok(false)
}
