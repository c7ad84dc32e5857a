//! Copies beside the database in use, and the swap that puts one in its place (`no-reuse` and `fenced-generation`).
//!
//! Called by the control steps of operations. Nobody is routed to `beside` or `kept`. Swapping is one
//! transaction with the journal's advance; files are made before it and removed long after it.

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

/// Records a place beside the one in use, for a copy that is about to be made there. It is taken to
/// have the schema of the one in use now; say otherwise with [`set_version`].
pub(crate) async fn insert_beside(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    let place = record::insert_as(write, tenant, new, PlacementState::Beside).await?;
    let sql = "UPDATE placements SET (schema_version, source_version) = (SELECT schema_version, schema_version \
        FROM placements WHERE tenant = ?1 AND store = ?2 AND state = 'ready') \
        WHERE tenant = ?1 AND store = ?2 AND generation = ?3";
    let (tenant, generation) = record::key(&place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(place)
}

/// The schema the database of a place has, of whatever state. Idempotent.
pub(crate) async fn set_version(write: &mut Write, place: &Place, schema_version: &str) -> Result<()> {
    let sql = "UPDATE placements SET schema_version = ? WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = record::key(place);
    write.execute(sql, params![schema_version, tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

/// Puts `new` in the place of `old`, which is kept until `until_us` (none: until released).
///
/// # Errors
/// [`Error::Conflict`] unless `old` is the one in use and `new` a copy beside it; and when the schema
/// of `old` was changed since, and `new` does not have it.
pub(crate) async fn swap(write: &mut Write, old: &Place, new: &Place, until_us: Option<i64>) -> Result<()> {
    if (old.tenant, &old.store) != (new.tenant, &new.store) {
        return Err(Error::Internal(format!("swap of {old:?} with {new:?}")));
    }
    fresh(write, old, new).await?;
    step(write, old, PlacementState::Ready, PlacementState::Kept, until_us).await?;
    step(write, new, PlacementState::Beside, PlacementState::Ready, None).await?;
    invalidate(write, new).await
}

/// Takes a swap back: `old` is in use again, `new` is beside it.
///
/// # Errors
/// [`Error::Conflict`] unless `new` is the one in use and `old` is kept.
pub(crate) async fn swap_back(write: &mut Write, old: &Place, new: &Place) -> Result<()> {
    step(write, new, PlacementState::Ready, PlacementState::Beside, None).await?;
    step(write, old, PlacementState::Kept, PlacementState::Ready, None).await?;
    invalidate(write, old).await
}

/// Puts `kept` back into use in place of `lost`, which stays on record until somebody releases it.
///
/// # Errors
/// [`Error::Conflict`] unless `lost` is the one in use and `kept` is kept.
pub(crate) async fn fall_back(write: &mut Write, lost: &Place, kept: &Place) -> Result<()> {
    step(write, lost, PlacementState::Ready, PlacementState::Kept, None).await?;
    step(write, kept, PlacementState::Kept, PlacementState::Ready, None).await?;
    invalidate(write, kept).await
}

/// A copy beside that is no longer wanted: its database goes when `until_us` has come.
pub(crate) async fn discard(write: &mut Write, beside: &Place, until_us: i64) -> Result<()> {
    step(write, beside, PlacementState::Beside, PlacementState::Kept, Some(until_us)).await
}

/// Lets the database of a kept place go at once: the next pass removes it.
pub(crate) async fn release(write: &mut Write, kept: &Place) -> Result<()> {
    let now = write.at_us();
    step(write, kept, PlacementState::Kept, PlacementState::Kept, Some(now)).await
}

/// A kept place that is not let go by itself: somebody has to look at it first.
pub(crate) async fn keep_until_released(write: &mut Write, kept: &Place) -> Result<()> {
    step(write, kept, PlacementState::Kept, PlacementState::Kept, None).await
}

/// Tenants who are in the shared database of this place. Rows that are merely kept there do not count.
pub(crate) async fn in_pool(tx: &mut Tx, place: &Place) -> Result<i64> {
    let sql = "SELECT count(*) FROM placements WHERE server = ? AND physical = ? AND store = ? \
        AND isolation = 'pooled' AND state = 'ready'";
    let values = params![place.server.as_str(), place.physical.as_str(), place.store.as_str()];
    crate::users::count(tx, sql, values).await
}

/// A tenant's kept placements: what was in use last first, then what never was.
pub(crate) async fn kept(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Placement>> {
    in_state(tx, tenant, PlacementState::Kept).await
}

/// A tenant's copies beside, newest first.
pub(crate) async fn beside(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Placement>> {
    in_state(tx, tenant, PlacementState::Beside).await
}

async fn in_state(tx: &mut Tx, tenant: TenantId, state: PlacementState) -> Result<Vec<Placement>> {
    let columns = placement::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM placements WHERE tenant = ? AND state = ? ORDER BY kept_at DESC, id DESC"
    );
    let rows = tx.query(&sql, params![tenant.get(), state.as_str()]).await?;
    rows.iter().map(|r| Ok(placement::read(r)?.1)).collect()
}

/// The placement in use of this tenant's store.
pub(crate) async fn ready(tx: &mut Tx, tenant: TenantId, store: &StoreName) -> Result<Option<Placement>> {
    let all = placement::of_tenant(tx, tenant).await?;
    Ok(all.into_iter().find(|p| p.place.store == *store && p.state == PlacementState::Ready))
}

/// Kept places whose time has come, longest due first. `due_us` is that of `Control::due_us`.
pub(crate) async fn release_due(tx: &mut Tx, due_us: i64, most: u32) -> Result<Vec<Placement>> {
    let columns = placement::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM placements WHERE state = 'kept' AND until <= ? ORDER BY until LIMIT ?"
    );
    let rows = tx.query(&sql, params![due_us, i64::from(most)]).await?;
    rows.iter().map(|r| Ok(placement::read(r)?.1)).collect()
}

/// Refuses unless the schema is what it was when the copy was begun, or the copy has the one of now.
pub(crate) async fn fresh(write: &mut Write, old: &Place, new: &Place) -> Result<()> {
    let sql = "SELECT r.schema_version IS n.source_version OR r.schema_version IS n.schema_version \
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
        None => Err(Error::Internal(format!("{place:?} is no tenant's"))),
    }
}

#[cfg(test)]
mod tests;
