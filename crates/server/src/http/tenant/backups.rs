//! Handlers for copies of the tenant's data: backups, which its owner may list and request and only staff restore, and
//! the export of all data.

use crate::{
    http::{
        App,
        body::Json,
        disposition,
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
use axum::{body::Body, response::Response};
use futures_util::stream;
use http::{HeaderValue, header};
use std::io;

/// Handles `GET /api/tenant/backups`: lists the tenant's backups, newest first.
pub(in crate::http) async fn list(app: App, tenant: Manager) -> Result<Json<Page<OwnBackup>>> {
    Ok(Json(Page::all(app.platform().tenant(&tenant).backups().await?)))
}

/// Handles `POST /api/tenant/backups`: starts a backup.
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

/// Handles `GET /api/tenant/export`. The platform refuses a caller that impersonates a manager.
pub(in crate::http) async fn export(app: App, tenant: Manager) -> Result<Response> {
    let export = app.platform().exports().start(tenant.0).await?;
    // A later fault can only cut the answer off: a truncated archive cannot be opened.
    let pieces = stream::unfold(export.pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((piece.map_err(|error| io::Error::other(error.to_string())), pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, disposition::attachment(&export.file_name));
    Ok(response)
}
