//! Handlers for members of the tenant and their roles. New members join by invitation.

use crate::http::{App, body::Json as Input, names::Number, problem::Result, scope::Tenant, view};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    name::{RoleName, UserId},
    users::members,
};

/// `GET /api/tenant/users`.
pub(in crate::http) async fn list(State(app): State<App>, tenant: Tenant) -> Result<Json<Value>> {
    let mut snapshot = app.platform().control().snapshot().await?;
    let members = members::of_tenant(&mut snapshot, tenant.id()).await?;
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
    tenant: Tenant,
    Number(id): Number,
    Input(form): Input<Change>,
) -> Result<Json<Value>> {
    super::may_manage(&app, &tenant)?;
    let (user, role) = (UserId::from_raw(id), role(&app, &form.role)?);
    let mut write = app.platform().control().begin().await?;
    let first = app.platform().owner_role()?;
    members::set_role(&mut write, &tenant.actor().by(), user, tenant.id(), &role, &first).await?;
    write.commit().await?;
    Ok(Json(json!({"id": user, "role": role})))
}

/// `DELETE /api/tenant/users/{id}`.
pub(in crate::http) async fn remove(
    State(app): State<App>,
    tenant: Tenant,
    Number(id): Number,
) -> Result<StatusCode> {
    super::may_manage(&app, &tenant)?;
    let user = UserId::from_raw(id);
    let mut write = app.platform().control().begin().await?;
    let first = app.platform().owner_role()?;
    members::remove(&mut write, &tenant.actor().by(), user, tenant.id(), &first).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One of the configured roles.
pub(super) fn role(app: &App, text: &str) -> Result<RoleName, Error> {
    let roles = &app.platform().config().auth.roles;
    roles.iter().find(|role| role.as_str() == text).cloned().ok_or_else(|| {
        let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
        Error::invalid("role", format!("must be one of: {}", names.join(", ")))
    })
}
