//! Reads from the catalog which tenants have databases, for `check`.

use crate::{
    control::Control,
    error::Result,
    tenants,
    topology::{PlacementState, placement},
};
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// Returns the number of tenants that have a database; 1 if only one is checked.
pub(super) async fn placed_tenants(control: &Control, only: Option<TenantId>) -> Result<u64> {
    if only.is_some() {
        return Ok(1);
    }
    let sql = "SELECT count(DISTINCT tenant) FROM placements WHERE state = 'ready'";
    let rows = control.snapshot().await?.query(sql, &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer(0))?.unsigned_abs())
}

/// Returns the highest tenant id.
pub(super) async fn last_tenant(control: &Control) -> Result<i64> {
    let rows = control.snapshot().await?.query("SELECT coalesce(max(id), 0) FROM tenants", &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer(0))?)
}

/// Returns the places in use of tenants with ids in the range, by tenant.
pub(super) async fn places(control: &Control, first: i64, last: i64) -> Result<Vec<(Slug, Vec<Place>)>> {
    let range = (TenantId::from_raw(first), TenantId::from_raw(last));
    let found = placement::of_range(&mut control.snapshot().await?, range.0, range.1).await?;
    let ready: Vec<_> = found.into_iter().filter(|(_, p)| p.state == PlacementState::Ready).collect();
    let mut tx = control.snapshot().await?;
    let mut found = Vec::new();
    for tenant in ready.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((id, _)) = tenant.first() else { continue };
        let slug = tenants::by_id(&mut tx, *id).await?.slug;
        found.push((slug, tenant.iter().map(|(_, p)| p.place.clone()).collect()));
    }
    Ok(found)
}
