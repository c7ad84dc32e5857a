//! The caller's own account: confirming the address, a forgotten password, leaving a tenant.
//!
//! The platform checks; this reads forms. Requests about a forgotten password are answered in one way, whether the
//! address has an account or not.

use super::{
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

/// `POST /api/auth/verify`: sends the link once more.
pub(super) async fn verify(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<(StatusCode, Json<Value>)> {
    app.platform().request_confirmation(&actor).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "sent": true }))))
}

/// What [`confirm`] and [`reset`] take.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithPassword {
    token: String,
    password: Password,
}

/// `POST /api/auth/verify/confirm`: the link, and the password of the account it was sent for.
pub(super) async fn confirm(
    State(app): State<App>,
    client: Client,
    Input(form): Input<WithPassword>,
) -> Result<StatusCode> {
    app.platform().confirm_address(&form.token, form.password, &client.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What [`forgot`] takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgotten {
    email: String,
    tenant: Option<String>,
}

/// `POST /api/auth/password/forgot`: the same answer for every address.
pub(super) async fn forgot(
    State(app): State<App>,
    client: Client,
    Input(form): Input<Forgotten>,
) -> Result<(StatusCode, Json<Value>)> {
    let tenant = wanted(&app, form.tenant.as_deref(), client.host.as_deref())?;
    app.platform().forgot_password(form.email, tenant, &client.origin).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "sent": true }))))
}

/// `POST /api/auth/password/reset`: the link, and the new password.
pub(super) async fn reset(
    State(app): State<App>,
    client: Client,
    Input(form): Input<WithPassword>,
) -> Result<StatusCode> {
    app.platform().reset_password(&form.token, form.password, &client.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/me/memberships/{tenant}`: leaves a tenant.
pub(super) async fn leave(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(tenant): Path<String>,
) -> Result<StatusCode> {
    app.platform().leave_tenant(&actor, &absent_unless(&tenant)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
