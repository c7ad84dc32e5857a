//! Handlers for the tenant's usage, its activity log and its operations.

use crate::http::{
    App, operation,
    problem::Result,
    query::Words,
    scope::{Manager, Tenant},
    view,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{Error, config::Scope, name::StoreName, operations::Filter};

/// `GET /api/tenant/usage`: rows and bytes of each store, and the limits.
pub(in crate::http) async fn usage(State(app): State<App>, tenant: Tenant) -> Result<Json<Value>> {
    let platform = app.platform();
    let mut stores = serde_json::Map::new();
    for store in platform.config().stores_of(Scope::Tenant) {
        let held = platform.tenant_usage(&tenant, &store.name).await?;
        stores.insert(store.name.to_string(), json!(held));
    }
    Ok(Json(json!({"stores": stores, "limits": tenant.limits()})))
}

/// Query of [`activity`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Query {
    store: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// `GET /api/tenant/activity`: newest first, for managers of the tenant.
pub(in crate::http) async fn activity(
    State(app): State<App>,
    tenant: Manager,
    Words(query): Words<Query>,
) -> Result<Json<Value>> {
    let store = query.store.as_deref().unwrap_or("tenant");
    let store = StoreName::parse(store).map_err(|e| Error::invalid("store", e.reason))?;
    let lines =
        app.platform().tenant_activity(&tenant, &store, query.before, view::limit(query.limit)).await?;
    Ok(view::items(lines))
}

/// Query of [`operations`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Operations {
    open: Option<bool>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// `GET /api/tenant/operations`: newest first, for managers of the tenant; without private detail.
pub(in crate::http) async fn operations(
    State(app): State<App>,
    tenant: Manager,
    Words(query): Words<Operations>,
) -> Result<Json<Value>> {
    let filter = Filter {
        open: query.open.unwrap_or(false),
        tenant: Some(tenant.id()),
        before: query.before,
        limit: view::limit(query.limit),
    };
    let listed = app.platform().operations().list(&filter).await?;
    Ok(view::page(&app, listed.iter().map(operation::for_company)))
}
