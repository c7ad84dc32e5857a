//! Handlers of workflows: the state of a record, its transitions, and its trail.

use super::{RecordPath, answer, write::expected};
use crate::{
    http::{
        App,
        body::Json,
        problem::Result,
        query::{NoParameters, QueryParams},
        scope::Scope,
    },
    wire::{
        Page,
        record::{HistoryQuery, MadeTransition, Standing, TransitionInput},
    },
};
use axum::{extract::Path, response::Response};
use http::HeaderMap;
use serde::Deserialize;

/// Parameters of `/api/records/{model}/{id}/transitions/{name}`.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct TransitionPath {
    model: String,
    id: String,
    name: String,
}

/// `GET /api/records/{model}/{id}/transitions`.
pub(in crate::http) async fn transitions(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<RecordPath>,
) -> Result<Json<Standing>> {
    let records = super::of(&app, &scope, &path.model)?;
    Ok(Json(records.standing(&path.id).await?.into()))
}

/// `POST /api/records/{model}/{id}/transitions/{name}`.
pub(in crate::http) async fn transit(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<TransitionPath>,
    headers: HeaderMap,
    Json(input): Json<TransitionInput>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    let expected = expected(&app, &records, &path.id, &headers).await?;
    let made = records.transit(&path.id, &path.name, expected, input.comment.as_deref()).await?;
    Ok(answer::changed(made))
}

/// `GET /api/records/{model}/{id}/trail`.
pub(in crate::http) async fn trail(
    app: App,
    scope: Scope,
    Path(path): Path<RecordPath>,
    QueryParams(query): QueryParams<HistoryQuery>,
) -> Result<Json<Page<MadeTransition>>> {
    let records = super::of(&app, &scope, &path.model)?;
    let entries = records.trail(&path.id, query.before.map(|id| id.0), query.limit.0).await?;
    let is_full = entries.len() == query.limit.0 as usize;
    let next = entries.last().filter(|_| is_full).map(|entry| entry.id.to_string());
    Ok(Json(Page { next, ..Page::all(entries) }))
}
