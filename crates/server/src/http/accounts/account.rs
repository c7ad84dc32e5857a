//! Handlers for the caller's own account: confirm the address, reset a forgotten password, leave a tenant.
//!
//! The handlers read forms; the platform checks. Requests for a password reset get the same answer whether the address
//! has an account or not.

use crate::http::{
    App,
    auth::wanted,
    body::Json as Input,
    names::absent_unless,
    problem::Result,
    scope::{Caller, Client},
};
use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::access::passwords::Password;

/// `POST /api/auth/verify`: sends the confirmation link again.
pub(in crate::http) async fn verify(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<(StatusCode, Json<Value>)> {
    app.platform().request_confirmation(&actor).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "sent": true }))))
}

/// Body of [`change`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Change {
    name: String,
}

/// `PATCH /api/me`: changes the caller's name.
pub(in crate::http) async fn change(
    State(app): State<App>,
    Caller(actor): Caller,
    Input(form): Input<Change>,
) -> Result<Json<Value>> {
    app.platform().set_own_name(&actor, &form.name).await?;
    let name = form.name.trim();
    Ok(Json(json!({ "id": actor.user_id(), "name": name })))
}

/// Body of [`confirm`] and [`reset`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WithPassword {
    token: String,
    password: Password,
}

/// `POST /api/auth/verify/confirm`: takes the token of the link and the password of the account it was sent for.
pub(in crate::http) async fn confirm(
    State(app): State<App>,
    client: Client,
    Input(form): Input<WithPassword>,
) -> Result<StatusCode> {
    app.platform().confirm_address(&form.token, form.password, &client.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of [`forgot`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Forgotten {
    email: String,
    tenant: Option<String>,
}

/// `POST /api/auth/password/forgot`: gives the same answer for every address.
pub(in crate::http) async fn forgot(
    State(app): State<App>,
    client: Client,
    Input(form): Input<Forgotten>,
) -> Result<(StatusCode, Json<Value>)> {
    let tenant = wanted(&app, form.tenant.as_deref(), client.host.as_deref())?;
    app.platform().forgot_password(form.email, tenant, &client.origin).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "sent": true }))))
}

/// `POST /api/auth/password/reset`: takes the token of the link and the new password.
pub(in crate::http) async fn reset(
    State(app): State<App>,
    client: Client,
    Input(form): Input<WithPassword>,
) -> Result<StatusCode> {
    app.platform().reset_password(&form.token, form.password, &client.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/me/memberships/{tenant}`: leaves a tenant.
pub(in crate::http) async fn leave(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(tenant): Path<String>,
) -> Result<StatusCode> {
    app.platform().leave_tenant(&actor, &absent_unless(&tenant)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
