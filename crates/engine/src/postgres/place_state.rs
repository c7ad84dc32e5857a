//! Changes of a place's state: the operation that records its changes, the operation that fenced it, and a copy that is
//! not open yet. See [`crate::identity::transition`].
//!
//! All functions run in the caller's transaction as the owner. The update of the row waits for running writes, because
//! each of them has locked the row. Later writes see the new state.

use super::{
    connections::{Connection, Param},
    identity::{self, key, not_ours},
    seal,
    site::Site,
};
use crate::{
    error::Result,
    identity::{
        PlaceInfo, PlaceState, Platform,
        transition::{self, Transition, stale},
    },
};
use tokio_postgres::{Row, types::Type};

/// Reads the current state of the place.
///
/// # Errors
/// Returns `Fenced` if the place is not here at its generation.
pub(crate) async fn info(conn: &mut Connection, site: &Site) -> Result<PlaceInfo> {
    match find(conn, site).await? {
        Some((generation, info)) if generation == site.generation => Ok(info),
        _ => Err(stale(&site.place)),
    }
}

/// Returns the generation and the state of the place in this database, whatever the generation of `site`, or `None` if
/// the database does not have the place.
pub(crate) async fn find(conn: &mut Connection, site: &Site) -> Result<Option<(i64, PlaceInfo)>> {
    let sql = format!(
        "SELECT generation, state, holder, recorder, log_upto, rows, bytes FROM {}._tenantry_place \
         WHERE tenant = $1 AND store = $2",
        site.quoted
    );
    let store = site.place.store.as_str();
    let rows = conn.query(&sql, &key(site, &store)).await.map_err(|error| not_ours(site, error))?;
    let found = rows.first().map(|row| Ok((row.get(0), read(row, site)?)));
    found.transpose()
}

fn read(row: &Row, site: &Site) -> Result<PlaceInfo> {
    let count = |index: usize| u64::try_from(row.get::<_, i64>(index)).unwrap_or(0);
    let state = PlaceState::parse(row.get(1), row.get(2));
    let state = state.ok_or_else(|| transition::unknown(&site.place))?;
    Ok(PlaceInfo { state, recorder: row.get(3), log_upto: row.get(4), rows: count(5), bytes: Some(count(6)) })
}

/// Changes the row of the place if the condition of the transition holds. `values` are the parameters from `$4` on.
/// Returns true if the row was changed.
async fn set(conn: &mut Connection, site: &Site, change: Transition, values: &[Param<'_>]) -> Result<bool> {
    let sql = format!("{} RETURNING 1", change.sql(&format!("{}._tenantry_place", site.quoted), '$'));
    let store = site.place.store.as_str();
    let [tenant, store] = key(site, &store);
    let mut params = vec![tenant, store, (&site.generation, Type::INT8)];
    params.extend_from_slice(values);
    let rows = conn.query(&sql, &params).await.map_err(|error| not_ours(site, error))?;
    if !rows.is_empty() && change.sets_state() {
        mark(conn, site).await?;
    }
    Ok(!rows.is_empty())
}

/// Creates or removes the mark that a place is open, which migrations lock. A pool keeps its mark, whatever its tenants
/// do.
pub(crate) async fn mark(conn: &mut Connection, site: &Site) -> Result<()> {
    if site.is_pooled() {
        return Ok(());
    }
    let schema = &site.quoted;
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {schema}._tenantry_place WHERE state <> 'open'), \
           to_regclass('{schema}._tenantry_open') IS NOT NULL"
    );
    match conn.once(&sql, &[]).await?.first().map(|row| (row.get(0), row.get(1))) {
        Some((true, true)) => conn.batch(&format!("DROP TABLE {schema}._tenantry_open")).await,
        Some((false, false)) => conn.batch(&format!("CREATE TABLE {schema}._tenantry_open ()")).await,
        _ => Ok(()),
    }
}

/// Fences the place, on behalf of no operation. Does not affect a place that is not open for another reason.
///
/// # Errors
/// Returns the errors of [`identity::check`].
pub(crate) async fn fence(conn: &mut Connection, site: &Site, platform: &Platform) -> Result<()> {
    identity::check(conn, site, platform).await?;
    set(conn, site, Transition::Fence, &[]).await.map(drop)
}

/// Lifts the fence of a place, whichever operation set it.
///
/// # Errors
/// Returns `Fenced` if the place is closed for another reason: it does not have all its rows, or was not opened yet.
pub(crate) async fn unfence(conn: &mut Connection, site: &Site, platform: &Platform) -> Result<()> {
    identity::check(conn, site, platform).await?;
    match set(conn, site, Transition::Unfence, &[]).await? {
        true => Ok(()),
        false => Err(transition::not_open(&site.place, info(conn, site).await?.state)),
    }
}

/// Starts to record which records writes touch, for the operation with this token.
///
/// # Errors
/// Returns `Fenced` if the place is not here at its generation, or [`stop_recording`] was called with the token.
pub(crate) async fn record(conn: &mut Connection, site: &Site, token: i64) -> Result<()> {
    match set(conn, site, Transition::Record, &[(&token, Type::INT8)]).await? {
        true => Ok(()),
        false => Err(info(conn, site).await.err().unwrap_or_else(|| transition::undone(&site.place, token))),
    }
}

