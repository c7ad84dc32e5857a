//! A company's own values for fields of a shared record (V6).
//!
//! Which fields, and whether the caller may, is the platform's to say; the shared record itself never changes.

use super::{RecordPath, answer};
use crate::http::{App, body::Json, problem::Result, query::NoParameters, scope::Scope};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use tenantry::records::Input;

/// `PUT /api/records/{model}/{id}/override`: these values in place of those there were; the answer is the
/// record as the company sees it now.
pub(in crate::http) async fn set_override(
    State(app): State<App>,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
    Json(changes): Json<Input>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    Ok(answer::changed(records.set_override(&path.id, &changes).await?))
}

/// `DELETE /api/records/{model}/{id}/override`: back to what everybody sees.
pub(in crate::http) async fn clear_override(
    State(app): State<App>,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
) -> Result<StatusCode> {
    let records = super::of(&app, &scope, &path.model)?;
    records.clear_override(&path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
