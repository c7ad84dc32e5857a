//! Handlers for members of the tenant and their roles. New members join by invitation.

use crate::http::{
    App,
    body::Json as Input,
    names::Number,
    problem::Result,
    scope::{Manager, Tenant},
    view,
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::name::UserId;

/// `GET /api/tenant/users`.
pub(in crate::http) async fn list(State(app): State<App>, tenant: Tenant) -> Result<Json<Value>> {
    let members = app.platform().members(&tenant).list().await?;
    Ok(view::items(members.iter().map(|m| {
        json!({"id": m.user, "email": m.email, "name": m.name, "role": m.role, "since": view::at(m.created_at_us)})
    })))
}

/// Body of [`change`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Change {
    role: String,
}

/// `PATCH /api/tenant/users/{id}`.
pub(in crate::http) async fn change(
    State(app): State<App>,
    tenant: Manager,
    Number(id): Number,
    Input(form): Input<Change>,
) -> Result<Json<Value>> {
    let (user, role) = (UserId::from_raw(id), app.platform().role(&form.role)?);
    app.platform().members(&tenant).set_role(user, &role).await?;
    Ok(Json(json!({"id": user, "role": role})))
}

/// `DELETE /api/tenant/users/{id}`.
pub(in crate::http) async fn remove(
    State(app): State<App>,
    tenant: Manager,
    Number(id): Number,
) -> Result<StatusCode> {
    app.platform().members(&tenant).remove(UserId::from_raw(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
