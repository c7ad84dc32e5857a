//! Marks of moves: who records a place's changes, who fenced it, and that a copy is not open yet.
//!
//! Workers of an operation may be late: paused for minutes, while another finishes or undoes what they
//! were at. So whatever a move sets in a database carries its mark, and is changed back by that mark only;
//! none of it can be set again once it was undone, for each rests on what was undone after it.

use crate::error::{Error, Kind, Result};
use crate::place::Place;
use crate::sqlite::{identity, server::Site, upkeep};
use rusqlite::{Connection, OptionalExtension, params, types::ToSql};

/// Fence of a place that is being filled: only catching up writes to it, until it is opened.
pub(super) const CLOSED: i64 = 2;

/// What a place that is made from a copy is born with.
pub(super) fn first_fence(closed: bool) -> i64 {
    if closed { CLOSED } else { 0 }
}

/// Who fills a pooled place, as `carried` says it until it is filled: never what a log of activity ends with.
pub(super) fn filler() -> i64 {
    let random = uuid::Uuid::now_v7().as_u128() & u128::from(u64::MAX >> 2);
    -i64::try_from(random).unwrap_or(i64::MAX).max(1)
}

/// What the row of a place says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Who fenced it; 0: it is open.
    pub fence: i64,
    /// Who records its changes; 0: nobody.
    pub recording: i64,
    /// Rows of declared models.
    pub rows: u64,
    /// Bytes of stored values; counted for pooled tenants only.
    pub bytes: u64,
    /// All of the copy it is made from is in it.
    pub filled: bool,
}

impl Standing {
    /// It is being filled and was not opened yet.
    pub fn is_closed(&self) -> bool {
        self.fence == CLOSED
    }
}

/// What the row of the place says now.
pub(crate) fn standing(site: &Site) -> Result<Standing> {
    of(&upkeep::apart(site)?, &site.place)
}

fn of(conn: &Connection, place: &Place) -> Result<Standing> {
    let sql = "SELECT fenced, recording, rows, bytes, coalesce(carried, 0) >= 0 FROM _tenantry_place
        WHERE tenant = ?1 AND store = ?2 AND generation = ?3";
    let key =
        params![identity::tenant_number(place), place.store.as_str(), identity::generation_number(place)?];
    let found = conn.query_row(sql, key, |row| {
        let count = |index| row.get(index).map(|n: i64| u64::try_from(n).unwrap_or(0));
        let (fence, recording, filled) = (row.get(0)?, row.get(1)?, row.get(4)?);
        Ok(Standing { fence, recording, rows: count(2)?, bytes: count(3)?, filled })
    });
    found.optional()?.ok_or_else(|| stale(place))
}

fn stale(place: &Place) -> Error {
    Error::new(Kind::Fenced, format!("{place:?} is not at this generation here"))
}

/// Changes the row of the place if `condition` holds (`?4` is the mark); how many rows that were.
fn set(conn: &Connection, place: &Place, mark: i64, what: &str, condition: &str) -> Result<usize> {
    let sql = format!(
        "UPDATE _tenantry_place SET {what} WHERE tenant = ?1 AND store = ?2 AND generation = ?3 AND {condition}"
    );
    let (tenant, generation) = (identity::tenant_number(place), identity::generation_number(place)?);
    let values: [&dyn ToSql; 4] = [&tenant, &place.store.as_str(), &generation, &mark];
    Ok(conn.execute(&sql, &values[..])?)
}

/// Notes from now on which records writes touch, for the holder of `mark`; who did so before is done.
pub(crate) fn record(conn: &Connection, place: &Place, mark: i64) -> Result<()> {
    match set(conn, place, mark, "recording = ?4", "1")? {
        1 => Ok(()),
        _ => Err(stale(place)),
    }
}

/// Stops noting and forgets the notes, unless they are somebody else's.
pub(crate) fn stop_recording(conn: &Connection, place: &Place, mark: i64) -> Result<()> {
    if set(conn, place, mark, "recording = 0", "recording = ?4")? == 1 {
        let sql = "DELETE FROM _tenantry_changes WHERE tenant = ?1 AND store = ?2";
        conn.execute(sql, params![identity::tenant_number(place), place.store.as_str()])?;
    }
    Ok(())
}

/// Fences a place whose changes are recorded for the holder of `mark`; else it was undone meanwhile.
pub(crate) fn fence_recorded(conn: &Connection, place: &Place, mark: i64) -> Result<()> {
    match set(conn, place, mark, "fenced = ?4", "recording = ?4")? {
        1 => Ok(()),
        _ => Err(Error::new(Kind::Fenced, format!("{place:?} is not recorded by {mark}"))),
    }
}

/// Lifts the fence of the holder of `mark`; another's stays.
pub(crate) fn lift_fence(conn: &Connection, place: &Place, mark: i64) -> Result<()> {
    set(conn, place, mark, "fenced = 0", "fenced = ?4").map(drop)
}

/// Opens a place that was filled, and records its changes from its first write on. Opened before: nothing
/// to do.
pub(crate) fn open_filled(conn: &Connection, place: &Place, mark: i64) -> Result<()> {
    let condition = format!("fenced = {CLOSED} AND coalesce(carried, 0) >= 0");
    if set(conn, place, mark, "fenced = 0, recording = ?4", &condition)? == 1 {
        return Ok(());
    }
    match of(conn, place)?.fence {
        0 => Ok(()),
        fence => Err(Error::new(Kind::Fenced, format!("{place:?} is fenced by {fence}"))),
    }
}

/// Refuses unless the place is still being filled; asked in the transaction that writes to it.
pub(super) fn check_closed(conn: &Connection, place: &Place) -> Result<()> {
    if of(conn, place)?.is_closed() {
        return Ok(());
    }
    Err(Error::new(Kind::Fenced, format!("{place:?} is in use: nothing is carried into it any more")))
}

/// Refuses unless changes are recorded for the holder of `mark`, in the state that is read.
pub(super) fn check_recorded(conn: &Connection, place: &Place, mark: i64) -> Result<()> {
    match of(conn, place)?.recording {
        recording if recording == mark => Ok(()),
        other => {
            Err(Error::new(Kind::Fenced, format!("changes of {place:?} are recorded by {other}, not {mark}")))
        }
    }
}
