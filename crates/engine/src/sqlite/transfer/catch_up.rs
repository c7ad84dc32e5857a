//! Catches up with a place that is written to while a copy of it is being made: its writes note which records they
//! touched, and the current state of those records is carried over, repeatedly, until none is left.

use super::{
    copy::{file, open_source},
    fencing,
    rows::{Side, Sink, Table, activity, last_ids, sink},
};
use crate::{
    carry::CaughtUp,
    cell::Key,
    error::{Error, Kind, Result},
    model::Model,
    place::Place,
    schema::Schema,
    sqlite::{cells::raw, files::upkeep, identity, site::Site},
};
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::{BTreeMap, HashSet};

/// Ids of touched records, by model.
type Touched = BTreeMap<String, Vec<Key>>;

/// Carries up to `most` changes in `from` after `after` to `to`, in one transaction. Repeating it changes nothing. `to`
/// must be closed: no other writer uses it then, and once it is opened this call fails.
pub(crate) fn copy_changes(
    from: &Site,
    to: &Site,
    schema: &Schema,
    token: i64,
    after: u64,
    most: u64,
) -> Result<CaughtUp> {
    if from.path == to.path {
        return Err(Error::new(Kind::Internal, format!("{} cannot catch up with itself", from.place)));
    }
    let mut conn = upkeep::open_dedicated(to)?;
    sink::prepare(&conn)?;
    // Between two calls the copy may hold only part of a set of related changes. Once all are carried, it equals the
    // original, whose references were checked.
    conn.pragma_update(None, "foreign_keys", false)?;
    // Take the lock first: what is read under it is never older than what was carried before.
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let log_upto = fencing::check_closed(&transaction, &to.place)?;
    let source = open_source(from)?;
    fencing::check_recorded(&source, &from.place, token)?;
    let (touched, caught_up) = touched(&source, &from.place, after, most)?;
    let ledgers = [file::ledger_of(&source, schema.store())?, file::ledger_of(&transaction, schema.store())?];
    if ledgers[0] != ledgers[1] {
        let detail = "migrations ran on one of the two since the copy was made: make the copy anew";
        return Err(Error::new(Kind::SchemaBehind, detail));
    }
    if caught_up.changes > 0 {
        let log = (log_upto, i64::try_from(most.max(1)).unwrap_or(i64::MAX));
        apply(&Side::new(&source, from), &Side::new(&transaction, to), schema, &touched, &to.place, log)?;
        transaction.commit()?;
    }
    Ok(caught_up)
}

/// Returns the touched records, each once, and how far they reach.
fn touched(conn: &Connection, place: &Place, after: u64, most: u64) -> Result<(Touched, CaughtUp)> {
    let (mut touched, mut seen) = (Touched::new(), HashSet::new());
    let caught_up = noted(conn, place, after, most, |model, id| {
        if seen.insert((model.clone(), id)) {
            touched.entry(model).or_default().push(id);
        }
    })?;
    Ok((touched, caught_up))
}

/// Passes up to `most` changes noted after `after` to `tell`, and returns how far they reach.
pub(crate) fn noted(
    conn: &Connection,
    place: &Place,
    after: u64,
    most: u64,
    mut tell: impl FnMut(String, Key),
) -> Result<CaughtUp> {
    let sql = "SELECT seq, model, id FROM _tenantry_changes WHERE seq > ?3 AND tenant = ?1 AND store = ?2
        ORDER BY seq LIMIT ?4";
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query(params![
        identity::tenant_number(place),
        place.store.as_str(),
        bound(after),
        bound(most)
    ])?;
    let mut caught_up = CaughtUp { seq: after, changes: 0 };
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        caught_up = CaughtUp { seq: seq.unsigned_abs(), changes: caught_up.changes + 1 };
        let id = Key::read(raw(row.get_ref(2)?));
        tell(row.get(1)?, id.ok_or_else(|| Error::new(Kind::Corrupt, "a change of a record without an id"))?);
    }
    Ok(caught_up)
}

fn apply(
    from: &Side<'_>,
    to: &Side<'_>,
    schema: &Schema,
    touched: &Touched,
    place: &Place,
    log: (i64, i64),
) -> Result<()> {
    let models = || schema.plans().map(|plan| &**plan.model() as &Model);
    let (sources, targets) = (Table::all(models(), from.isolation), Table::all(models(), to.isolation));
    let mut sink = Sink::new(*to, true);
    // Remove all rows first: unique values may have moved from one row to another.
    for (table, ids) in targets.iter().filter_map(|t| Some((t, touched.get(t.model.name.as_str())?))) {
        ids.iter().try_for_each(|id| sink.remove(table, *id))?;
    }
    for (source, target) in sources.iter().zip(&targets) {
        for id in touched.get(source.model.name.as_str()).into_iter().flatten() {
            let mut get = from.conn.prepare_cached(&source.get)?;
            let mut rows = get.query(params![from.tenant, id])?;
            if let Some(row) = rows.next()? {
                // A row that conflicts on a unique value was itself changed later in the log, so it can be removed
                // here; that later entry inserts it again.
                sink.remove_conflicting(target, row)?;
                sink.insert(target, row)?;
            }
        }
    }
    last_ids::carry(from, to, &sources)?;
    finish(from, to, &sources, place, &sink, log)
}

/// Carries up to `most` entries of the activity log after `log_upto`, and the counts. A write notes at least as many
/// records as it logs, so with the same limit the log catches up no later than the records.
fn finish(
    from: &Side<'_>,
    to: &Side<'_>,
    sources: &[Table<'_>],
    place: &Place,
    sink: &Sink<'_>,
    (log_upto, most): (i64, i64),
) -> Result<()> {
    let log_upto = activity::carry(from, to, sources, log_upto, most)?;
    to.conn.execute(
        "UPDATE _tenantry_place SET rows = rows + ?3, bytes = bytes + ?4, log_upto = ?5 WHERE tenant = ?1 AND store = ?2",
        params![to.tenant, place.store.as_str(), sink.rows, sink.bytes, log_upto],
    )?;
    Ok(())
}
