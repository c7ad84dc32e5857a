//! Staff handlers for the settings of a tenant, including its id at other issuers of tokens.

use crate::http::{App, body::Json as Input, names::Company, problem::Result, scope::Staff};
use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

/// `GET /api/admin/tenants/{slug}/settings`.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Staff(_): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    Ok(Json(json!({ "settings": app.platform().tenant_settings(&slug).await? })))
}

/// `PATCH /api/admin/tenants/{slug}/settings`: a merge patch.
pub(in crate::http) async fn change(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(changes): Input<Map<String, Value>>,
) -> Result<Json<Value>> {
    let now = app.platform().change_tenant_settings(&actor, &slug, changes).await?;
    Ok(Json(json!({ "settings": now })))
}
