//! Turns a copy into a pooled tenant: inserts all its rows into the shared tables, and removes the rows of an earlier
//! generation of the same tenant and store. Reads and writes no other tenant's rows.
//!
//! The rows go in batch by batch, so that no writer in the pool waits for longer than a batch. No request is routed to
//! the place meanwhile: its state is *filling*, held by the fencing token of the caller that fills it. After a crash the
//! next caller takes over and starts again. Only if an earlier generation may be in use, and is replaced under its
//! readers, everything runs in one transaction.

use super::batches::Batches;
use crate::{
    carry::Tables,
    cell::Key,
    error::{Error, Kind, Result},
    identity::transition,
    name::TenantId,
    place::{Isolation, Place},
    schema::Script,
    sqlite::{
        connection::{BUSY_WAIT, Dedicated, Durability, WriteTurn, base, open},
        files::check_pages,
        identity,
        site::Site,
        transfer::{
            copy::{at_end, file, open_copy},
            fencing,
            reader::Reader,
            rows::{Side, Sink, Table, activity, last_ids, sink},
        },
    },
};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Rows of the copy that are read at a time.
const ROWS: usize = 100;
/// Entries of the activity log carried or removed at a time.
const LINES: i64 = 500;

/// Puts the copy `from` of tenant `of` into the shared database of the place. With `closed`, the place stays closed
/// until it is opened. Idempotent. `queue` waits for this process's turn to write.
pub(crate) fn absorb(
    site: &Site,
    script: &Script,
    from: &Path,
    of: TenantId,
    closed: bool,
    queue: &dyn Fn() -> WriteTurn,
) -> Result<()> {
    let place = &site.place;
    if place.isolation != Isolation::Pooled || place.tenant.is_none() {
        return Err(Error::new(Kind::Internal, format!("{place} is not a pooled tenant's")));
    }
    let copy = open_copy(from)?;
    check_pages(&copy)?;
    let inside = file::identity(&copy, &place.store, Some(of))?;
    if Some(of) == place.tenant && inside.generation > identity::generation_number(place)? {
        let detail = format!("the copy is of generation {}, later than {place}", inside.generation);
        return Err(Error::new(Kind::Fenced, detail));
    }
    at_end(&copy, script, "the copy")?;
    consistent(&copy)?;
    let conn = open_target(site)?;
    let mut batches = Batches::begin(&conn, queue)?;
    at_end(&conn, script, "the shared database")?;
    let earlier = match existing(&conn, place)? {
        Existing::Complete => return Ok(()),
        Existing::Nothing => false,
        Existing::Earlier => true,
    };
    let token = fencing::take_over(&conn, site)?;
    if earlier && !closed {
        batches.at_once();
    }
    batches.guard(move |conn| fencing::check_filling(conn, place, token));
    let tables = Tables::of_state(script.state(), script.store());
    let mut from = Reader::of_copy(from, &place.store, Some(of))?;
    from.read(&tables);
    let filled = fill(&from, &Side::new(&conn, site), &tables, &mut batches)?;
    let counted = (filled.rows, filled.bytes, filled.log_upto);
    fencing::finish_filling(&conn, place, transition::initial(closed), counted)?;
    batches.end()
}

/// Opens a connection to the shared database without foreign-key checks: between two batches, references may point to
/// rows that are still to come. The references were checked in the copy.
fn open_target(site: &Site) -> Result<Dedicated> {
    let conn = base::connect(site)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    sink::prepare(&conn)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    Ok(conn)
}

fn consistent(copy: &Connection) -> Result<()> {
    let table = copy.query_row("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0)).optional()?;
    table.map_or(Ok(()), |table| Err(Error::new(Kind::Reference(table), "in the copy")))
}

/// What the shared database already holds of the tenant.
enum Existing {
    /// No visible rows. A tenant that is only enrolled counts as this.
    Nothing,
    /// An earlier generation.
    Earlier,
    /// This generation, completely filled.
    Complete,
}

fn existing(conn: &Connection, place: &Place) -> Result<Existing> {
    let wanted = identity::generation_number(place)?;
    let Some((found, info)) = fencing::find(conn, place)? else { return Ok(Existing::Nothing) };
    if found > wanted {
        return Err(Error::new(Kind::Fenced, format!("{place}: the database is at generation {found}")));
    }
    Ok(match info.log_upto {
        _ if found < wanted => Existing::Earlier,
        // A filling that was cut short. No request sees its rows.
        _ if !info.state.is_complete() => Existing::Nothing,
        Some(_) => Existing::Complete,
        None if info.rows == 0 => Existing::Nothing,
        None => {
            return Err(Error::new(
                Kind::Fenced,
                format!("{place}: rows of this generation are there already"),
            ));
        }
    })
}

/// Totals of what was carried.
struct Filled {
    rows: i64,
    bytes: i64,
    /// Id of the last entry of the activity log that was carried.
    log_upto: i64,
}

fn fill(from: &Reader, to: &Side<'_>, tables: &Tables, batches: &mut Batches<'_>) -> Result<Filled> {
    let targets = Table::all(tables, to.isolation);
    let mut sink = Sink::new(*to, true);
    for table in &targets {
        while let taken @ 1.. = sink.remove_some(table)? {
            batches.did(taken, 0)?;
        }
    }
    last_ids::forget(to, &targets)?;
    while let gone @ 1.. = activity::forget(to, &targets, LINES)? {
        batches.did(gone, 0)?;
    }
    (sink.rows, sink.bytes) = (0, 0);
    for (position, target) in targets.iter().enumerate() {
        let mut after = None;
        loop {
            let page = from.page(position, after, ROWS)?;
            for row in 0..page.len() {
                let before = sink.bytes;
                sink.insert(target, &page, row)?;
                batches.did(1, sink.bytes.abs_diff(before))?;
                after = Some(page.key(row)?);
            }
            if page.len() < ROWS {
                break;
            }
        }
    }
    for (table, last) in from.last_ids()? {
        last_ids::raise(to, targets[table].model.as_str(), last)?;
    }
    let mut log_upto = 0;
    loop {
        let lines = from.lines(log_upto, LINES)?;
        let Some(last) = lines.len().checked_sub(1) else { break };
        let Key::Integer(last) = lines.key(last)? else { break };
        log_upto = last;
        activity::add(to, &lines)?;
        batches.did(lines.len() as u64, 0)?;
    }
    Ok(Filled { rows: sink.rows, bytes: sink.bytes, log_upto })
}
