//! Staff handlers for the sizes of databases, day by day.

use crate::{
    http::{
        App,
        body::Json,
        problem::Result,
        query::QueryParams,
        scope::{Staff, StaffOn},
    },
    wire::{
        Page,
        sizes::{FleetSizes, SizesQuery, StoreSizes},
    },
};

/// Number of days if none is named.
pub(in crate::http) const USUAL_DAYS: u32 = 90;

/// `GET /api/admin/sizes`.
pub(in crate::http) async fn of_all(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<SizesQuery>,
) -> Result<Json<FleetSizes>> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    Ok(Json(app.platform().tenants().sizes_of_all(&actor, days).await?.into()))
}

/// `GET /api/admin/tenants/{slug}/sizes`.
pub(in crate::http) async fn of_tenant(
    on: StaffOn,
    QueryParams(query): QueryParams<SizesQuery>,
) -> Result<Json<Page<StoreSizes>>> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    Ok(Json(Page::all(on.platform().tenants().sizes(&on.actor, &on.slug, days).await?)))
}
