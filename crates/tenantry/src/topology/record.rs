//! Writes placements: planned, ready, gone. Called by operations only.
//!
//! A row outlives its database, so that no name is ever given to other contents (rule 6).

use super::{NewPlacement, Policy};
use crate::{
    Result,
    control::{Write, params},
};
use tenantry_engine::{
    name::{PhysicalName, TenantId},
    place::{Isolation, Place},
};

/// Records a planned placement. The generation is one more than any this name has ever had, also on
/// placements that are gone: neither name nor generation comes twice.
pub(crate) async fn insert(write: &mut Write, tenant: TenantId, new: &NewPlacement) -> Result<Place> {
    let generation = match new.isolation {
        Isolation::Pooled => {
            last_generation(write, "tenant = ? AND store = ?", params![tenant.get(), new.store.as_str()])
                .await?
                + 1
        }
        Isolation::Database => {
            last_generation(
                write,
                "server = ? AND base = ? AND isolation = 'database'",
                params![new.server.as_str(), new.base.as_str()],
            )
            .await?
                + 1
        }
    };
    let own = new.isolation == Isolation::Database && new.policy != Policy::External;
    let physical = if own { format!("{}_{generation}", new.base) } else { new.base.to_string() };
    let physical = PhysicalName::parse(&physical)?;
    let isolation = if new.isolation == Isolation::Pooled { "pooled" } else { "database" };
    let sql = "INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, \
        state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'planned')";
    let values = params![
        tenant.get(),
        new.store.as_str(),
        new.server.as_str(),
        isolation,
        new.policy.as_str(),
        new.base.as_str(),
        physical.as_str(),
        generation
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

async fn last_generation(
    write: &mut Write,
    condition: &str,
    values: &[tenantry_engine::value::Value],
) -> Result<i64> {
    let sql = format!("SELECT coalesce(max(generation), 0) FROM placements WHERE {condition}");
    crate::users::count(write, &sql, values).await
}

/// The database is there and carries this schema version. Idempotent.
pub(crate) async fn set_ready(write: &mut Write, place: &Place, schema_version: Option<&str>) -> Result<()> {
    let sql = "UPDATE placements SET state = 'ready', schema_version = ? \
        WHERE tenant = ? AND store = ? AND generation = ? AND state <> 'gone'";
    let (tenant, generation) = key(place);
    write
        .execute(sql, params![schema_version.map(str::to_owned), tenant, place.store.as_str(), generation])
        .await?;
    Ok(())
}

/// The database is gone; its name stays taken. Idempotent.
pub(crate) async fn set_gone(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'gone' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

/// Takes `set_gone` back, for an operation that is undone.
pub(crate) async fn set_back(write: &mut Write, place: &Place) -> Result<()> {
    let sql = "UPDATE placements SET state = 'ready' WHERE tenant = ? AND store = ? AND generation = ?";
    let (tenant, generation) = key(place);
    write.execute(sql, params![tenant, place.store.as_str(), generation]).await?;
    Ok(())
}

fn key(place: &Place) -> (i64, i64) {
    (place.tenant.map_or(0, TenantId::get), i64::try_from(place.generation).unwrap_or(i64::MAX))
}
