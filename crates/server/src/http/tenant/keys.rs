//! Handlers for the tenant's API keys.

use crate::http::{App, body::Json as Input, names::Number, problem::Result, scope::Manager, view};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::access::api_keys::{KeyInfo, NewKey};

/// `GET /api/tenant/keys`.
pub(in crate::http) async fn list(State(app): State<App>, tenant: Manager) -> Result<Json<Value>> {
    let keys = app.platform().access().api_keys().list(&tenant).await?;
    Ok(view::items(keys.iter().map(shown)))
}

/// Body of [`create`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    name: String,
    role: String,
    expires_at: Option<jiff::Timestamp>,
}

/// `POST /api/tenant/keys`.
pub(in crate::http) async fn create(
    State(app): State<App>,
    tenant: Manager,
    Input(form): Input<Form>,
) -> Result<(StatusCode, Json<Value>)> {
    let new =
        NewKey { name: form.name, role: form.role, expires_us: form.expires_at.map(|t| t.as_microsecond()) };
    let (token, info) = app.platform().access().api_keys().create(&tenant, new).await?;
    let mut body = shown(&info);
    body["key"] = json!(token.reveal());
    Ok((StatusCode::CREATED, Json(body)))
}

/// `DELETE /api/tenant/keys/{id}`.
pub(in crate::http) async fn revoke(
    State(app): State<App>,
    tenant: Manager,
    Number(id): Number,
) -> Result<StatusCode> {
    app.platform().access().api_keys().revoke(&tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(key: &KeyInfo) -> Value {
    json!({
        "id": key.id, "name": key.name, "prefix": key.prefix, "role": key.role, "made_by": key.made_by,
        "created_at": view::at(key.created_us), "expires_at": view::at_opt(key.expires_us),
        "last_seen_at": view::at_opt(key.seen_us),
    })
}
