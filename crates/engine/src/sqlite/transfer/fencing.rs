//! State changes of a place by moves: which operation records its changes, which operation fenced it, and that a new
//! place is not open yet. See [`crate::identity::transition`].

use crate::{
    error::Result,
    identity::{
        PlaceInfo, PlaceState,
        transition::{self, Transition, stale},
    },
    place::Place,
    sqlite::{files::upkeep, identity, site::Site},
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::ToSql};

/// Reads the current state of the place.
pub(crate) fn place_info(site: &Site) -> Result<PlaceInfo> {
    let conn = upkeep::open_dedicated(site)?;
    info(&conn, &site.place)
}

/// Reads the current state of the place on an open connection.
///
/// # Errors
/// Returns `Fenced` if the place is not in this database at its generation.
pub(crate) fn info(conn: &Connection, place: &Place) -> Result<PlaceInfo> {
    match find(conn, place)? {
        Some((generation, info)) if generation == place.generation_number()? => Ok(info),
        _ => Err(stale(place)),
    }
}

/// Returns the state of the place and its generation as stored in this database, even if that is not the generation of
/// `place`.
pub(crate) fn find(conn: &Connection, place: &Place) -> Result<Option<(i64, PlaceInfo)>> {
    let sql =
        "SELECT generation, state, holder, recorder, log_upto, rows, bytes, counted FROM _tenantry_place
        WHERE tenant = ?1 AND store = ?2";
    let key = params![place.tenant_number(), place.store.as_str()];
    let found = conn.query_row(sql, key, |row| Ok((row.get(0)?, read(row)?))).optional()?;
    found
        .map(|(generation, info)| Ok((generation, info.ok_or_else(|| transition::unknown(place))?)))
        .transpose()
}

/// Reads all columns but the first one; `None` if the state is unknown.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<PlaceInfo>> {
    let count = |index| row.get(index).map(|n: i64| u64::try_from(n).unwrap_or(0));
    let Some(state) = PlaceState::parse(row.get_ref(1)?.as_str()?, row.get(2)?) else { return Ok(None) };
    let (recorder, log_upto) = (row.get(3)?, row.get(4)?);
    let bytes = if row.get(7)? { Some(count(6)?) } else { None };
    Ok(Some(PlaceInfo { state, recorder, log_upto, rows: count(5)?, bytes }))
}

/// Changes the row of the place if the condition of the transition holds; `values` are the parameters from `?4` on.
/// Returns the number of changed rows.
fn set(conn: &Connection, place: &Place, transition: Transition, values: &[&dyn ToSql]) -> Result<usize> {
    let (tenant, generation) = (place.tenant_number(), place.generation_number()?);
    let store = place.store.as_str();
    let key: [&dyn ToSql; 3] = [&tenant, &store, &generation];
    Ok(conn.execute(&transition.sql("_tenantry_place", '?'), params_from_iter(key.iter().chain(values)))?)
}

/// Forbids writes of this place in this database, on behalf of no operation. Durable once committed. If the place is
/// not open for another reason, its state stays as it is.
pub(crate) fn fence(conn: &Connection, site: &Site) -> Result<()> {
    identity::check(conn, &site.place, &site.platform)?;
    set(conn, &site.place, Transition::Fence, &[]).map(drop)
}

/// Lifts the fence of a place, whichever operation set it.
///
/// # Errors
/// Returns `Fenced` if the place is not open for another reason: it does not have all its rows, or was not opened yet.
pub(crate) fn unfence(conn: &Connection, site: &Site) -> Result<()> {
    identity::check(conn, &site.place, &site.platform)?;
    match set(conn, &site.place, Transition::Unfence, &[])? {
        1 => Ok(()),
        _ => Err(transition::not_open(&site.place, info(conn, &site.place)?.state)),
    }
}

/// Starts to record which records writes touch, for the operation with this token. An operation that recorded before
/// loses its recording. Fails if [`stop_recording`] was called with the token.
pub(crate) fn record(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    match set(conn, place, Transition::Record, &[&token])? {
        1 => Ok(()),
        _ => Err(info(conn, place).err().unwrap_or_else(|| transition::undone(place, token))),
    }
}

