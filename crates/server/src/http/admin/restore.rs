//! Staff handlers for restores of one tenant: stage, compare, swap in, undo, discard.

use crate::{
    http::{
        body::Json,
        names::stores,
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::StaffOn,
    },
    wire::{
        operation::{Operation, Wait},
        restore::{StagedRestore, StartRestore},
    },
};
use axum::response::NoContent;

/// `POST /api/admin/tenants/{slug}/restore`.
pub(in crate::http) async fn start(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<StartRestore>,
) -> Result<Started<Operation>> {
    let backup = form.backup.parse()?;
    let operation =
        on.platform().restores().start(&on.actor, &on.slug, &backup, stores(form.stores)?).await?;
    started(&on.app, operation, &wait).await
}

/// `GET /api/admin/tenants/{slug}/restore`: the staged restore, and what swapping it in would change.
pub(in crate::http) async fn show(on: StaffOn) -> Result<Json<StagedRestore>> {
    Ok(Json(on.platform().restores().show(&on.slug).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/restore/swap`.
pub(in crate::http) async fn swap(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = on.platform().restores().swap(&on.actor, &on.slug).await?;
    started(&on.app, operation, &wait).await
}

/// `POST /api/admin/tenants/{slug}/restore/undo`.
pub(in crate::http) async fn undo(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = on.platform().restores().undo(&on.actor, &on.slug).await?;
    started(&on.app, operation, &wait).await
}

/// `DELETE /api/admin/tenants/{slug}/restore`.
pub(in crate::http) async fn discard(on: StaffOn) -> Result<NoContent> {
    on.platform().restores().discard(&on.actor, &on.slug).await?;
    Ok(NoContent)
}
