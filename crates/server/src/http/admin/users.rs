//! Staff handlers for the platform's users: list, create, change their rights, sessions and passwords.

use super::Page;
use crate::http::{
    App,
    body::{self, Json as Input},
    names::Number,
    problem::Result,
    query::Words,
    scope::Staff,
    view,
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    access::{Actor, passwords::Password},
    error::Wrong,
    name::UserId,
    users::{self, Flags, NewUser, Standing, User},
};

/// `GET /api/admin/users`.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(_): Staff,
    Words(page): Words<Page>,
) -> Result<Json<Value>> {
    let mut snapshot = app.platform().control().snapshot().await?;
    let users = users::list(&mut snapshot, page.after.map(UserId::from_raw), view::limit(page.limit)).await?;
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
    Staff(actor): Staff,
    Input(form): Input<Form>,
) -> Result<(StatusCode, Json<Value>)> {
    may_grant(&actor)?;
    let name = form.name.unwrap_or_else(|| form.email.clone());
    let mut wrong = Wrong::default();
    wrong.take(users::check_email(&form.email))?;
    wrong.take(users::check_text("name", &name))?;
    wrong.take(form.password.check(&form.email))?;
    wrong.finish()?;
    let password_hash = Some(app.platform().access().passwords().hash(form.password).await?);
    let mut write = app.platform().control().begin().await?;
    let new = NewUser { email: form.email, name, password_hash, standing: Standing::Confirmed };
    let id = users::create(&mut write, &actor.by(), &new).await?;
    let user = users::by_id(&mut write, id).await?;
    write.commit().await?;
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
    Staff(actor): Staff,
    Number(id): Number,
    Input(form): Input<Change>,
) -> Result<Json<Value>> {
    let id = UserId::from_raw(id);
    may_grant(&actor)?;
    let mut write = app.platform().control().begin().await?;
    let user = users::by_id(&mut write, id).await?;
    let flags = Flags {
        is_superuser: form.superuser.unwrap_or(user.is_superuser),
        is_staff: form.staff.unwrap_or(user.is_staff),
        is_active: form.active.unwrap_or(user.is_active),
    };
    users::set_flags(&mut write, &actor.by(), id, flags, &app.platform().owner_role()?).await?;
    let user = users::by_id(&mut write, id).await?;
    write.commit().await?;
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
    Staff(actor): Staff,
    Number(id): Number,
    Input(form): Input<NewPassword>,
) -> Result<StatusCode> {
    may_grant(&actor)?;
    app.platform().access().set_password(&actor.by(), UserId::from_raw(id), form.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/admin/users/{id}/unlock`: reopens an account that wrong guesses closed.
pub(in crate::http) async fn unlock(
    State(app): State<App>,
    Staff(actor): Staff,
    Number(id): Number,
) -> Result<Json<Value>> {
    actor.may_change_credentials()?;
    let id = UserId::from_raw(id);
    app.platform().unlock_user(&actor.by(), id).await?;
    let user = users::by_id(&mut app.platform().control().snapshot().await?, id).await?;
    Ok(Json(shown(&user)))
}

/// Checks that the actor may create staff or superusers: only superusers may.
pub(super) fn may_grant(actor: &Actor) -> Result<()> {
    actor.may_change_credentials()?;
    match actor.is_superuser() {
        true => Ok(()),
        false => Err(Error::Denied(format!("{actor:?} is no superuser")).into()),
    }
}

fn shown(user: &User) -> Value {
    json!({
        "id": user.id, "email": user.email, "name": user.name, "confirmed": user.is_confirmed(), "superuser": user.is_superuser,
        "staff": user.is_staff, "active": user.is_active, "failed_logins": user.failed_logins,
        "locked_until": user.locked_until_us.map(view::at),
    })
}
