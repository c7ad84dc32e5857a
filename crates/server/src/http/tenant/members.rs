//! Handlers for members of the tenant and their roles. New members join by invitation.

use crate::{
    http::{
        App,
        body::Json,
        names::PathId,
        problem::Result,
        scope::{Manager, Tenant},
    },
    wire::{
        AsText, Page,
        member::{Member, Membership, RoleChange},
    },
};
use axum::response::NoContent;
use tenantry::name::UserId;

/// `GET /api/tenant/users`.
pub(in crate::http) async fn list(app: App, tenant: Tenant) -> Result<Json<Page<Member>>> {
    Ok(Json(Page::all(app.platform().members(&tenant).list().await?)))
}

/// `PATCH /api/tenant/users/{id}`.
pub(in crate::http) async fn change(
    app: App,
    tenant: Manager,
    PathId(id): PathId,
    Json(form): Json<RoleChange>,
) -> Result<Json<Membership>> {
    let (user, role) = (UserId::from_raw(id), app.platform().role(&form.role)?);
    app.platform().members(&tenant).set_role(user, &role).await?;
    Ok(Json(Membership { id: user.get(), role: AsText(role) }))
}

/// `DELETE /api/tenant/users/{id}`.
pub(in crate::http) async fn remove(app: App, tenant: Manager, PathId(id): PathId) -> Result<NoContent> {
    app.platform().members(&tenant).remove(UserId::from_raw(id)).await?;
    Ok(NoContent)
}