/// Stops the recording of this token, deletes the recorded changes and bars the token from recording again. Does not
/// affect another operation's recording.
///
/// # Errors
/// Returns `WrongIdentity` for a database that is not ours.
pub(crate) async fn stop_recording(conn: &mut Connection, site: &Site, token: i64) -> Result<()> {
    set(conn, site, Transition::Bar, &[(&token, Type::INT8)]).await?;
    if set(conn, site, Transition::StopRecording, &[(&token, Type::INT8)]).await? {
        forget_changes(conn, site).await?;
    }
    Ok(())
}

async fn forget_changes(conn: &mut Connection, site: &Site) -> Result<()> {
    let sql = format!("DELETE FROM {}._tenantry_changes WHERE tenant = $1 AND store = $2", site.quoted);
    let store = site.place.store.as_str();
    let deleted = conn.query(&sql, &key(site, &store)).await;
    deleted.map_err(|error| not_ours(site, error)).map(drop)
}

/// Fences a place whose changes are recorded for this token.
///
/// # Errors
/// Returns `Fenced` if the recording was undone meanwhile.
pub(crate) async fn fence_recorded(conn: &mut Connection, site: &Site, token: i64) -> Result<()> {
    match set(conn, site, Transition::FenceRecorded, &[(&token, Type::INT8)]).await? {
        true => Ok(()),
        false => Err(transition::undone(&site.place, token)),
    }
}

/// Lifts the fence of this holder. Does not affect another operation's fence.
///
/// # Errors
/// Returns `WrongIdentity` for a database that is not ours.
pub(crate) async fn lift_fence(conn: &mut Connection, site: &Site, holder: Option<i64>) -> Result<()> {
    set(conn, site, Transition::LiftFence, &[(&holder, Type::INT8)]).await.map(drop)
}

/// Opens a place that was filled, and records its changes from its first write on. Does nothing if the place is open
/// already.
///
/// # Errors
/// Returns `Fenced` if the place is neither filled nor open.
pub(crate) async fn open_filled(conn: &mut Connection, site: &Site, token: i64) -> Result<()> {
    if set(conn, site, Transition::OpenFilled, &[(&token, Type::INT8)]).await? {
        return Ok(());
    }
    match info(conn, site).await?.state {
        PlaceState::Open => Ok(()),
        state => Err(transition::not_open(&site.place, state)),
    }
}

/// Locks the row of the place until the transaction ends, so that the result of a check stays true until then.
pub(crate) async fn lock(conn: &mut Connection, site: &Site) -> Result<()> {
    let sql =
        format!("SELECT 1 FROM {}._tenantry_place WHERE tenant = $1 AND store = $2 FOR UPDATE", site.quoted);
    let store = site.place.store.as_str();
    conn.query(&sql, &key(site, &store)).await.map_err(|error| not_ours(site, error)).map(drop)
}

/// Verifies that the place has its copy and was not opened yet. Returns the last entry of the activity log that was
/// carried. A transaction that writes to the place must call [`lock`] first.
///
/// # Errors
/// Returns `Fenced` if the place is in another state.
pub(crate) async fn check_closed(conn: &mut Connection, site: &Site) -> Result<i64> {
    let info = info(conn, site).await?;
    if info.state != PlaceState::Closed {
        return Err(transition::not_closed(&site.place, info.state));
    }
    info.log_upto.ok_or_else(|| transition::not_copied(&site.place))
}

/// Claims a place for the call that fills it, whichever call was filling it before. Returns the new token.
///
/// # Errors
/// Returns `WrongIdentity` for a database that is not ours.
pub(crate) async fn take_over(conn: &mut Connection, site: &Site, platform: &Platform) -> Result<i64> {
    let token = transition::filling_token();
    let sql = format!(
        "INSERT INTO {}._tenantry_place(tenant, store, generation, platform, state, holder)
         VALUES ($1, $2, $3, $4, 'filling', $5) ON CONFLICT (tenant, store) DO UPDATE SET
           generation = excluded.generation, platform = excluded.platform, state = 'filling', holder = excluded.holder,
           recorder = NULL, log_upto = NULL, rows = 0, bytes = 0, made_at = now()",
        site.quoted
    );
    let (store, id) = (site.place.store.as_str(), platform.id());
    let [tenant, store] = key(site, &store);
    let row = [tenant, store, (&site.generation, Type::INT8), (&id, Type::TEXT), (&token, Type::INT8)];
    conn.query(&sql, &row).await.map_err(|error| not_ours(site, error))?;
    if !site.is_pooled() {
        seal::renew(conn, site, 0).await?;
        mark(conn, site).await?;
    }
    // The row is locked by now, so no write of an earlier generation can record another change.
    forget_changes(conn, site).await?;
    Ok(token)
}

/// Marks the place as complete and sets its counters. `log_upto` is the last entry of the activity log that was
/// carried.
///
/// # Errors
/// Returns `WrongIdentity` for a database that is not ours.
pub(crate) async fn finish_filling(
    conn: &mut Connection,
    site: &Site,
    state: PlaceState,
    (rows, bytes, log_upto): (i64, i64, i64),
) -> Result<()> {
    let state = state.name();
    let values: [Param<'_>; 4] =
        [(&state, Type::TEXT), (&rows, Type::INT8), (&bytes, Type::INT8), (&log_upto, Type::INT8)];
    set(conn, site, Transition::FinishFilling, &values).await.map(drop)
}
