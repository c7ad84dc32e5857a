//! Fencing tokens of moves: which operation records a place's changes, which one fenced it, and that a copy is
//! not open yet.
//!
//! A worker of an operation may be late: it was paused for minutes while another worker finished or undid the
//! operation. So whatever a move sets in a database carries the operation's fencing token, and only that token can
//! change it back. Nothing that was undone can be set again, because each step requires what was undone after it.

use crate::{
    error::{Error, Kind, Result},
    place::Place,
    sqlite::{files::upkeep, identity, site::Site},
};
use rusqlite::{Connection, OptionalExtension, params, types::ToSql};

/// Value of `fenced` for a place that is being filled: only catching up writes to it, until it is opened.
pub(crate) const CLOSED: i64 = 2;

/// Returns the value of `fenced` for a new place that is made from a copy.
pub(crate) fn initial_fence(closed: bool) -> i64 {
    if closed { CLOSED } else { 0 }
}

/// Returns a new token for a call that fills a pooled place. `carried` holds it until the place is filled. Negative, so
/// never an id of the activity log.
pub(crate) fn filling_token() -> i64 {
    let random = uuid::Uuid::now_v7().as_u128() & u128::from(u64::MAX >> 2);
    -i64::try_from(random).unwrap_or(i64::MAX).max(1)
}

/// State of a place, from its row in `_tenantry_place`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceState {
    /// Fencing token of the operation that fenced it; 0 if it is open.
    pub fence: i64,
    /// Fencing token of the operation that records its changes; 0 if none does.
    pub recording: i64,
    /// Number of rows of declared models.
    pub rows: u64,
    /// Bytes of stored values; counted for pooled tenants only.
    pub bytes: u64,
    /// True if it holds all of the copy it is made from.
    pub filled: bool,
}

impl PlaceState {
    /// Returns true if it is being filled and was not opened yet.
    pub fn is_closed(&self) -> bool {
        self.fence == CLOSED
    }
}

/// Reads the current state of the place.
pub(crate) fn place_state(site: &Site) -> Result<PlaceState> {
    let conn = upkeep::open_dedicated(site)?;
    of(&conn, &site.place)
}

fn of(conn: &Connection, place: &Place) -> Result<PlaceState> {
    let sql = "SELECT fenced, recording, rows, bytes, coalesce(carried, 0) >= 0 FROM _tenantry_place
        WHERE tenant = ?1 AND store = ?2 AND generation = ?3";
    let key =
        params![identity::tenant_number(place), place.store.as_str(), identity::generation_number(place)?];
    let found = conn.query_row(sql, key, |row| {
        let count = |index| row.get(index).map(|n: i64| u64::try_from(n).unwrap_or(0));
        let (fence, recording, filled) = (row.get(0)?, row.get(1)?, row.get(4)?);
        Ok(PlaceState { fence, recording, rows: count(2)?, bytes: count(3)?, filled })
    });
    found.optional()?.ok_or_else(|| stale(place))
}

fn stale(place: &Place) -> Error {
    Error::new(Kind::Fenced, format!("{place} is not at this generation here"))
}

/// Changes the row of the place if `condition` holds (`?4` is the token). Returns the number of changed rows.
fn set(conn: &Connection, place: &Place, token: i64, what: &str, condition: &str) -> Result<usize> {
    let sql = format!(
        "UPDATE _tenantry_place SET {what} WHERE tenant = ?1 AND store = ?2 AND generation = ?3 AND {condition}"
    );
    let (tenant, generation) = (identity::tenant_number(place), identity::generation_number(place)?);
    let values: [&dyn ToSql; 4] = [&tenant, &place.store.as_str(), &generation, &token];
    Ok(conn.execute(&sql, &values[..])?)
}

/// Starts to note which records writes touch, for the operation with this token. An operation that recorded before
/// loses its recording.
pub(crate) fn record(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    match set(conn, place, token, "recording = ?4", "1")? {
        1 => Ok(()),
        _ => Err(stale(place)),
    }
}

/// Stops the recording of this token and deletes its notes; another operation's recording stays.
pub(crate) fn stop_recording(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    if set(conn, place, token, "recording = 0", "recording = ?4")? == 1 {
        let sql = "DELETE FROM _tenantry_changes WHERE tenant = ?1 AND store = ?2";
        conn.execute(sql, params![identity::tenant_number(place), place.store.as_str()])?;
    }
    Ok(())
}

/// Fences a place whose changes are recorded for this token. Fails if the recording was undone meanwhile.
pub(crate) fn fence_recorded(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    match set(conn, place, token, "fenced = ?4", "recording = ?4")? {
        1 => Ok(()),
        _ => Err(Error::new(Kind::Fenced, format!("{place} is not recorded by {token}"))),
    }
}

/// Lifts the fence of this token; another operation's fence stays.
pub(crate) fn lift_fence(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    set(conn, place, token, "fenced = 0", "fenced = ?4").map(drop)
}

/// Opens a place that was filled, and records its changes from its first write on. Does nothing if it is open already.
pub(crate) fn open_filled(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    let condition = format!("fenced = {CLOSED} AND coalesce(carried, 0) >= 0");
    if set(conn, place, token, "fenced = 0, recording = ?4", &condition)? == 1 {
        return Ok(());
    }
    match of(conn, place)?.fence {
        0 => Ok(()),
        fence => Err(Error::new(Kind::Fenced, format!("{place} is fenced by {fence}"))),
    }
}

/// Verifies that the place is still being filled. Runs in the transaction that writes to it.
pub(crate) fn check_closed(conn: &Connection, place: &Place) -> Result<()> {
    if of(conn, place)?.is_closed() {
        return Ok(());
    }
    Err(Error::new(Kind::Fenced, format!("{place} is in use: nothing is carried into it any more")))
}

/// Verifies, in the state that is read, that changes are recorded for this token.
pub(crate) fn check_recorded(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    match of(conn, place)?.recording {
        recording if recording == token => Ok(()),
        other => {
            Err(Error::new(Kind::Fenced, format!("changes of {place} are recorded by {other}, not {token}")))
        }
    }
}
