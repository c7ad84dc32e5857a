//! `tenantry init-plans` (M8).

use super::setup::{Place, explain};
use anyhow::Result;
use std::process::ExitCode;

/// Writes the plans of the configuration to the catalog.
pub(super) async fn init(place: &Place) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let done = platform.initialise_plans().await.map_err(explain)?;
    say!("plans: {} created, {} updated, {} archived", done.created, done.updated, done.archived);
    Ok(ExitCode::SUCCESS)
}
