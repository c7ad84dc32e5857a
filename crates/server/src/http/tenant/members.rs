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

/// Handles `GET /api/tenant/users`: lists the members.
pub(in crate::http) async fn list(app: App, tenant: Tenant) -> Result<Json<Page<Member>>> {
    Ok(Json(Page::all(app.platform().members(&tenant).list().await?)))
}

/// Handles `PATCH /api/tenant/users/{id}`: changes a member's role.
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

/// Handles `DELETE /api/tenant/users/{id}`: removes a member.
pub(in crate::http) async fn remove(app: App, tenant: Manager, PathId(id): PathId) -> Result<NoContent> {
    app.platform().members(&tenant).remove(UserId::from_raw(id)).await?;
    Ok(NoContent)
}

/// Handles `GET /api/tenant/invitations`: lists the open invitations.
pub(in crate::http) async fn invitations(app: App, tenant: Manager) -> Result<Json<Page<Invitation>>> {
    Ok(Json(Page::all(app.platform().invitations().list(&tenant).await?)))
}

/// Handles `POST /api/tenant/invitations`: invites a person. The answer does not depend on whether the address has an
/// account.
pub(in crate::http) async fn invite(
    app: App,
    tenant: Manager,
    Json(form): Json<Invite>,
) -> Result<Created<Invitation>> {
    Ok(Created(invited(&app, &tenant, &form).await?.into()))
}

/// Invites a person. The API and pages share this function.
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

/// Handles `DELETE /api/tenant/invitations/{id}`: revokes an invitation.
pub(in crate::http) async fn revoke_invitation(
    app: App,
    tenant: Manager,
    PathId(id): PathId,
) -> Result<NoContent> {
    app.platform().invitations().revoke(&tenant, id).await?;
    Ok(NoContent)
}
