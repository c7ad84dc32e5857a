//! Compares two places while one of them is written to: records that its log of changes names are skipped, all others
//! must be equal.

use super::diff::{ModelDiff, by_id, differ};
use crate::{
    error::Result,
    model::Model,
    schema::Schema,
    sqlite::{
        site::Site,
        transfer::{
            catch_up::noted,
            copy::open_source,
            rows::{Side, Table},
        },
    },
};
use rusqlite::types::{Value, ValueRef};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
};

/// Ids of records to skip.
#[derive(Debug, Default)]
struct LeftOut {
    numbers: HashSet<i64>,
    texts: HashSet<Box<[u8]>>,
}

impl LeftOut {
    fn add(&mut self, id: Value) {
        match id {
            Value::Integer(number) => drop(self.numbers.insert(number)),
            Value::Text(text) => drop(self.texts.insert(text.into_bytes().into())),
            _ => {}
        }
    }

    fn has(&self, id: ValueRef<'_>) -> bool {
        match id {
            ValueRef::Integer(number) => self.numbers.contains(&number),
            ValueRef::Text(text) => self.texts.contains(text),
            _ => false,
        }
    }
}

/// Counts the rows that differ, without those that the log of `written` names after `after`. `still` must not be
/// written to meanwhile. Added rows are only in `written`, removed ones only in `still`.
pub(crate) fn compare_unwritten(
    still: &Site,
    written: &Site,
    schema: &Schema,
    after: u64,
) -> Result<Vec<ModelDiff>> {
    let (still_conn, written_conn) = (open_source(still)?, open_source(written)?);
    let mut left_out = BTreeMap::<String, LeftOut>::new();
    // The log is read in the same state of the place as its rows.
    noted(&written_conn, &written.place, after, u64::MAX, |model, id| {
        left_out.entry(model).or_default().add(id);
    })?;
    let (still, written) = (Side::new(&still_conn, still), Side::new(&written_conn, written));
    let models = || schema.plans().map(|plan| &**plan.model() as &Model);
    let tables = [Table::all(models(), still.isolation), Table::all(models(), written.isolation)];
    let none = LeftOut::default();
    let pairs = tables[0].iter().zip(&tables[1]);
    pairs
        .map(|(a, b)| one(&still, a, &written, b, left_out.get(a.model.name.as_str()).unwrap_or(&none)))
        .collect()
}

/// Compares one table. Both sides are read in order of id, so one pass over each is enough.
fn one(
    still: &Side<'_>,
    a: &Table<'_>,
    written: &Side<'_>,
    b: &Table<'_>,
    left_out: &LeftOut,
) -> Result<ModelDiff> {
    let mut diff = ModelDiff { model: a.model.name.clone(), added: 0, changed: 0, removed: 0 };
    let (mut left, mut right) = (still.conn.prepare(&a.all)?, written.conn.prepare(&b.all)?);
    let (mut left, mut right) = (left.query([still.tenant])?, right.query([written.tenant])?);
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
        if !left_out.has(id) {
            match (order, l, r) {
                (Ordering::Less, ..) => diff.removed += 1,
                (Ordering::Greater, ..) => diff.added += 1,
                (Ordering::Equal, Some(l), Some(r)) => {
                    diff.changed += u64::from(differ(l, r, a.columns.len())?);
                }
                _ => {}
            }
        }
        if order.is_le() {
            l = left.next()?;
        }
        if order.is_ge() {
            r = right.next()?;
        }
    }
}
