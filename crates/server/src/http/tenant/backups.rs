//! Handlers for the tenant's own backups: its owner lists them and may request one. Only staff restore.

use crate::http::{
    App,
    operation::{Wait, for_company},
    problem::Result,
    query::Words,
    scope::Manager,
    view,
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde_json::{Value, json};
use tenantry::backups::catalog::Listed;

/// `GET /api/tenant/backups`: newest first.
pub(in crate::http) async fn list(State(app): State<App>, tenant: Manager) -> Result<Json<Value>> {
    let listed = app.platform().own_backups(&tenant).await?;
    Ok(view::items(listed.iter().map(shown)))
}

/// `POST /api/tenant/backups`.
pub(in crate::http) async fn start(
    State(app): State<App>,
    tenant: Manager,
    Words(wait): Words<Wait>,
) -> Result<(StatusCode, Json<Value>)> {
    let asked = app.platform().start_own_backup(&tenant).await?;
    let operations = app.platform().operations();
    let over = tokio::time::timeout(wait.patience(), operations.wait(asked.operation)).await;
    let listed = match over {
        Ok(over) => over?,
        Err(_) => operations.show(asked.operation).await?,
    };
    let status = if listed.state.is_over() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut body = for_company(&listed);
    body["backup"] = json!(asked.backup);
    Ok((status, Json(body)))
}

/// Returns the owner's view of a backup: without its location and private detail of a failure.
fn shown(backup: &Listed) -> Value {
    json!({
        "id": backup.id, "state": backup.state, "reason": backup.reason, "at": view::at(backup.at_us),
        "rows": backup.rows, "bytes": backup.bytes, "verified_at": view::at_opt(backup.verified_at_us),
    })
}
