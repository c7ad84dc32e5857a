//! Compares two places while one of them is written to: records that its log of changes names are skipped, all others
//! must be equal.

use super::diff::compare_table;
use crate::{
    carry::ModelDiff,
    cell::Key,
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
use std::collections::{BTreeMap, HashSet};

/// Counts the rows that differ, without those that the log of `written` names after `after`. `still` must not be
/// written to meanwhile. Added rows are only in `written`, removed ones only in `still`.
pub(crate) fn compare_unwritten(
    still: &Site,
    written: &Site,
    schema: &Schema,
    after: u64,
) -> Result<Vec<ModelDiff>> {
    let (still_conn, written_conn) = (open_source(still)?, open_source(written)?);
    let mut left_out = BTreeMap::<String, HashSet<Key>>::new();
    // The log is read in the same state of the place as its rows.
    noted(&written_conn, &written.place, after, u64::MAX, |model, id| {
        left_out.entry(model).or_default().insert(id);
    })?;
    let (still, written) = (Side::new(&still_conn, still), Side::new(&written_conn, written));
    let models = || schema.plans().map(|plan| &**plan.model() as &Model);
    let tables = [Table::all(models(), still.isolation), Table::all(models(), written.isolation)];
    let none = HashSet::new();
    let pairs = tables[0].iter().zip(&tables[1]);
    let compared = pairs.map(|(a, b)| {
        let left_out = left_out.get(a.model.name.as_str()).unwrap_or(&none);
        compare_table(&still, a, &written, b, |id| Key::read(id).is_some_and(|id| left_out.contains(&id)))
    });
    compared.collect()
}
