//! Staged copies next to the database in use, and the swap that puts a copy into use (`no-reuse` and
//! `fenced-generation`).
//!
//! The control steps of operations call it. No request is routed to a staged or a retained placement. A swap commits in
//! one transaction with the journal's advance. Files are created before it and removed long after it.

use super::{NewPlacement, Placement, PlacementState, placement, record};
use crate::{
    Error, Result,
    control::{Subject, Write, params},
};
use tenantry_engine::{
    Tx,
    name::{StoreName, TenantId},
    place::Place,
};

/// Records a staged place for a copy that is about to be made there. The schema version is that of the database in use
/// now, unless [`set_version`] records another one.
pub(crate) async fn insert_staged(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    let place = record::insert_as(write, tenant, new, PlacementState::Staged).await?;
    let sql = "UPDATE placements SET (schema_version, source_version) = (SELECT schema_version, schema_version \
        FROM placements WHERE tenant = ?1 AND store = ?2 AND state = 'ready') \
        WHERE tenant = ?1 AND store = ?2 AND generation = ?3";
    let (tenant, generation) = record::key(&place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(place)
}

/// Records the schema version of a place's database, whatever its state. Idempotent.
pub(crate) async fn set_version(write: &mut Write, place: &Place, schema_version: &str) -> Result<()> {
    let sql = "UPDATE placements SET schema_version = ? WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = record::key(place);
    write.execute(sql, params![schema_version, tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

/// Copies the reason why the last migration of the database in use failed to a staged copy, which lacks the same
/// migrations.
pub(crate) async fn keep_migration_error(write: &mut Write, in_use: &Place, copy: &Place) -> Result<()> {
    let sql = "UPDATE placements SET migration_error = (SELECT migration_error FROM placements \
        WHERE tenant = ?1 AND store = ?2 AND generation = ?3) \
        WHERE tenant = ?1 AND store = ?2 AND generation = ?4";
    let ((tenant, from), (_, to)) = (record::key(in_use), record::key(copy));
    write.execute(sql, params![tenant, in_use.store.as_str(), from, to]).await?;
    Ok(())
}

/// Puts `new` into use in place of `old`. Retains `old` until `until_us`, or until an operator releases it if that is
/// `None`.
///
/// # Errors
/// Returns [`Error::Conflict`] unless `old` is in use and `new` is a staged copy, and if the schema of `old` has
/// changed since the copy was begun and `new` does not have the new schema.
pub(crate) async fn swap(write: &mut Write, old: &Place, new: &Place, until_us: Option<i64>) -> Result<()> {
    if (old.tenant, &old.store) != (new.tenant, &new.store) {
        return Err(Error::Internal(format!("swap of {old:?} with {new:?}")));
    }
    fresh(write, old, new).await?;
    step(write, old, PlacementState::Ready, PlacementState::Retained, until_us).await?;
    step(write, new, PlacementState::Staged, PlacementState::Ready, None).await?;
    invalidate(write, new).await
}

/// Reverts a swap: `old` is in use again, and `new` is staged.
///
/// # Errors
/// Returns [`Error::Conflict`] unless `new` is in use and `old` is retained.
pub(crate) async fn swap_back(write: &mut Write, old: &Place, new: &Place) -> Result<()> {
    step(write, new, PlacementState::Ready, PlacementState::Staged, None).await?;
    step(write, old, PlacementState::Retained, PlacementState::Ready, None).await?;
    invalidate(write, old).await
}

/// Puts `retained` back into use in place of `lost`, which stays on record until an operator releases it.
///
/// # Errors
/// Returns [`Error::Conflict`] unless `lost` is in use and `retained` is a retained place.
pub(crate) async fn fall_back(write: &mut Write, lost: &Place, retained: &Place) -> Result<()> {
    step(write, lost, PlacementState::Ready, PlacementState::Retained, None).await?;
    step(write, retained, PlacementState::Retained, PlacementState::Ready, None).await?;
    invalidate(write, retained).await
}

/// Discards a staged copy. Its database is removed after `until_us`.
pub(crate) async fn discard(write: &mut Write, staged: &Place, until_us: i64) -> Result<()> {
    step(write, staged, PlacementState::Staged, PlacementState::Retained, Some(until_us)).await
}

/// Releases a retained place. The next pass removes its database.
pub(crate) async fn release(write: &mut Write, retained: &Place) -> Result<()> {
    let now = write.at_us();
    step(write, retained, PlacementState::Retained, PlacementState::Retained, Some(now)).await
}

/// Retains a place until an operator has looked at it and releases it.
pub(crate) async fn keep_until_released(write: &mut Write, retained: &Place) -> Result<()> {
    step(write, retained, PlacementState::Retained, PlacementState::Retained, None).await
}

/// Returns the number of tenants in the shared database of this place. Rows that are only retained there do not count.
pub(crate) async fn in_pool(tx: &mut Tx, place: &Place) -> Result<i64> {
    let sql = "SELECT count(*) FROM placements WHERE server = ? AND physical = ? AND store = ? \
        AND isolation = 'pooled' AND state = 'ready'";
    let values = params![place.server.as_str(), place.physical.as_str(), place.store.as_str()];
    crate::users::count(tx, sql, values).await
}

/// Returns a tenant's retained placements: the one last in use comes first; those that were never in use come last.
pub(crate) async fn retained(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Placement>> {
    in_state(tx, tenant, PlacementState::Retained).await
}

/// Returns a tenant's staged copies, newest first.
pub(crate) async fn staged(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Placement>> {
    in_state(tx, tenant, PlacementState::Staged).await
}

async fn in_state(tx: &mut Tx, tenant: TenantId, state: PlacementState) -> Result<Vec<Placement>> {
    let columns = placement::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM placements WHERE tenant = ? AND state = ? ORDER BY kept_at DESC NULLS LAST, id DESC"
    );
    let rows = tx.query(&sql, params![tenant.get(), state.as_str()]).await?;
    rows.iter().map(|r| Ok(placement::read(r)?.1)).collect()
}

/// Returns the placement in use of a tenant's store.
pub(crate) async fn ready(tx: &mut Tx, tenant: TenantId, store: &StoreName) -> Result<Option<Placement>> {
    let all = placement::of_tenant(tx, tenant).await?;
    Ok(all.into_iter().find(|p| p.place.store == *store && p.state == PlacementState::Ready))
}

/// Returns retained placements whose retention is over at `due_us`, a value of `Control::due_us`, the longest due
/// first.
pub(crate) async fn release_due(tx: &mut Tx, due_us: i64, most: u32) -> Result<Vec<Placement>> {
    let columns = placement::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM placements WHERE state = 'kept' AND until <= ? ORDER BY until LIMIT ?"
    );
    let rows = tx.query(&sql, params![due_us, i64::from(most)]).await?;
    rows.iter().map(|r| Ok(placement::read(r)?.1)).collect()
}

/// Refuses a swap unless the schema of `old` is the same as when the copy was begun, or the copy has the current
/// schema.
pub(crate) async fn fresh(write: &mut Write, old: &Place, new: &Place) -> Result<()> {
    let sql = "SELECT r.schema_version IS NOT DISTINCT FROM n.source_version \
        OR r.schema_version IS NOT DISTINCT FROM n.schema_version \
        FROM placements r, placements n WHERE r.tenant = ?1 AND r.store = ?2 AND r.generation = ?3 \
        AND n.tenant = ?1 AND n.store = ?2 AND n.generation = ?4";
    let ((tenant, was), (_, becomes)) = (record::key(old), record::key(new));
    let rows = write.query(sql, params![tenant, old.store.as_str(), was, becomes]).await?;
    match rows.first().map(|r| r.integer(0)).transpose()? {
        Some(1) => Ok(()),
        Some(_) => Err(Error::Conflict(format!(
            "the schema of {} was changed since this copy was made: make the copy anew",
            old.store
        ))),
        None => Err(moved(old)),
    }
}

async fn step(
    write: &mut Write,
    place: &Place,
    from: PlacementState,
    to: PlacementState,
    until_us: Option<i64>,
) -> Result<()> {
    let sql = "UPDATE placements SET state = ?1, until = ?2, \
        kept_at = CASE WHEN ?1 <> 'kept' THEN NULL WHEN state = 'ready' THEN ?7 ELSE kept_at END \
        WHERE tenant = ?3 AND store = ?4 AND generation = ?5 AND state = ?6";
    let (tenant, generation) = record::key(place);
    let (store, now) = (place.store.as_str(), write.at_us());
    let values = params![to.as_str(), until_us, tenant, store, generation, from.as_str(), now];
    if write.execute(sql, values).await? == 1 { Ok(()) } else { Err(moved(place)) }
}

fn moved(place: &Place) -> Error {
    Error::Conflict(format!("where {} lies was changed meanwhile: look again and repeat", place.store))
}

async fn invalidate(write: &mut Write, place: &Place) -> Result<()> {
    match place.tenant {
        Some(tenant) => write.invalidate(&Subject::Tenant(tenant)).await,
        None => Err(Error::Internal(format!("{place} is no tenant's"))),
    }
}

#[cfg(test)]
mod tests;
