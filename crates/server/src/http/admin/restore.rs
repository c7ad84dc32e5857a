//! Staff handlers for restores of one tenant: stage, compare, swap in, undo, discard.

use super::backups::stores;
use crate::{
    http::{
        App,
        body::Json,
        names::TenantSlug,
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::Staff,
    },
    wire::{
        operation::{Operation, Wait},
        restore::{StagedRestore, StartRestore},
    },
};
use axum::response::NoContent;

/// `POST /api/admin/tenants/{slug}/restore`.
pub(in crate::http) async fn start(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<StartRestore>,
) -> Result<Started<Operation>> {
    let backup = form.backup.parse()?;
    let operation = app.platform().restores().start(&actor, &slug, &backup, stores(form.stores)?).await?;
    started(&app, operation, &wait).await
}

/// `GET /api/admin/tenants/{slug}/restore`: the staged restore, and what swapping it in would change.
pub(in crate::http) async fn show(
    app: App,
    Staff(_): Staff,
    TenantSlug(slug): TenantSlug,
) -> Result<Json<StagedRestore>> {
    Ok(Json(app.platform().restores().show(&slug).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/restore/swap`.
pub(in crate::http) async fn swap(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = app.platform().restores().swap(&actor, &slug).await?;
    started(&app, operation, &wait).await
}

/// `POST /api/admin/tenants/{slug}/restore/undo`.
pub(in crate::http) async fn undo(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = app.platform().restores().undo(&actor, &slug).await?;
    started(&app, operation, &wait).await
}

/// `DELETE /api/admin/tenants/{slug}/restore`.
pub(in crate::http) async fn discard(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
) -> Result<NoContent> {
    app.platform().restores().discard(&actor, &slug).await?;
    Ok(NoContent)
}
