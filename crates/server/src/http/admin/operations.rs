//! Staff handlers for operations: list, show, cancel, retry, abandon, follow.
//!
//! Staff see the private detail of failures here; a tenant sees only its own operations, without it.

use crate::http::{
    App,
    names::{Number, filtered},
    operation::{self, Accepted, Wait},
    problem::Result,
    query::Words,
    scope::{Staff, Superuser},
    view,
};
use crate::instants;
use axum::{
    Json,
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{KeepAlive, Sse},
    },
};
use serde::Deserialize;
use serde_json::Value;
use tenantry::operations::{Filter, Listed};

/// Query of [`list`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Query {
    open: Option<bool>,
    tenant: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// `GET /api/admin/operations`: newest first.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(_): Staff,
    Words(query): Words<Query>,
) -> Result<Json<Value>> {
    let filter = Filter {
        open: query.open.unwrap_or(false),
        tenant: filtered(&app, query.tenant.as_deref()).await?,
        before: query.before,
        limit: view::limit(query.limit),
    };
    let listed = app.platform().operations().list(&filter).await?;
    Ok(view::page(&app, listed.iter().map(operation::for_staff)))
}

/// `GET /api/admin/operations/{id}`.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Staff(_): Staff,
    Number(id): Number,
) -> Result<Json<Value>> {
    found(&app, id).await
}

/// `GET /api/admin/operations/{id}/events`: server-sent events, one after every change, until the operation ends or
/// waits for a retry.
pub(in crate::http) async fn events(
    State(app): State<App>,
    Staff(_): Staff,
    Number(id): Number,
) -> Result<Response> {
    // An operation that does not exist must give a 404 before the stream begins.
    app.platform().operations().show(id).await?;
    let draining = app.clone();
    let events = operation::events(app.platform().operations().watch(id), move || draining.is_draining());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// `POST /api/admin/operations/{id}/cancel`.
pub(in crate::http) async fn cancel(
    State(app): State<App>,
    Staff(actor): Staff,
    Number(id): Number,
    Words(wait): Words<Wait>,
) -> Result<Accepted> {
    app.platform().operations().cancel(&actor, id).await?;
    operation::accepted(&app, id, &wait).await
}

/// `POST /api/admin/operations/{id}/retry`.
pub(in crate::http) async fn retry(
    State(app): State<App>,
    Staff(actor): Staff,
    Number(id): Number,
    Words(wait): Words<Wait>,
) -> Result<Accepted> {
    app.platform().operations().retry(&actor, id).await?;
    operation::accepted(&app, id, &wait).await
}

/// `POST /api/admin/operations/{id}/abandon`: only superusers may, because the results of steps that fail are left behind.
pub(in crate::http) async fn abandon(
    State(app): State<App>,
    Superuser(actor): Superuser,
    Number(id): Number,
) -> Result<Json<Value>> {
    let over = app.platform().operations().abandon(&actor, id).await?;
    Ok(Json(operation::for_staff(&over)))
}

/// `GET /api/admin/orphans`: files that no placement names, and placements whose file is missing.
pub(in crate::http) async fn orphans(State(app): State<App>, Staff(_): Staff) -> Result<Json<Value>> {
    Ok(view::items(app.platform().orphans().await?.iter().map(instants::wire)))
}

async fn found(app: &App, id: i64) -> Result<Json<Value>> {
    let shown: Listed = app.platform().operations().show(id).await?;
    Ok(Json(operation::for_staff(&shown)))
}
