//! Lets a copy catch up with a place that is written to while the copy is being made. The writes record which records
//! they touch. The current state of those records is carried over repeatedly, until no touched record is left.

use super::{CaughtUp, End, Sink, Source, Tables, Touched};
use crate::{
    cell::Key,
    error::{Error, Kind, Result},
    identity::transition,
    ledger::Applied,
    schema::Script,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Carries up to `most` changes in `from` after the change `after` to `to`, in one transaction. Idempotent. `to` must
/// be closed, so that no other writer uses it; once it is opened, this call fails.
pub(crate) async fn copy_changes(
    from: &End,
    to: &End,
    script: &Script,
    token: i64,
    after: u64,
    most: u64,
) -> Result<CaughtUp> {
    from.refuse_same(to)?;
    // Lock the target first: what this call reads under the lock is never older than what an earlier call carried.
    let mut sink = Sink::catching_up(to).await?;
    let mut source = Source::open(from).await?;
    match source.info().await?.recorder {
        Some(recorder) if recorder == token => {}
        other => return Err(transition::not_recorded(from.place(), other, token)),
    }
    let (touched, caught_up) = source.noted(after, most).await?;
    let tables = same_tables(&source.ledger().await?, &sink.ledger().await?, script)?;
    if caught_up.changes > 0 {
        source.read(&tables).await?;
        sink.write(&tables).await?;
        refresh(&mut source, &mut sink, &tables, touched).await?;
        sink.last_ids(source.last_ids().await?).await?;
        // A write records at least as many records as it logs, so with the same limit the log never catches up later.
        let log_upto = carry_lines(&mut source, &mut sink, most).await?;
        sink.finish(log_upto).await?;
    }
    source.end().await?;
    Ok(caught_up)
}

/// Returns the tables of two places with the same migrations. `script` may have more.
///
/// # Errors
/// Returns [`Kind::SchemaBehind`] if their migrations differ, and [`Kind::SchemaAhead`] if `script` lacks some.
pub(super) fn same_tables(from: &Applied, to: &Applied, script: &Script) -> Result<Tables> {
    if from != to {
        let detail = "migrations ran on one of the two since the copy was made: make the copy anew";
        return Err(Error::new(Kind::SchemaBehind, detail));
    }
    let script = script.as_applied(from)?;
    Ok(Tables::of_state(script.state(), script.store()))
}

/// Carries up to `most` entries of the activity log. Returns the id of the last one.
async fn carry_lines(source: &mut Source, sink: &mut Sink, most: u64) -> Result<i64> {
    let after = sink.log_upto().await?;
    let lines = source.lines(after, i64::try_from(most.max(1)).unwrap_or(i64::MAX)).await?;
    let Some(last) = lines.len().checked_sub(1) else { return Ok(after) };
    let Key::Integer(last) = lines.key(last)? else { return Ok(after) };
    sink.lines(&Arc::new(lines)).await?;
    Ok(last)
}

/// Number of rows that are carried at a time.
const ROWS: usize = 100;

/// Ids of the rows of one step, for each table.
type Ids = Vec<HashSet<Key>>;

/// Makes the touched rows of the target equal to those of the source.
///
/// Refreshes other rows with them if that is necessary. One case is a row with a unique value that now belongs to
/// another row. On databases that check references, others are a missing row that is referred to, and a row that refers
/// to a deleted row. So every round leaves the target consistent, although it may carry only a part of related changes.
async fn refresh(source: &mut Source, sink: &mut Sink, tables: &Tables, mut touched: Touched) -> Result<()> {
    let ids = |table: &super::Table| touched.remove(table.model.as_str()).unwrap_or_default();
    let mut step: Ids = tables.iter().map(ids).collect();
    let mut done: Ids = vec![HashSet::new(); tables.len()];
    while step.iter().any(|ids| !ids.is_empty()) {
        // Remove all rows first, because unique values may have moved from one row to another.
        for (table, ids) in step.iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
            sink.take(table, ids.iter().copied().collect()).await?;
            done[table].extend(ids);
        }
        let mut with = With { next: vec![HashSet::new(); tables.len()], parents: HashMap::new() };
        for (table, ids) in step.iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
            let ids: Vec<Key> = ids.iter().copied().collect();
            for ids in ids.chunks(ROWS) {
                put(source, sink, tables, table, ids, &mut with).await?;
            }
        }
        for (table, ids) in with.parents {
            with.next[table].extend(sink.absent(table, ids.into_iter().collect()).await?);
        }
        step = with.next;
        step.iter_mut().zip(&done).for_each(|(step, done)| step.retain(|id| !done.contains(id)));
    }
    Ok(())
}

/// Rows that a step affects beyond its own.
struct With {
    /// Rows to refresh next.
    next: Ids,
    /// Rows that other rows refer to, by table.
    parents: HashMap<usize, HashSet<Key>>,
}

/// Inserts the current rows with these ids. Removes rows that conflict with them; the next step refreshes those.
async fn put(
    source: &mut Source,
    sink: &mut Sink,
    tables: &Tables,
    table: usize,
    ids: &[Key],
    with: &mut With,
) -> Result<()> {
    let page = Arc::new(source.rows(table, ids.to_vec()).await?);
    let in_the_way = sink.conflicts(table, &page).await?;
    sink.take(table, in_the_way.clone()).await?;
    with.next[table].extend(in_the_way);
    sink.put(table, &page).await?;
    if !sink.checks_references() {
        return Ok(());
    }
    let there: HashSet<Key> = page.keys()?.into_iter().collect();
    let gone: Vec<Key> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
    for (child, of) in tables.iter().enumerate().filter(|_| !gone.is_empty()) {
        for (position, _) in of.references.iter().enumerate().filter(|(_, to)| to.to == table) {
            with.next[child].extend(sink.referrers(child, position, gone.clone()).await?);
        }
    }
    for reference in &tables[table].references {
        let ids = (0..page.len()).filter_map(|row| Key::read(page.get(row, reference.column)));
        with.parents.entry(reference.to).or_default().extend(ids);
    }
    Ok(())
}
