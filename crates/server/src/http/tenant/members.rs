//! Members of the tenant and their roles.

use crate::http::{App, body::Json as Input, names::Number, problem::Result, scope::Tenant, view};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    access::passwords::Password,
    name::{RoleName, UserId},
    users::{self, NewUser, members},
};

/// `GET /api/tenant/users`.
pub(in crate::http) async fn list(State(app): State<App>, tenant: Tenant) -> Result<Json<Value>> {
    let mut snapshot = app.platform().control().snapshot().await?;
    let members = members::of_tenant(&mut snapshot, tenant.id()).await?;
    Ok(view::items(members.iter().map(|m| {
        json!({"id": m.user, "email": m.email, "name": m.name, "role": m.role, "since": view::at(m.created_at_us)})
    })))
}

/// What [`add`] takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    email: String,
    role: String,
    name: Option<String>,
    password: Option<Password>,
}

/// `POST /api/tenant/users`: a password makes an account where the address has none.
pub(in crate::http) async fn add(
    State(app): State<App>,
    tenant: Tenant,
    Input(form): Input<Form>,
) -> Result<(StatusCode, Json<Value>)> {
    super::may_manage(&app, &tenant)?;
    let role = role(&app, &form.role)?;
    let by = tenant.actor().by();
    let password_hash = match form.password {
        Some(password) => {
            password.check(&form.email)?;
            Some(app.platform().access().passwords().hash(password).await?)
        }
        None => None,
    };
    let mut write = app.platform().control().begin().await?;
    // An account that exists keeps its password and name: an owner cannot take over an account by adding it.
    let user = match users::by_email(&mut write, &form.email).await? {
        Some(user) => user.id,
        None => {
            let name = form.name.unwrap_or_else(|| form.email.clone());
            users::create(&mut write, &by, &NewUser { email: form.email, name, password_hash }).await?
        }
    };
    members::add(&mut write, &by, user, tenant.id(), &role).await?;
    write.commit().await?;
    Ok((StatusCode::CREATED, Json(json!({"id": user, "role": role}))))
}

/// What [`change`] takes.
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

fn role(app: &App, text: &str) -> Result<RoleName> {
    let roles = &app.platform().config().auth.roles;
    roles.iter().find(|role| role.as_str() == text).cloned().ok_or_else(|| {
        let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
        Error::invalid("role", format!("must be one of: {}", names.join(", "))).into()
    })
}
