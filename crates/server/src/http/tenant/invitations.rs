//! Handlers for invitations into the tenant, for its owners.

use crate::http::{App, body::Json as Input, names::Number, problem::Result, scope::Manager, view};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{Invitation, error::Wrong, users};

/// `GET /api/tenant/invitations`.
pub(in crate::http) async fn list(State(app): State<App>, tenant: Manager) -> Result<Json<Value>> {
    let open = app.platform().invitations(&tenant).await?;
    Ok(view::items(open.iter().map(shown)))
}

/// Body of [`create`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    email: String,
    role: String,
}

/// `POST /api/tenant/invitations`: gives the same answer whether the address has an account or not.
pub(in crate::http) async fn create(
    State(app): State<App>,
    tenant: Manager,
    Input(form): Input<Form>,
) -> Result<(StatusCode, Json<Value>)> {
    let mut wrong = Wrong::default();
    wrong.take(users::check_email(&form.email))?;
    let role = wrong.take(app.platform().role(&form.role))?;
    let role = wrong.finish_with(role)?;
    let made = app.platform().invite(&tenant, &form.email, &role).await?;
    Ok((StatusCode::CREATED, Json(shown(&made))))
}

/// `DELETE /api/tenant/invitations/{id}`.
pub(in crate::http) async fn revoke(
    State(app): State<App>,
    tenant: Manager,
    Number(id): Number,
) -> Result<StatusCode> {
    app.platform().revoke_invitation(&tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(made: &Invitation) -> Value {
    json!({
        "id": made.id, "email": made.email, "role": made.role, "created_at": view::at(made.created_at_us),
        "expires_at": view::at(made.expires_at_us), "letter": made.letter,
        "made_by": made.made_by.as_ref().map(|maker| json!({"id": maker.id, "email": maker.email})),
    })
}
