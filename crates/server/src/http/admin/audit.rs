//! Staff handlers for the audit log and the verification of its chain (`audit-tampering`).

use crate::http::{App, problem::Result, query::Words, scope::Staff, view};
use crate::instants;
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{audit, name::TenantId};

/// Query of [`list`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Query {
    tenant: Option<i64>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// `GET /api/admin/audit`: newest first.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(_): Staff,
    Words(query): Words<Query>,
) -> Result<Json<Value>> {
    let wanted = audit::Query {
        tenant: query.tenant.map(TenantId::from_raw),
        before: query.before,
        limit: view::limit(query.limit),
    };
    let rows = app.platform().audit().list(&wanted).await?;
    Ok(view::page(&app, rows.iter().map(instants::wire)))
}

/// `GET /api/admin/audit/verify`.
pub(in crate::http) async fn verify(State(app): State<App>, Staff(_): Staff) -> Result<Json<Value>> {
    Ok(Json(json!(app.platform().audit().verify().await?)))
}
