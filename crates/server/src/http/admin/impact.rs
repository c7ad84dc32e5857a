//! Staff handler that lists the tenants that would notice a change or a deletion of a shared record.

use crate::{
    http::{App, body::Json, problem::Result, query::QueryParams, scope::Staff},
    wire::impact::{Impact, ImpactQuery},
};
use axum::extract::Path;
use tenantry::{
    name::TenantId,
    records::{ImpactBounds, MAX_OPENED, Scope},
};

/// `GET /api/admin/impact/{shared_model}/{id}`.
pub(in crate::http) async fn show(
    app: App,
    Staff(actor): Staff,
    Path((model, id)): Path<(String, String)>,
    QueryParams(query): QueryParams<ImpactQuery>,
) -> Result<Json<Impact>> {
    let records = app.platform().records(Scope::Staff(&actor), &model)?;
    let after = query.after.map(|id| TenantId::from_raw(id.0));
    let opened = query.databases.map_or(MAX_OPENED, usize::from);
    let bounds = ImpactBounds { noticing: query.limit.0 as usize, opened };
    Ok(Json(records.impact(&id, after, bounds).await?.into()))
}
