//! Handler that exports all data of the tenant: one archive, streamed while it is written.

use crate::http::{App, disposition, problem::Result, scope::Manager};
use axum::{body::Body, response::Response};
use futures_util::stream;
use http::{HeaderValue, header};
use std::io;

/// `GET /api/tenant/export`: for managers of the tenant who act as themselves.
pub(in crate::http) async fn download(app: App, tenant: Manager) -> Result<Response> {
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
