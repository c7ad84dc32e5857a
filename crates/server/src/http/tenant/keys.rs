//! Handlers for the tenant's API keys.

use crate::{
    http::{App, body::Json, names::PathId, problem::Result, scope::Manager, typed::Created},
    wire::{
        Page,
        member::{Key, MakeKey, NewKey},
    },
};
use axum::response::NoContent;
use tenantry::access::api_keys;

/// Handles `GET /api/tenant/keys`: lists the tenant's API keys.
pub(in crate::http) async fn list(app: App, tenant: Manager) -> Result<Json<Page<Key>>> {
    Ok(Json(Page::all(app.platform().access().api_keys().list(&tenant).await?)))
}

/// Handles `POST /api/tenant/keys`: creates an API key.
pub(in crate::http) async fn create(
    app: App,
    tenant: Manager,
    Json(form): Json<MakeKey>,
) -> Result<Created<NewKey>> {
    let expires_us = form.expires_at.map(|at| at.0);
    let new = api_keys::NewKey { name: form.name, role: form.role.into(), expires_us };
    let (token, info) = app.platform().access().api_keys().create(&tenant, new).await?;
    Ok(Created(NewKey { made: info.into(), key: token.reveal() }))
}

/// Handles `DELETE /api/tenant/keys/{id}`: revokes an API key.
pub(in crate::http) async fn revoke(app: App, tenant: Manager, PathId(id): PathId) -> Result<NoContent> {
    app.platform().access().api_keys().revoke(&tenant, id).await?;
    Ok(NoContent)
}
