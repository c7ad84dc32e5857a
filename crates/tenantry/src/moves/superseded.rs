//! Recognises a database that a newer one has replaced: it is fenced, and no open operation will lift the fence.
//!
//! A catalog that is older than its databases names such databases. The check and `restore all` look for them.

use crate::{Result, control::Control, operations::is_at_work};
use tenantry_engine::{Engine, place::Place};

/// Returns true if the place refuses writes permanently. Returns false for a place that cannot be read.
pub(crate) async fn is_superseded(engine: &Engine, control: &Control, place: &Place) -> Result<bool> {
    let Some(tenant) = place.tenant else { return Ok(false) };
    if !is_fenced(engine, place).await || is_at_work(&mut control.snapshot().await?, tenant).await? {
        return Ok(false);
    }
    // An operation may have ended between the two checks.
    Ok(is_fenced(engine, place).await)
}

async fn is_fenced(engine: &Engine, place: &Place) -> bool {
    engine.place_info(place).await.is_ok_and(|info| !info.state.is_open())
}
