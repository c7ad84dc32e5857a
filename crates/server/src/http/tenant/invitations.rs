//! Handlers for invitations into the tenant, for its owners.

use crate::{
    http::{App, body::Json, names::PathId, problem::Result, scope::Manager, typed::Created},
    wire::{
        Page,
        member::{Invitation, Invite},
    },
};
use axum::response::NoContent;
use tenantry::{error::Wrong, users};

/// `GET /api/tenant/invitations`.
pub(in crate::http) async fn list(app: App, tenant: Manager) -> Result<Json<Page<Invitation>>> {
    Ok(Json(Page::all(app.platform().invitations().list(&tenant).await?)))
}

/// `POST /api/tenant/invitations`: gives the same answer whether the address has an account or not.
pub(in crate::http) async fn create(
    app: App,
    tenant: Manager,
    Json(form): Json<Invite>,
) -> Result<Created<Invitation>> {
    let mut wrong = Wrong::default();
    wrong.take(users::check_email(&form.email))?;
    let role = wrong.take(app.platform().role(&form.role))?;
    let role = wrong.finish_with(role)?;
    Ok(Created(app.platform().invitations().create(&tenant, &form.email, &role).await?.into()))
}

/// `DELETE /api/tenant/invitations/{id}`.
pub(in crate::http) async fn revoke(app: App, tenant: Manager, PathId(id): PathId) -> Result<NoContent> {
    app.platform().invitations().revoke(&tenant, id).await?;
    Ok(NoContent)
}
