//! Writes placements: planned, ready, gone. Only operations call it. `swap` writes the other states.
//!
//! A row outlives its database, so a name is never given to other contents (`no-reuse`).

use super::{NewPlacement, PlacementState, Policy};
use crate::{
    Error, Result, attachments,
    control::{Write, ids, params, settings},
};
use tenantry_engine::{
    name::{PhysicalName, ServerName, TenantId},
    place::Place,
};

/// Records a planned placement. No generation and no name is ever used twice: the new generation is above every
/// generation that this tenant's store or this name ever had, including those of gone placements and of files and rows
/// that the catalog does not know. Whatever exists under the new name later was therefore made by the caller.
pub(crate) async fn insert(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    insert_as(write, tenant, new, PlacementState::Planned).await
}

/// Records a planned placement at a place whose database was made for it before, with the place's own generation.
///
/// # Errors
/// Returns [`Error::Conflict`] if the generation was used meanwhile.
pub(crate) async fn insert_made(write: &mut Write, new: &NewPlacement, place: &Place) -> Result<()> {
    let (tenant, generation) = key(place);
    if last_generation(write, TenantId::from_raw(tenant), new).await? >= generation {
        return Err(Error::Conflict("the tenant's databases were changed meanwhile: look again".into()));
    }
    insert_row(write, new, (tenant, generation), (&place.physical, PlacementState::Planned)).await
}

async fn insert_row(
    write: &mut Write,
    new: &NewPlacement,
    (tenant, generation): (i64, i64),
    (physical, state): (&PhysicalName, PlacementState),
) -> Result<()> {
    let sql = "INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, \
        state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        tenant,
        new.store.as_str(),
        new.server.as_str(),
        new.isolation.as_str(),
        new.policy.as_str(),
        new.base.as_str(),
        physical.as_str(),
        generation,
        state.as_str()
    ];
    write.execute(sql, values).await.map(drop).map_err(Into::into)
}

pub(super) async fn insert_as(
    write: &mut Write,
    tenant: TenantId,
    new: &NewPlacement,
    state: PlacementState,
) -> Result<Place> {
    let (generation, physical) = free(write, tenant, new).await?;
    insert_row(write, new, (tenant.get(), generation), (&physical, state)).await?;
    Ok(Place {
        server: new.server.clone(),
        store: new.store.clone(),
        isolation: new.isolation,
        physical,
        tenant: Some(tenant),
        generation: u64::try_from(generation).unwrap_or(1),
    })
}

/// Chooses the generation and name of a new placement.
async fn free(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<(i64, PhysicalName)> {
    let mut generation = last_generation(write, tenant, new).await? + 1;
    if new.isolation.is_pooled() {
        let place = Place {
            server: new.server.clone(),
            store: new.store.clone(),
            isolation: new.isolation,
            physical: new.base.clone(),
            tenant: Some(tenant),
            generation: 0,
        };
        let here = write.servers().generation_in(&place).await?;
        return Ok((generation.max(here.unwrap_or(0) + 1), new.base.clone()));
    }
    if new.policy == Policy::External {
        return Ok((generation, new.base.clone()));
    }
    if !new.numbered && is_free(write, &new.server, &new.base).await? {
        return Ok((generation, new.base.clone()));
    }
    loop {
        let physical = PhysicalName::parse(&format!("{}_{generation}", new.base))?;
        if is_free(write, &new.server, &physical).await? {
            return Ok((generation, physical));
        }
        generation += 1;
    }
}

/// Returns true if no placement ever had this name on the server, and nothing there has it.
async fn is_free(write: &mut Write, server: &ServerName, physical: &PhysicalName) -> Result<bool> {
    let sql = "SELECT count(*) FROM placements WHERE server = ? AND physical = ? AND isolation <> 'pooled'";
    let values = params![server.as_str(), physical.as_str()];
    if crate::users::count(write, sql, values).await? > 0 {
        return Ok(false);
    }
    let is_taken = write.servers().is_taken(server, physical).await?;
    if is_taken {
        tracing::warn!(%server, %physical, "a database has this name that the catalog does not know");
    }
    Ok(!is_taken)
}

/// Returns the highest tenant id in the shared databases of these placements. A new tenant gets a higher id, so it
/// never gets another tenant's rows.
pub(crate) async fn highest_tenant(write: &mut Write, wanted: &[NewPlacement]) -> Result<i64> {
    let platform = settings::known_platform_id(write).await?.unwrap_or_default();
    let mut highest = 0;
    for pool in wanted.iter().filter(|new| new.isolation.is_pooled()) {
        let found = write.servers().highest(&pool.server, &pool.base, &platform).await?;
        highest = highest.max(found.map_or(0, |found| found.tenant));
    }
    Ok(highest)
}

async fn last_generation(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<i64> {
    let sql = "SELECT coalesce(max(generation), 0) FROM (\
        SELECT max(generation) AS generation FROM placements WHERE tenant = ? AND store = ? \
        UNION ALL SELECT max(generation) FROM placements \
            WHERE server = ? AND base = ? AND isolation <> 'pooled') AS known";
    let values = params![tenant.get(), new.store.as_str(), new.server.as_str(), new.base.as_str()];
    let known = crate::users::count(write, sql, values).await?;
    Ok(known.max(ids::highest_generation(write).await?))
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

/// Records that the database is gone. Its name stays reserved. Idempotent.
pub(crate) async fn set_gone(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'gone' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

/// Forgets the address of the attached database that a gone placement was in, if no other placement needs it.
/// Idempotent.
pub(crate) async fn forget_attached(write: &mut Write, place: &Place) -> Result<()> {
    match attachments::is_attached(&place.server) {
        true => attachments::row::leave_unneeded(write, &place.server).await,
        false => Ok(()),
    }
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