/// Stops the recording of this token, deletes the recorded changes and bars the token from recording again. Does not
/// affect another operation's recording.
pub(crate) fn stop_recording(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    set(conn, place, Transition::Bar, &[&token])?;
    if set(conn, place, Transition::StopRecording, &[&token])? == 1 {
        let sql = "DELETE FROM _tenantry_changes WHERE tenant = ?1 AND store = ?2";
        conn.execute(sql, params![place.tenant_number(), place.store.as_str()])?;
    }
    Ok(())
}

/// Fences a place whose changes are recorded for this token. Fails if the recording was undone in the meantime.
pub(crate) fn fence_recorded(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    match set(conn, place, Transition::FenceRecorded, &[&token])? {
        1 => Ok(()),
        _ => Err(transition::undone(place, token)),
    }
}

/// Lifts the fence that this holder set. Does not affect another operation's fence.
pub(crate) fn lift_fence(conn: &Connection, place: &Place, holder: Option<i64>) -> Result<()> {
    set(conn, place, Transition::LiftFence, &[&holder]).map(drop)
}

/// Opens a place that was filled, and records its changes from its first write on. Does nothing if the place is already
/// open.
pub(crate) fn open_filled(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    if set(conn, place, Transition::OpenFilled, &[&token])? == 1 {
        return Ok(());
    }
    match info(conn, place)?.state {
        PlaceState::Open => Ok(()),
        state => Err(transition::not_open(place, state)),
    }
}

/// Verifies that the place holds its copy and was not opened yet. Returns how far its activity log was carried. Runs in
/// the transaction that writes to the place.
pub(crate) fn check_closed(conn: &Connection, place: &Place) -> Result<i64> {
    let info = info(conn, place)?;
    if info.state != PlaceState::Closed {
        return Err(transition::not_closed(place, info.state));
    }
    info.log_upto.ok_or_else(|| transition::not_copied(place))
}

/// Claims a pooled place for the call that fills it, whichever call filled it before. Returns the new token.
pub(crate) fn take_over(conn: &Connection, site: &Site) -> Result<i64> {
    let token = transition::filling_token();
    let (place, tenant) = (&site.place, site.place.tenant_number());
    let store = place.store.as_str();
    conn.execute("DELETE FROM _tenantry_changes WHERE tenant = ?1 AND store = ?2", params![tenant, store])?;
    conn.execute(
        "INSERT OR REPLACE INTO _tenantry_place(tenant, store, generation, platform, state, holder)
            VALUES(?1, ?2, ?3, ?4, 'filling', ?5)",
        params![tenant, store, place.generation_number()?, site.platform.id(), token],
    )?;
    Ok(token)
}

/// Verifies that no other call has claimed or removed the place since [`take_over`].
pub(crate) fn check_filling(conn: &Connection, place: &Place, token: i64) -> Result<()> {
    match info(conn, place)?.state {
        PlaceState::Filling { holder } if holder == token => Ok(()),
        _ => Err(transition::not_filling(place)),
    }
}

/// Marks the place as complete and sets its counters. `log_upto` is the last entry of the activity log that was
/// carried.
pub(crate) fn finish_filling(
    conn: &Connection,
    place: &Place,
    state: PlaceState,
    (rows, bytes, log_upto): (i64, i64, i64),
) -> Result<()> {
    set(conn, place, Transition::FinishFilling, &[&state.name(), &rows, &bytes, &log_upto]).map(drop)
}

/// Closes a pooled place whose rows are about to be removed.
pub(crate) fn begin_leaving(conn: &Connection, place: &Place) -> Result<()> {
    set(conn, place, Transition::BeginLeaving, &[]).map(drop)
}

/// Verifies that rows of the place are still to be removed.
///
/// # Errors
/// Returns `WrongIdentity` if the rows are gone, and `Fenced` if another call fills the place.
pub(crate) fn check_leaving(conn: &Connection, place: &Place) -> Result<()> {
    match find(conn, place)? {
        None => Err(transition::absent(place)),
        Some((generation, info))
            if generation == place.generation_number()? && info.state == PlaceState::Leaving =>
        {
            Ok(())
        }
        Some(_) => Err(transition::filled_anew(place)),
    }
}
