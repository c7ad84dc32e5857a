//! The target side of filling a place in a pool: claims the place, removes what an earlier generation of the same
//! tenant and store left there, and completes it. Reads and writes no other tenant's rows.
//!
//! Rows are inserted in batches, so that no writer in the pool waits longer than a batch. Meanwhile no request is
//! routed to the place: its state is *filling*, and it is held by the fencing token of the caller that fills it. After
//! a crash, the next caller takes over and starts again. There is one exception: if an earlier generation may be in
//! use, and is replaced under its readers, everything runs in one transaction.

use super::batches::{Batches, Queue};
use crate::{
    carry::{Tables, require_same},
    error::{Error, Kind, Result},
    identity::PlaceState,
    ledger::Applied,
    place::{Isolation, Place},
    schema::Script,
    sqlite::{
        connection::{BUSY_WAIT, Dedicated, Durability, base, open},
        identity,
        schema::migrate,
        site::Site,
        transfer::{
            fencing,
            rows::{Side, Sink, Table, activity, last_ids, sink},
        },
    },
};
use rusqlite::{Connection, OptionalExtension};

/// Entries of the activity log that are removed at a time.
const LINES: i64 = 500;

/// A place in a pool while a caller fills it.
pub(crate) struct Filling {
    place: Place,
    /// State of the place once it is complete.
    filled: PlaceState,
    tables: Tables,
    pub(crate) batches: Batches,
}

/// The contents of a place in a pool that is about to be filled.
pub(crate) struct Wanted {
    /// The migrations that the source has.
    pub(crate) applied: Applied,
    /// All migrations of the store.
    pub(crate) script: Script,
    pub(crate) tables: Tables,
    /// State of the place once it is complete.
    pub(crate) filled: PlaceState,
}

impl Filling {
    /// Claims the place and removes its previous contents; `None` if the place was filled already. `queue` waits for
    /// this process's turn to write.
    ///
    /// # Errors
    /// Returns `Fenced` if the pool has a later generation, or rows of this generation that were not carried there, and
    /// the errors of [`require_same`].
    pub(crate) fn begin(site: &Site, wanted: &Wanted, queue: &Queue) -> Result<Option<(Dedicated, Self)>> {
        let (place, filled) = (&site.place, wanted.filled);
        if place.isolation != Isolation::Pooled || place.tenant.is_none() {
            return Err(Error::new(Kind::Internal, format!("{place} is not a pooled tenant's")));
        }
        let conn = open_target(site)?;
        let mut batches = Batches::begin(&conn, queue.clone())?;
        let pool = migrate::ledger(&conn, &place.store)?.into_iter().collect();
        require_same(&wanted.applied, &pool, &wanted.script)?;
        let is_replaced = match existing(&conn, place)? {
            Existing::Complete => return Ok(None),
            Existing::Nothing => false,
            Existing::Earlier => filled.is_open(),
        };
        let token = fencing::take_over(&conn, site)?;
        let claimed = place.clone();
        batches.guard(move |conn| fencing::check_filling(conn, &claimed, token));
        if is_replaced {
            batches.at_once();
        } else {
            // A later caller fills again what a power failure loses.
            batches.pause(&conn)?;
            conn.pragma_update(None, "synchronous", "NORMAL")?;
        }
        batches.open(&conn)?;
        clear(&conn, site, &wanted.tables, &mut batches)?;
        batches.pause(&conn)?;
        Ok(Some((conn, Self { place: place.clone(), filled, tables: wanted.tables.clone(), batches })))
    }

    /// Completes the place and commits. `counted` contains the rows, the bytes and the last entry of the activity log
    /// that was carried.
    ///
    /// # Errors
    /// Returns [`Kind::Reference`] if a row refers to a row that does not exist.
    pub(crate) fn finish(&mut self, conn: &Connection, counted: (i64, i64, i64)) -> Result<()> {
        check_references(conn, &self.tables, &self.place)?;
        if conn.is_autocommit() {
            conn.pragma_update(None, "synchronous", "FULL")?;
        }
        self.batches.open(conn)?;
        fencing::finish_filling(conn, &self.place, self.filled, counted)?;
        self.batches.end(conn)
    }
}

/// Opens a connection to the shared database without foreign-key checks: between two batches, references may point to
/// rows that are not inserted yet.
fn open_target(site: &Site) -> Result<Dedicated> {
    let conn = base::connect(site)?;
    identity::is_ours(&conn)?;
    open::settle(&conn, Durability::Full)?;
    conn.busy_timeout(BUSY_WAIT)?;
    sink::prepare(&conn)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    Ok(conn)
}

fn check_references(conn: &Connection, tables: &Tables, place: &Place) -> Result<()> {
    let tenant = place.tenant_number();
    for table in tables.iter() {
        for reference in &table.references {
            let (to, column) = (&tables[reference.to], &table.columns[reference.column].name);
            let sql = format!(
                "SELECT 1 FROM [{}] AS t WHERE t.[{}] = ?1 AND t.[{column}] IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM [{}] AS u WHERE u.[{}] = ?1 AND u.[id] = t.[{column}]) LIMIT 1",
                table.model, table.tenant, to.model, to.tenant
            );
            if conn.query_row(&sql, [tenant], |_| Ok(())).optional()?.is_some() {
                let detail = format!("{column} of a row to carry refers to a missing one");
                return Err(Error::new(Kind::Reference(table.model.to_string()), detail));
            }
        }
    }
    Ok(())
}

/// The tenant's contents that the shared database already has.
enum Existing {
    /// No visible rows. This includes a tenant that is only enrolled.
    Nothing,
    /// Rows of an earlier generation.
    Earlier,
    /// This generation, completely filled.
    Complete,
}

fn existing(conn: &Connection, place: &Place) -> Result<Existing> {
    let wanted = place.generation_number()?;
    let Some((found, info)) = fencing::find(conn, place)? else { return Ok(Existing::Nothing) };
    if found > wanted {
        return Err(Error::new(Kind::Fenced, format!("{place}: the database is at generation {found}")));
    }
    Ok(match info.log_upto {
        _ if found < wanted => Existing::Earlier,
        // An earlier call began to fill the place and did not finish. No request sees its rows.
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

/// Removes all rows of the tenant, its last ids and its entries in the activity log.
fn clear(conn: &Connection, site: &Site, tables: &Tables, batches: &mut Batches) -> Result<()> {
    let side = Side::new(conn, site);
    let targets = Table::all(tables, side.isolation);
    let mut sink = Sink::new(side, true);
    for table in &targets {
        while let taken @ 1.. = sink.remove_some(table)? {
            batches.did(conn, taken, 0)?;
        }
    }
    last_ids::forget(&side, &targets)?;
    while let gone @ 1.. = activity::forget(&side, &targets, LINES)? {
        batches.did(conn, gone, 0)?;
    }
    Ok(())
}
