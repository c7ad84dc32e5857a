//! Handlers for the tenant's own backups: its owner lists them and may request one. Only staff restore.

use crate::{
    http::{
        App,
        body::Json,
        operation::{Started, waited},
        problem::Result,
        query::QueryParams,
        scope::Manager,
    },
    wire::{
        AsText, Page,
        backup::{OwnBackup, OwnBackupStarted},
        operation::Wait,
    },
};

/// `GET /api/tenant/backups`: newest first.
pub(in crate::http) async fn list(app: App, tenant: Manager) -> Result<Json<Page<OwnBackup>>> {
    Ok(Json(Page::all(app.platform().tenant(&tenant).backups().await?)))
}

/// `POST /api/tenant/backups`.
pub(in crate::http) async fn start(
    app: App,
    tenant: Manager,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<OwnBackupStarted>> {
    let asked = app.platform().tenant(&tenant).start_backup().await?;
    waited(&app, asked.operation, &wait, |listed| OwnBackupStarted {
        operation: listed.into(),
        backup: AsText(asked.backup),
    })
    .await
}
