//! Turns a copy into a pooled tenant: inserts all its rows into the shared tables, and removes the rows of an earlier
//! generation of the same tenant and store. Reads and writes no other tenant's rows.
//!
//! The rows go in batch by batch, so that no writer in the pool waits for longer than a batch. No request is routed to
//! the place meanwhile: the tenant's row in `_tenantry_place` is closed, and its `carried` holds the fencing token of
//! the caller that fills it. After a crash the next caller takes over and starts again. Only if an earlier generation
//! may be in use, and is replaced under its readers, everything runs in one transaction.

use super::batches::Batches;
use crate::{
    error::{Error, Kind, Result},
    model::Model,
    name::TenantId,
    place::{Isolation, Place},
    sqlite::{
        connection::{BUSY_WAIT, Dedicated, Durability, WriteTurn, base, open},
        files::check_pages,
        identity,
        schema::Script,
        site::Site,
        transfer::{
            copy::{at_end, file, open_copy},
            fencing,
            rows::{Side, Sink, Table, activity, last_ids, sink},
        },
    },
};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

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
    at_end(&copy, script.laid_out(Isolation::Database)?, "the copy")?;
    consistent(&copy)?;
    let pooled = script.laid_out(Isolation::Pooled)?;
    let conn = open_target(site)?;
    let mut batches = Batches::begin(&conn, queue)?;
    at_end(&conn, pooled, "the shared database")?;
    let earlier = match existing(&conn, place)? {
        Existing::Complete => return Ok(()),
        Existing::Nothing => false,
        Existing::Earlier => true,
    };
    let filling_token = take_over(&conn, site)?;
    if earlier && !closed {
        batches.at_once();
    }
    batches.guard(move |conn| check_filling(conn, place, filling_token));
    let models: Vec<&Model> = pooled.state().of_store(pooled.store()).collect();
    let from = Side { conn: &copy, isolation: Isolation::Database, tenant: of.get() };
    let filled = fill(&from, &Side::new(&conn, site), &models, &mut batches)?;
    finish(&conn, place, &filled, fencing::initial_fence(closed))?;
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
    let sql = "SELECT generation, carried, rows FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
    let key = params![identity::tenant_number(place), place.store.as_str()];
    let found = conn.query_row(sql, key, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, i64>(2)?))
    });
    let (here, wanted) = (found.optional()?, identity::generation_number(place)?);
    match here {
        Some((found, ..)) if found > wanted => {
            Err(Error::new(Kind::Fenced, format!("{place}: the database is at generation {found}")))
        }
        Some((found, None, rows)) if found == wanted && rows > 0 => {
            Err(Error::new(Kind::Fenced, format!("{place}: rows of this generation are there already")))
        }
        Some((found, Some(carried), _)) if found == wanted && carried >= 0 => Ok(Existing::Complete),
        // A filling that was cut short. No request sees its rows.
        Some((found, ..)) if found == wanted => Ok(Existing::Nothing),
        Some(_) => Ok(Existing::Earlier),
        None => Ok(Existing::Nothing),
    }
}

/// Claims the place for this call, whichever call was filling it before, and returns the new fencing token.
fn take_over(conn: &Connection, site: &Site) -> Result<i64> {
    let filling_token = fencing::filling_token();
    let (place, tenant) = (&site.place, identity::tenant_number(&site.place));
    let store = place.store.as_str();
    conn.execute("DELETE FROM _tenantry_changes WHERE tenant = ?1 AND store = ?2", params![tenant, store])?;
    conn.execute(
        "INSERT OR REPLACE INTO _tenantry_place(tenant, store, generation, carried, platform, fenced)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            tenant,
            store,
            identity::generation_number(place)?,
            filling_token,
            site.platform.id(),
            fencing::initial_fence(true)
        ],
    )?;
    Ok(filling_token)
}

/// Verifies that no other call took over or removed the place since.
fn check_filling(conn: &Connection, place: &Place, filling_token: i64) -> Result<()> {
    let sql = "SELECT EXISTS(SELECT 1 FROM _tenantry_place
        WHERE tenant = ?1 AND store = ?2 AND generation = ?3 AND carried = ?4)";
    let (tenant, generation) = (identity::tenant_number(place), identity::generation_number(place)?);
    let ours: bool =
        conn.query_row(sql, params![tenant, place.store.as_str(), generation, filling_token], |row| {
            row.get(0)
        })?;
    if ours { Ok(()) } else { Err(Error::new(Kind::Fenced, format!("another caller fills {place}"))) }
}

/// Totals of what was carried.
struct Filled {
    rows: i64,
    bytes: i64,
    /// Id of the last entry of the activity log that was carried.
    carried: i64,
}

fn fill(from: &Side<'_>, to: &Side<'_>, models: &[&Model], batches: &mut Batches<'_>) -> Result<Filled> {
    let (sources, targets) = (
        Table::all(models.iter().copied(), from.isolation),
        Table::all(models.iter().copied(), to.isolation),
    );
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
    for (source, target) in sources.iter().zip(&targets) {
        let mut statement = from.conn.prepare(&source.all)?;
        let mut rows = statement.query([from.tenant])?;
        while let Some(row) = rows.next()? {
            let before = sink.bytes;
            sink.insert(target, row)?;
            batches.did(1, sink.bytes.abs_diff(before))?;
        }
    }
    last_ids::carry(from, to, &sources)?;
    let mut carried = 0;
    loop {
        let last = activity::carry(from, to, &sources, carried, LINES)?;
        if last == carried {
            return Ok(Filled { rows: sink.rows, bytes: sink.bytes, carried });
        }
        // A tenant's own database numbers its entries consecutively.
        let lines = last.abs_diff(carried).min(LINES.unsigned_abs());
        carried = last;
        batches.did(lines, 0)?;
    }
}

fn finish(conn: &Connection, place: &Place, filled: &Filled, fence: i64) -> Result<()> {
    let sql = "UPDATE _tenantry_place SET rows = ?3, bytes = ?4, carried = ?5, fenced = ?6
        WHERE tenant = ?1 AND store = ?2";
    let tenant = identity::tenant_number(place);
    let values = params![tenant, place.store.as_str(), filled.rows, filled.bytes, filled.carried, fence];
    conn.execute(sql, values)?;
    Ok(())
}
