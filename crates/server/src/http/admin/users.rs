//! Staff handlers for the platform's users: list, create, change their rights, sessions and passwords.

use super::Page;
use crate::http::{
    App,
    body::{self, Json as Input},
    names::Number,
    problem::Result,
    query::Words,
    scope::{Staff, Superuser},
    view,
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    access::passwords::Password,
    name::UserId,
    users::{FlagChanges, User},
};

/// `GET /api/admin/users`.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(actor): Staff,
    Words(page): Words<Page>,
) -> Result<Json<Value>> {
    let users = app
        .platform()
        .users()
        .list(&actor, page.after.map(UserId::from_raw), view::limit(page.limit))
        .await?;
    Ok(view::page(&app, users.iter().map(shown)))
}

/// Body of [`create`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    email: String,
    name: Option<String>,
    password: Password,
}

/// `POST /api/admin/users`: creates an account whose address the superuser vouches for.
pub(in crate::http) async fn create(
    State(app): State<App>,
    Superuser(actor): Superuser,
    Input(form): Input<Form>,
) -> Result<(StatusCode, Json<Value>)> {
    let user = app.platform().users().create(&actor, form.email, form.name, form.password).await?;
    Ok((StatusCode::CREATED, Json(shown(&user))))
}

/// Body of [`change`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Change {
    #[serde(default, deserialize_with = "body::present")]
    superuser: Option<bool>,
    #[serde(default, deserialize_with = "body::present")]
    staff: Option<bool>,
    #[serde(default, deserialize_with = "body::present")]
    active: Option<bool>,
}

/// `PATCH /api/admin/users/{id}`.
pub(in crate::http) async fn change(
    State(app): State<App>,
    Superuser(actor): Superuser,
    Number(id): Number,
    Input(form): Input<Change>,
) -> Result<Json<Value>> {
    let changes = FlagChanges { superuser: form.superuser, staff: form.staff, active: form.active };
    let user = app.platform().users().change(&actor, UserId::from_raw(id), changes).await?;
    Ok(Json(shown(&user)))
}

/// `DELETE /api/admin/users/{id}/sessions`: signs a user out everywhere.
pub(in crate::http) async fn revoke(
    State(app): State<App>,
    Staff(actor): Staff,
    Number(id): Number,
) -> Result<StatusCode> {
    app.platform().access().sessions().revoke_all(&actor, UserId::from_raw(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of [`set_password`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewPassword {
    password: Password,
}

/// `PUT /api/admin/users/{id}/password`: sets a new password for the user. Only superusers may, because
/// the new password lets them act as that user.
pub(in crate::http) async fn set_password(
    State(app): State<App>,
    Superuser(actor): Superuser,
    Number(id): Number,
    Input(form): Input<NewPassword>,
) -> Result<StatusCode> {
    app.platform().access().set_password(&actor, UserId::from_raw(id), form.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/admin/users/{id}/unlock`: reopens an account that wrong guesses closed.
pub(in crate::http) async fn unlock(
    State(app): State<App>,
    Staff(actor): Staff,
    Number(id): Number,
) -> Result<Json<Value>> {
    let user = app.platform().users().unlock(&actor, UserId::from_raw(id)).await?;
    Ok(Json(shown(&user)))
}

fn shown(user: &User) -> Value {
    json!({
        "id": user.id, "email": user.email, "name": user.name, "confirmed": user.is_confirmed(), "superuser": user.is_superuser,
        "staff": user.is_staff, "active": user.is_active, "failed_logins": user.failed_logins,
        "locked_until": user.locked_until_us.map(view::at),
    })
}
