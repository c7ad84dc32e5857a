//! Staff handlers for the platform's users: list, create, change their rights, sessions and passwords.

use crate::{
    http::{
        App,
        body::Json,
        names::PathId,
        problem::Result,
        query::QueryParams,
        scope::{Staff, StaffOn, Superuser},
        typed::Created,
    },
    wire::{
        Page,
        member::Member,
        user::{ChangeUser, CreateUser, Profile, ResetSent, SetPassword, User, UsersQuery},
    },
};
use axum::response::NoContent;
use tenantry::{
    name::UserId,
    users::{Filter, FlagChanges, Only},
};

/// `GET /api/admin/users`.
pub(in crate::http) async fn list(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<UsersQuery>,
) -> Result<Json<Page<User>>> {
    let filter = filter(query)?;
    let users = app.platform().users().list(&actor, &filter).await?;
    Ok(app.page(users, filter.limit, |user: &User| user.id))
}

/// Returns the filter that a query names.
///
/// # Errors
/// Returns an error if a parameter has a value that does not exist.
pub(in crate::http) fn filter(query: UsersQuery) -> Result<Filter> {
    Ok(Filter {
        search: query.q,
        only: query.only.as_deref().map(Only::parse).transpose()?,
        after: query.after.map(|id| UserId::from_raw(id.0)),
        limit: query.limit.0,
    })
}

/// `GET /api/admin/users/{id}`.
pub(in crate::http) async fn show(
    app: App,
    Staff(actor): Staff,
    PathId(id): PathId,
) -> Result<Json<Profile>> {
    Ok(Json(app.platform().users().show(&actor, UserId::from_raw(id)).await?.into()))
}

/// `POST /api/admin/users/{id}/reset`: sends the user a link to choose a new password.
pub(in crate::http) async fn send_reset(
    app: App,
    Staff(actor): Staff,
    PathId(id): PathId,
) -> Result<Json<ResetSent>> {
    Ok(Json(app.platform().accounts().send_reset_to(&actor, UserId::from_raw(id)).await?.into()))
}

/// `GET /api/admin/tenants/{slug}/users`.
pub(in crate::http) async fn of_tenant(on: StaffOn) -> Result<Json<Page<Member>>> {
    Ok(Json(Page::all(on.platform().users().of_tenant(&on.actor, &on.slug).await?)))
}

/// `POST /api/admin/users`: creates an account whose address the superuser vouches for.
pub(in crate::http) async fn create(
    app: App,
    Superuser(actor): Superuser,
    Json(form): Json<CreateUser>,
) -> Result<Created<User>> {
    let user = app.platform().users().create(&actor, form.email.0, form.name, form.password.0).await?;
    Ok(Created(user.into()))
}

/// `PATCH /api/admin/users/{id}`.
pub(in crate::http) async fn change(
    app: App,
    Superuser(actor): Superuser,
    PathId(id): PathId,
    Json(form): Json<ChangeUser>,
) -> Result<Json<User>> {
    let changes = FlagChanges { superuser: form.superuser, staff: form.staff, active: form.active };
    let user = app.platform().users().change(&actor, UserId::from_raw(id), changes).await?;
    Ok(Json(user.into()))
}

/// `DELETE /api/admin/users/{id}/sessions`: signs a user out everywhere.
pub(in crate::http) async fn revoke(app: App, Staff(actor): Staff, PathId(id): PathId) -> Result<NoContent> {
    app.platform().access().sessions().revoke_all(&actor, UserId::from_raw(id)).await?;
    Ok(NoContent)
}

/// `PUT /api/admin/users/{id}/password`: sets a new password for the user. Only superusers may, because
/// the new password lets them act as that user.
pub(in crate::http) async fn set_password(
    app: App,
    Superuser(actor): Superuser,
    PathId(id): PathId,
    Json(form): Json<SetPassword>,
) -> Result<NoContent> {
    app.platform().access().set_password(&actor, UserId::from_raw(id), form.password.0).await?;
    Ok(NoContent)
}

/// `POST /api/admin/users/{id}/unlock`: reopens an account that failed sign-ins have locked.
pub(in crate::http) async fn unlock(app: App, Staff(actor): Staff, PathId(id): PathId) -> Result<Json<User>> {
    let user = app.platform().users().unlock(&actor, UserId::from_raw(id)).await?;
    Ok(Json(user.into()))
}
