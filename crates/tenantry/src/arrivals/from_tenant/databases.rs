//! Copies the databases of a tenant to scratch. On request, the copies contain no personal data.

use super::FromTenant;
use crate::{
    Error, Result,
    arrivals::operation::CopyOf,
    operations::{Context, context::remove_left},
    platform::health::lost,
    topology::{Placement, PlacementState, Policy, placement},
};
use tenantry_engine::engine::Blanked;

pub(super) async fn copy(context: &Context, from: &mut FromTenant) -> Result<Vec<CopyOf>> {
    let mut tx = context.control.snapshot().await?;
    let placements = placement::of_tenant(&mut tx, from.tenant).await?;
    drop(tx);
    let ready: Vec<_> = placements.iter().filter(|p| p.state == PlacementState::Ready).collect();
    // The step may be repeated, so start counting from zero.
    from.blank = from.blank.take().map(|_| Blanked::default());
    let mut copies = vec![];
    for (done, placement) in ready.iter().enumerate() {
        context.cancel.check()?;
        context.progress.set(done as u64, ready.len() as u64, "databases");
        let copy = copy_one(context, placement, from).await?;
        if placement.policy == Policy::External {
            refuse_foreign(context, &copy).await?;
        }
        copies.push(copy);
    }
    Ok(copies)
}

async fn copy_one(context: &Context, placement: &Placement, from: &mut FromTenant) -> Result<CopyOf> {
    let place = &placement.place;
    let (of, blank) = (from.tenant, from.blank.as_mut());
    let (engine, scratch) = (context.databases.engine(), context.scratch()?);
    let (script, schema) = (context.databases.script(&place.store)?, context.databases.schema(&place.store)?);
    let copy = CopyOf { store: place.store.clone(), of };
    let (path, raw) = (copy.path(scratch), scratch.join(format!("{}.raw.sqlite", place.store)));
    remove_left(&path)?;
    remove_left(&raw)?;
    let first = if blank.is_some() { &raw } else { &path };
    if let Err(error) = engine.copy_out(place, &script, first).await {
        return Err(lost::named(&context.databases, &from.slug, place, error).await);
    }
    let migrated = engine.migrate_copy(first, of, &script).await;
    migrated.map_err(|error| lost::not_migrated(&from.slug, placement, error))?;
    if let Some(blank) = blank {
        let more = engine.blank_copy(&raw, &path, &schema).await?;
        blank.fields += more.fields;
        blank.rows += more.rows;
        remove_left(&raw)?;
    }
    Ok(copy)
}

/// Refuses an owner's external database with tables that the apps do not know: those tables must not end up in one of
/// the platform's databases.
async fn refuse_foreign(context: &Context, copy: &CopyOf) -> Result<()> {
    let (path, script) = (copy.path(context.scratch()?), context.databases.script(&copy.store)?);
    let found = context.databases.engine().foreign_in_copy(&path, &script).await?;
    match found.first() {
        None => Ok(()),
        Some(first) => Err(Error::Conflict(format!(
            "the database of {} was brought by its owner and has things of its own ({first}): it cannot be cloned",
            copy.store
        ))),
    }
}
