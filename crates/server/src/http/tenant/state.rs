//! Handler for state, plan, days remaining and limits (M8). It does not enter the tenant, so it works for an expired or
//! suspended one too.

use crate::http::{
    App,
    problem::{Problem, Result},
    scope::Named,
    view,
};
use axum::{Json, extract::State};
use serde_json::{Value, json};

/// `GET /api/tenant`.
pub(in crate::http) async fn show(State(app): State<App>, named: Named) -> Result<Json<Value>> {
    let id = named.tenant.ok_or_else(Problem::absent)?;
    let platform = app.platform();
    let (record, role) = platform.access().belongs(&named.actor, id).await?;
    let now_us = platform.control().now_us();
    let subscription = record.subscription.as_ref();
    Ok(Json(json!({
        "id": record.id,
        "slug": record.slug,
        "name": record.name,
        "state": record.state,
        "maintenance": record.maintenance,
        "ends": view::ends(record.retirement),
        "role": role,
        "plan": subscription.map(|s| &s.plan),
        "subscription": subscription.map(|s| s.state_at(now_us)),
        "days_remaining": subscription.and_then(|s| s.days_remaining(now_us)),
        "features": record.entitlements.features,
        "limits": record.entitlements.limits,
    })))
}
