//! Staff handlers for operations: list, show, cancel, retry, abandon, follow.
//!
//! Staff see the private detail of failures here. A tenant sees only its own operations, without the detail.

use crate::{
    http::{
        App,
        body::Json,
        names::{PathId, filtered},
        operation::{self, Started},
        problem::Result,
        query::QueryParams,
        scope::{Staff, Superuser},
    },
    wire::{
        Page,
        operation::{Operation, OperationsQuery, Wait},
        purge::Orphan,
    },
};
use axum::response::{
    IntoResponse, Response,
    sse::{KeepAlive, Sse},
};
use tenantry::operations::Filter;

/// `GET /api/admin/operations`: operations, newest first.
pub(in crate::http) async fn list(
    app: App,
    Staff(_): Staff,
    QueryParams(query): QueryParams<OperationsQuery>,
) -> Result<Json<Page<Operation>>> {
    let filter = Filter {
        open: query.open.unwrap_or(false),
        tenant: filtered(&app, query.tenant.as_deref()).await?,
        kind: None,
        before: query.before.map(|id| id.0),
        limit: query.limit.0,
    };
    let listed = app.platform().operations().list(&filter).await?;
    Ok(app.page(listed, filter.limit, |one: &Operation| one.id))
}

/// `GET /api/admin/operations/{id}`.
pub(in crate::http) async fn show(app: App, Staff(_): Staff, PathId(id): PathId) -> Result<Json<Operation>> {
    Ok(Json(app.platform().operations().show(id).await?.into()))
}

/// `GET /api/admin/operations/{id}/events`: server-sent events, one after every change, until the operation ends or
/// waits for a retry.
pub(in crate::http) async fn events(app: App, Staff(_): Staff, PathId(id): PathId) -> Result<Response> {
    // An operation that does not exist must give a 404 before the stream begins.
    app.platform().operations().show(id).await?;
    let draining = app.clone();
    let events = operation::events(app.platform().operations().watch(id), move || draining.is_draining());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// `POST /api/admin/operations/{id}/cancel`.
pub(in crate::http) async fn cancel(
    app: App,
    Staff(actor): Staff,
    PathId(id): PathId,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    app.platform().operations().cancel(&actor, id).await?;
    operation::started(&app, id, &wait).await
}

/// `POST /api/admin/operations/{id}/retry`.
pub(in crate::http) async fn retry(
    app: App,
    Staff(actor): Staff,
    PathId(id): PathId,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    app.platform().operations().retry(&actor, id).await?;
    operation::started(&app, id, &wait).await
}

/// `POST /api/admin/operations/{id}/abandon`. Only superusers may: the results of the failing steps are left behind.
pub(in crate::http) async fn abandon(
    app: App,
    Superuser(actor): Superuser,
    PathId(id): PathId,
) -> Result<Json<Operation>> {
    let over = app.platform().operations().abandon(&actor, id).await?;
    Ok(Json(over.into()))
}

/// `GET /api/admin/orphans`: files that no placement names, and placements whose file is missing.
pub(in crate::http) async fn orphans(app: App, Staff(_): Staff) -> Result<Json<Page<Orphan>>> {
    Ok(Json(Page::all(app.platform().orphans().list().await?)))
}
