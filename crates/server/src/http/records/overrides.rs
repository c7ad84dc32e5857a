//! A tenant's overrides of fields of a shared record.
//!
//! The platform decides which fields can be overridden, and whether the caller may do so. The shared record itself
//! never changes.

use super::{RecordPath, answer};
use crate::http::{App, body::Json, problem::Result, query::NoParameters, scope::Scope};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::records::Input;

/// `GET /api/records/{model}/{id}/override`: the shared values, and the tenant's overrides.
pub(in crate::http) async fn own_values(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    Ok(answer::own_values(&records.own_values(&path.id).await?))
}

/// `PUT /api/records/{model}/{id}/override`: replaces all overrides of the record, and answers with the record as the
/// tenant now sees it.
pub(in crate::http) async fn set_override(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
    Json(changes): Json<Input>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    Ok(answer::changed(records.set_override(&path.id, &changes).await?))
}

/// `DELETE /api/records/{model}/{id}/override`: removes the overrides, so that the tenant sees the shared values again.
pub(in crate::http) async fn clear_override(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
) -> Result<StatusCode> {
    let records = super::of(&app, &scope, &path.model)?;
    records.clear_override(&path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
