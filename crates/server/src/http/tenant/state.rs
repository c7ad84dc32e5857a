//! Handlers that change the tenant's name and show its state, plan, days remaining and limits. The second one does
//! not enter the tenant, so it works for an expired or suspended one too.

use crate::http::{
    App,
    body::Json as Input,
    problem::{Problem, Result},
    scope::{Manager, Named},
    view,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

/// Body of [`change`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Change {
    name: String,
}

/// `PATCH /api/tenant`: changes the display name. Only staff change the slug.
pub(in crate::http) async fn change(
    State(app): State<App>,
    tenant: Manager,
    Input(form): Input<Change>,
) -> Result<Json<Value>> {
    app.platform().set_tenant_name(&tenant, &form.name).await?;
    Ok(Json(json!({ "id": tenant.id(), "name": form.name.trim() })))
}

/// `GET /api/tenant`.
pub(in crate::http) async fn show(State(app): State<App>, named: Named) -> Result<Json<Value>> {
    let id = named.tenant.ok_or_else(Problem::absent)?;
    let platform = app.platform();
    let (record, role) = platform.access().belongs(&named.actor, id).await?;
    let now_us = platform.now_us();
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
