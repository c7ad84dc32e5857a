//! Handlers for lists, groups and single records.

use super::{ModelPath, RecordPath, answer};
use crate::{
    http::{
        App,
        body::Json,
        problem::Result,
        query::{self, QueryParams},
        scope::Scope,
    },
    wire::{
        Page,
        record::{Change, HistoryQuery},
    },
};
use axum::{
    body::Body,
    extract::{Path, RawQuery},
    response::Response,
};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::Full;
use tenantry::records::{ListQuery, Records, Want};

/// `GET /api/records/{model}`.
pub(in crate::http) async fn list(
    app: App,
    scope: Scope,
    Path(path): Path<ModelPath>,
    RawQuery(text): RawQuery,
) -> Result<Response> {
    let records = super::of_query(&app, &scope, &path.model, text.as_deref()).await?;
    let query = query::list(&records, text.as_deref().unwrap_or_default())?;
    let asked = ListQuery { select: query.select.clone(), count: query.count, expand: query.expand.clone() };
    let page = records.list(&asked).await?;
    Ok(answer::page(records.model(), &query, &page))
}

/// `GET /api/records/{model}/aggregate`.
pub(in crate::http) async fn aggregate(
    app: App,
    scope: Scope,
    Path(path): Path<ModelPath>,
    RawQuery(text): RawQuery,
) -> Result<Response> {
    let records = super::of_query(&app, &scope, &path.model, text.as_deref()).await?;
    let asked = query::aggregate(&records, text.as_deref().unwrap_or_default())?;
    Ok(answer::groups(&asked, &records.aggregate(&asked).await?))
}

/// `GET /api/records/{model}/{id}` through the router, for example for tenants named by path.
pub(in crate::http) async fn one(
    app: App,
    scope: Scope,
    Path(path): Path<RecordPath>,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let response =
        one_fast(&super::of(&app, &scope, &path.model)?, &path.id, text.as_deref(), &headers).await?;
    Ok(response.map(Body::new))
}

/// `GET /api/records/{model}/{id}/history`.
pub(in crate::http) async fn history(
    app: App,
    scope: Scope,
    Path(path): Path<RecordPath>,
    QueryParams(query): QueryParams<HistoryQuery>,
) -> Result<Json<Page<Change>>> {
    let records = super::of(&app, &scope, &path.model)?.with_custom_fields().await?;
    let entries = records.history(&path.id, query.before.map(|id| id.0), query.limit.0).await?.entries;
    // The platform may have ended the page at its limit of bytes, so only an empty page is certainly the last.
    let next = entries.last().map(|entry| entry.id.to_string());
    Ok(Json(Page { next, ..Page::all(entries) }))
}

/// Reads one record without owned parameters, for the guard's fast path.
pub(in crate::http) async fn one_fast(
    records: &Records<'_>,
    id: &str,
    text: Option<&str>,
    headers: &HeaderMap,
) -> Result<http::Response<Full<Bytes>>> {
    let want = match text {
        None | Some("") => Want::default(),
        Some(text) => {
            let query = query::one(records, text)?;
            Want { fields: query.select.fields, expand: query.expand }
        }
    };
    Ok(answer::one(records.get(id, &want).await?, headers))
}
