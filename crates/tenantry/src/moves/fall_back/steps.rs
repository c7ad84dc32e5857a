//! Steps of `FallBack`. Called only by the journal's driver.

use super::FallBack;
use crate::{
    Error, Result, control::Write, operations::Context, platform::health::lost, topology::swap as places,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::PlaceState;

/// Refuses if a placement was moved or released since the operator looked at it.
pub(super) fn begin<'a>(write: &'a mut Write, f: &'a mut FallBack) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let retained = places::retained(write, f.tenant).await?;
        for turn in &f.turns {
            let ready = places::ready(write, f.tenant, &turn.lost.store).await?;
            let still =
                retained.iter().any(|p| p.place == turn.retained && p.retained_at_us == Some(turn.since_us));
            if !still || ready.is_none_or(|ready| ready.place != turn.lost) {
                let store = &turn.lost.store;
                return Err(Error::Conflict(format!("where {store} lies was changed meanwhile: look again")));
            }
        }
        Ok(())
    })
}

/// Requires that the database in use is still lost and that the retained one is intact, then sets the lost database
/// aside.
pub(super) fn look<'a>(context: &'a Context, f: &'a mut FallBack) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let engine = context.databases.engine();
        for turn in &mut f.turns {
            context.cancel.check()?;
            let Some(why) = engine.lost(&turn.lost).await? else {
                let text = format!("{} can be opened again: nothing was changed", turn.lost.store);
                return Err(Error::Conflict(text));
            };
            if let Some(error) = engine.lost(&turn.retained).await? {
                let text = format!(
                    "what is kept of {} {} too: restore a backup",
                    turn.lost.store,
                    lost::why(&error)
                );
                return Err(Error::Conflict(text));
            }
            turn.found = Some(engine.place_info(&turn.retained).await?.state);
            // A process that still has the lost database open must not continue to write to it.
            if !turn.lost.isolation.is_pooled() {
                engine.set_aside(&turn.lost, &why).await?;
            }
        }
        Ok(())
    })
}

pub(super) fn unlook<'a>(context: &'a Context, f: &'a mut FallBack) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in f.turns.iter().filter(|turn| !turn.lost.isolation.is_pooled()) {
            context.databases.engine().put_back(&turn.lost).await?;
        }
        Ok(())
    })
}

pub(super) fn swap<'a>(write: &'a mut Write, f: &'a mut FallBack) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in &f.turns {
            places::fall_back(write, &turn.lost, &turn.retained).await?;
        }
        let detail = json!({ "slug": f.slug, "stores": f.told() });
        write.audit(&f.by, Some(f.tenant), "tenant.fall_back", detail).await
    })
}

/// Opens the retained place for writes. It lifts only the fence that `look` found: a late worker must not open a place
/// that was moved again since.
pub(super) fn open<'a>(context: &'a Context, f: &'a mut FallBack) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let engine = context.databases.engine();
        for turn in &f.turns {
            engine.close(&turn.lost);
            if let Some(PlaceState::Fenced { holder }) = turn.found {
                engine.lift_fence(&turn.retained, holder).await?;
            }
        }
        Ok(())
    })
}
