//! Handler for the list of plans. It is public, so that a registration form can show them.

use crate::{
    http::{App, body::Json, problem::Result},
    wire::{Page, plan::Plan},
};

/// Handles `GET /api/plans`: lists the plans on offer.
pub(in crate::http) async fn list(app: App) -> Result<Json<Page<Plan>>> {
    let plans = app.platform().plans().list().await?;
    Ok(Json(Page::all(plans.into_iter().filter(|plan| !plan.archived))))
}
