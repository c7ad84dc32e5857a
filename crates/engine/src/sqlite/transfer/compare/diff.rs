//! Counts the rows of each model that would change if one place were replaced by another. Shown before a restore.

use crate::{
    error::Result,
    model::Model,
    name::ModelName,
    schema::Schema,
    sqlite::{
        site::Site,
        transfer::{
            copy::open_source,
            rows::{Side, Table},
        },
    },
};
use rusqlite::{Row, types::ValueRef};
use std::cmp::Ordering;

/// Numbers of rows of one model that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDiff {
    /// The model.
    pub model: ModelName,
    /// Rows only in the other place: they would be added.
    pub added: u64,
    /// Rows in both places with a different value in any column.
    pub changed: u64,
    /// Rows only in the live place: they would be removed.
    pub removed: u64,
}

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
    skip: impl Fn(ValueRef<'_>) -> bool,
) -> Result<ModelDiff> {
    let mut diff = ModelDiff { model: a.model.name.clone(), added: 0, changed: 0, removed: 0 };
    let (mut left, mut right) = (live.conn.prepare(&a.all)?, other.conn.prepare(&b.all)?);
    let (mut left, mut right) = (left.query([live.tenant])?, right.query([other.tenant])?);
    let (mut l, mut r) = (left.next()?, right.next()?);
    loop {
        let (id, order) = match (l, r) {
            (None, None) => return Ok(diff),
            (Some(l), None) => (l.get_ref(0)?, Ordering::Less),
            (None, Some(r)) => (r.get_ref(0)?, Ordering::Greater),
            (Some(l), Some(r)) => match by_id(l.get_ref(0)?, r.get_ref(0)?) {
                Ordering::Greater => (r.get_ref(0)?, Ordering::Greater),
                order => (l.get_ref(0)?, order),
            },
        };
        match (order, l, r) {
            _ if skip(id) => {}
            (Ordering::Less, ..) => diff.removed += 1,
            (Ordering::Greater, ..) => diff.added += 1,
            (Ordering::Equal, Some(l), Some(r)) => diff.changed += u64::from(differ(l, r, a.columns.len())?),
            _ => {}
        }
        if order.is_le() {
            l = left.next()?;
        }
        if order.is_ge() {
            r = right.next()?;
        }
    }
}

/// Compares two ids in SQLite's order.
fn by_id(a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
    match (a, b) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
        (ValueRef::Text(a), ValueRef::Text(b)) => a.cmp(b),
        (ValueRef::Integer(_), _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn differ(a: &Row<'_>, b: &Row<'_>, columns: usize) -> Result<bool> {
    for index in 0..columns {
        if a.get_ref(index)? != b.get_ref(index)? {
            return Ok(true);
        }
    }
    Ok(false)
}
