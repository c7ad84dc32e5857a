//! Handlers for members of the tenant, their roles, and the invitations by which new members join.

use crate::{
    http::{
        App,
        body::Json,
        names::PathId,
        problem::Result,
        scope::{Manager, Tenant},
        typed::Created,
    },
    wire::{
        AsText, Page,
        member::{Invitation, Invite, Member, Membership, RoleChange},
    },
};
use axum::response::NoContent;
use tenantry::{access, error::Wrong, name::UserId, users};

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

/// `GET /api/tenant/invitations`.
pub(in crate::http) async fn invitations(app: App, tenant: Manager) -> Result<Json<Page<Invitation>>> {
    Ok(Json(Page::all(app.platform().invitations().list(&tenant).await?)))
}

/// `POST /api/tenant/invitations`: gives the same answer whether the address has an account or not.
pub(in crate::http) async fn invite(
    app: App,
    tenant: Manager,
    Json(form): Json<Invite>,
) -> Result<Created<Invitation>> {
    Ok(Created(invited(&app, &tenant, &form).await?.into()))
}

/// Invites a person, for the API and for pages.
pub(in crate::http) async fn invited(
    app: &App,
    tenant: &access::Tenant,
    form: &Invite,
) -> Result<tenantry::Invitation> {
    let mut wrong = Wrong::default();
    wrong.take(users::check_email(&form.email))?;
    let role = wrong.take(app.platform().role(&form.role))?;
    let role = wrong.finish_with(role)?;
    Ok(app.platform().invitations().create(tenant, &form.email, &role).await?)
}

/// `DELETE /api/tenant/invitations/{id}`.
pub(in crate::http) async fn revoke_invitation(
    app: App,
    tenant: Manager,
    PathId(id): PathId,
) -> Result<NoContent> {
    app.platform().invitations().revoke(&tenant, id).await?;
    Ok(NoContent)
}
