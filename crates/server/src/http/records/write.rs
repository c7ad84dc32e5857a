//! Handlers that create, change and delete records, singly, in a batch, or all that match.

use super::{ModelPath, RecordPath, answer};
use crate::{
    http::{
        App,
        body::{Json, JsonArray},
        etag,
        problem::{Problem, Result},
        query::{self, NoParameters},
        scope::Scope,
    },
    wire::record::Written,
};
use axum::{
    extract::{Path, RawQuery},
    response::Response,
};
use http::{HeaderMap, StatusCode, Uri};
use tenantry::records::{Input, MAX_BATCH, Records};

/// `POST /api/records/{model}`.
pub(in crate::http) async fn create(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<ModelPath>,
    uri: Uri,
    Json(input): Json<Input>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    Ok(answer::created(records.create(&input).await?, uri.path()))
}

/// `POST /api/records/{model}/batch`: creates all records or none.
pub(in crate::http) async fn batch(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<ModelPath>,
    JsonArray(inputs): JsonArray<Input>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    if inputs.is_empty() || inputs.len() > MAX_BATCH {
        return Err(Problem::field("batch", format!("1 to {MAX_BATCH} records")));
    }
    Ok(answer::many(records.create_many(&inputs).await?))
}

/// `PATCH /api/records/{model}/{id}`: changes only the named fields (RFC 7396 without nesting).
pub(in crate::http) async fn change(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
    headers: HeaderMap,
    Json(input): Json<Input>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    let expected = expected(&app, &records, &path.id, &headers).await?;
    Ok(answer::changed(records.patch(&path.id, expected, &input).await?))
}

/// Returns the version that a change of the record expects; `None` means any. If the request names several versions, it
/// is the one that the record has now, so the change depends on that version.
pub(super) async fn expected(
    app: &App,
    records: &Records<'_>,
    id: &str,
    headers: &HeaderMap,
) -> Result<Option<i64>> {
    match etag::expected(headers, app.options().require_if_match)? {
        Some(versions) if versions.len() > 1 => Ok(Some(records.version_among(id, &versions).await?)),
        one => Ok(one.and_then(|versions| versions.first().copied())),
    }
}

/// `DELETE /api/records/{model}/{id}`.
pub(in crate::http) async fn remove(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let records = super::of(&app, &scope, &path.model)?;
    let expected = expected(&app, &records, &path.id, &headers).await?;
    records.delete(&path.id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /api/records/{model}`: changes all matching records, or none.
pub(in crate::http) async fn change_matching(
    app: App,
    scope: Scope,
    Path(path): Path<ModelPath>,
    RawQuery(text): RawQuery,
    Json(input): Json<Input>,
) -> Result<Json<Written>> {
    let records = super::of_query(&app, &scope, &path.model, text.as_deref()).await?;
    let (which, dry_run) = query::matching(&records, text.as_deref().unwrap_or_default())?;
    let records = records.with_dry_run(dry_run);
    Ok(Json(records.patch_matching(&which, &input).await?.into()))
}

/// `DELETE /api/records/{model}`: deletes all matching records, or none.
pub(in crate::http) async fn remove_matching(
    app: App,
    scope: Scope,
    Path(path): Path<ModelPath>,
    RawQuery(text): RawQuery,
) -> Result<Json<Written>> {
    let records = super::of_query(&app, &scope, &path.model, text.as_deref()).await?;
    let (which, dry_run) = query::matching(&records, text.as_deref().unwrap_or_default())?;
    let records = records.with_dry_run(dry_run);
    Ok(Json(records.delete_matching(&which).await?.into()))
}
