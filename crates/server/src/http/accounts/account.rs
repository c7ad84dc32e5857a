//! Handlers for the caller's own account: confirm the address, reset a forgotten password, leave a tenant.
//!
//! The handlers read forms; the platform checks them. The answer to a request for a password reset does not depend on
//! whether the address has an account.

use crate::{
    http::{
        App,
        auth::wanted,
        body::Json,
        names::absent_unless,
        problem::Result,
        scope::{Caller, Client},
        typed::Accepted,
    },
    wire::account::{ChangeProfile, Forgotten, Outcome, Profiled, Sent, TokenAndPassword},
};
use axum::{extract::Path, response::NoContent};

/// Handles `POST /api/auth/verify`: sends the confirmation link again.
pub(in crate::http) async fn verify(app: App, Caller(actor): Caller) -> Result<Accepted<Sent>> {
    app.platform().accounts().request_confirmation(&actor).await?;
    Ok(Accepted(Sent { sent: true }))
}

/// Handles `PATCH /api/me`: changes the caller's name, language and time zone.
pub(in crate::http) async fn change(
    app: App,
    Caller(actor): Caller,
    Json(form): Json<ChangeProfile>,
) -> Result<Json<Profiled>> {
    let user = app.platform().accounts().change_profile(&actor, &form.change()).await?;
    let (language, time_zone) = (user.locale.language, user.locale.time_zone);
    Ok(Json(Profiled { id: user.id.get(), name: user.name, language, time_zone }))
}

/// Handles `POST /api/auth/verify/confirm`: takes the token of the link, and the password of the account for which it
/// was sent.
pub(in crate::http) async fn confirm(
    app: App,
    client: Client,
    Json(form): Json<TokenAndPassword>,
) -> Result<NoContent> {
    app.platform().accounts().confirm_address(&form.token, form.password.0, &client.origin).await?;
    Ok(NoContent)
}

/// Handles `POST /api/auth/password/forgot`: requests a link. The answer is the same for every address.
pub(in crate::http) async fn forgot(
    app: App,
    client: Client,
    Json(form): Json<Forgotten>,
) -> Result<Accepted<Sent>> {
    let tenant = wanted(&app, form.tenant.as_deref(), client.host.as_deref())?;
    app.platform().accounts().forgot_password(form.email.0, tenant, &client.origin).await?;
    Ok(Accepted(Sent { sent: true }))
}

/// Handles `POST /api/auth/password/reset`: takes the token of the link and the new password.
pub(in crate::http) async fn reset(
    app: App,
    client: Client,
    Json(form): Json<TokenAndPassword>,
) -> Result<NoContent> {
    app.platform().accounts().reset_password(&form.token, form.password.0, &client.origin).await?;
    Ok(NoContent)
}

/// Handles `DELETE /api/me/memberships/{tenant}`: leaves a tenant.
pub(in crate::http) async fn leave(
    app: App,
    Caller(actor): Caller,
    Path(tenant): Path<String>,
) -> Result<NoContent> {
    app.platform().accounts().leave_tenant(&actor, &absent_unless(&tenant)?).await?;
    Ok(NoContent)
}

/// Handles `GET /api/outcomes/{id}`: returns the outcome of a change that was answered with `outcome_unknown`.
pub(in crate::http) async fn outcome(
    app: App,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> Result<Json<Outcome>> {
    Ok(Json(app.platform().outcome(&actor, &id).await?.into()))
}
