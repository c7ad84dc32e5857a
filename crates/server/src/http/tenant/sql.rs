//! Handler for read-only SQL in the tenant's own database, for its owner; the engine confines it (`confined-sql`).

use crate::http::{App, body::Json as Input, problem::Result, scope::Manager};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{Error, name::StoreName};

/// Body of [`run`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    sql: String,
    #[serde(default)]
    params: Value,
    store: Option<String>,
}

/// `POST /api/tenant/sql`.
pub(in crate::http) async fn run(
    State(app): State<App>,
    tenant: Manager,
    Input(form): Input<Form>,
) -> Result<Json<Value>> {
    let store = form.store.as_deref().unwrap_or("tenant");
    let store = StoreName::parse(store).map_err(|e| Error::invalid("store", e.reason))?;
    let rows = app.platform().tenant_sql(&tenant, &store, &form.sql, form.params).await?;
    Ok(Json(json!({"columns": rows.columns, "rows": rows.rows, "truncated": rows.truncated})))
}
