//! Staff handlers for impersonation ("Enter company system" and "exit"): act as a member, with a reason, for at most an
//! hour (`impersonation-abuse`).

use crate::http::{
    App,
    body::Json as Input,
    names::absent_unless,
    problem::Result,
    scope::{Caller, Client, Staff},
    view,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tenantry::{access::impersonation::Impersonate, name::UserId};

/// Body of [`start`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    tenant: String,
    user: Option<i64>,
    reason: String,
    minutes: Option<u32>,
}

/// `POST /api/admin/impersonate`: answers with a token only; the staff member's own cookie does not change.
pub(in crate::http) async fn start(
    State(app): State<App>,
    Staff(actor): Staff,
    client: Client,
    Input(form): Input<Form>,
) -> Result<Response> {
    let access = app.platform().access();
    let slug = absent_unless(&form.tenant)?;
    let tenant = access.directory().by_slug(&slug).await?.id;
    let minutes = form.minutes.unwrap_or(30);
    let wish = Impersonate { tenant, user: form.user.map(UserId::from_raw), reason: form.reason, minutes };
    let begun = access.impersonate(&actor, &wish, &client.origin).await?;
    let body = json!({
        "token": begun.token.reveal(), "user": begun.user, "tenant": slug, "expires_at": view::at(begun.expires_us),
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `DELETE /api/admin/impersonate`: ends the impersonation whose token is presented.
pub(in crate::http) async fn stop(State(app): State<App>, Caller(actor): Caller) -> Result<StatusCode> {
    app.platform().access().stop_impersonating(&actor).await?;
    Ok(StatusCode::NO_CONTENT)
}
