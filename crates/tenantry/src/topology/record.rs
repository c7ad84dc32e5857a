//! Writes placements: planned, ready, gone. Called by operations only; the other states are written by `swap`.
//!
//! A row outlives its database, so that no name is ever given to other contents (`no-reuse`).

use super::{NewPlacement, PlacementState, Policy};
use crate::{
    Result,
    control::{Write, params},
};
use tenantry_engine::{
    name::{PhysicalName, TenantId},
    place::{Isolation, Place},
};

/// Records a planned placement. Its generation is one more than any generation that this tenant's store or this name
/// ever had, including placements that are gone, so no generation and no name is used twice.
pub(crate) async fn insert(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    insert_as(write, tenant, new, PlacementState::Planned).await
}

pub(super) async fn insert_as(
    write: &mut Write,
    tenant: TenantId,
    new: &NewPlacement,
    state: PlacementState,
) -> Result<Place> {
    let generation = last_generation(write, tenant, new).await? + 1;
    let own = new.isolation == Isolation::Database && new.policy != Policy::External;
    let physical = if own { format!("{}_{generation}", new.base) } else { new.base.to_string() };
    let physical = PhysicalName::parse(&physical)?;
    let isolation = if new.isolation == Isolation::Pooled { "pooled" } else { "database" };
    let sql = "INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, \
        state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        tenant.get(),
        new.store.as_str(),
        new.server.as_str(),
        isolation,
        new.policy.as_str(),
        new.base.as_str(),
        physical.as_str(),
        generation,
        state.as_str()
    ];
    write.execute(sql, values).await?;
    Ok(Place {
        server: new.server.clone(),
        store: new.store.clone(),
        isolation: new.isolation,
        physical,
        tenant: Some(tenant),
        generation: u64::try_from(generation).unwrap_or(1),
    })
}

async fn last_generation(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<i64> {
    let sql = "SELECT max( \
        coalesce((SELECT max(generation) FROM placements WHERE tenant = ? AND store = ?), 0), \
        coalesce((SELECT max(generation) FROM placements \
            WHERE server = ? AND base = ? AND isolation = 'database'), 0))";
    let values = params![tenant.get(), new.store.as_str(), new.server.as_str(), new.base.as_str()];
    crate::users::count(write, sql, values).await
}

/// Records that the database exists and has this schema version. Idempotent.
pub(crate) async fn set_ready(write: &mut Write, place: &Place, schema_version: Option<&str>) -> Result<()> {
    let sql = "UPDATE placements SET state = 'ready', schema_version = ? \
        WHERE tenant = ? AND store = ? AND generation = ? AND state <> 'gone'";
    let (tenant, generation) = key(place);
    write
        .execute(sql, params![schema_version.map(str::to_owned), tenant, place.store.as_str(), generation])
        .await?;
    Ok(())
}

/// Records that the database is gone. Its name stays taken. Idempotent.
pub(crate) async fn set_gone(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'gone' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

/// Reverts [`set_gone`], for an operation that is undone.
pub(crate) async fn set_back(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'ready' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

pub(super) fn key(place: &Place) -> (i64, i64) {
    (place.tenant.map_or(0, TenantId::get), i64::try_from(place.generation).unwrap_or(i64::MAX))
}
