//! Handlers with which a tenant's manager stages one of its backups, inspects it, and takes single records back.

use crate::{
    http::{
        App,
        body::Json,
        names::stores,
        operation::{Started, waited},
        problem::Result,
        query::QueryParams,
        scope::Manager,
    },
    wire::{
        operation::{OwnOperation, Wait},
        restore::{DifferencesPage, DifferencesQuery, StagedRestore, StartRestore, TakeBack, TookBack},
    },
};
use axum::response::NoContent;

/// Handles `POST /api/tenant/restore`: stages a backup.
pub(in crate::http) async fn stage(
    app: App,
    tenant: Manager,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<StartRestore>,
) -> Result<Started<OwnOperation>> {
    let backup = form.backup.parse()?;
    let stores = stores(form.stores)?;
    let operation = app.platform().tenant(&tenant).stage_backup(&backup, stores).await?;
    waited(&app, operation, &wait, OwnOperation::from).await
}

/// Handles `GET /api/tenant/restore`: returns the staged restore, and the number of records that differ from the data
/// in use.
pub(in crate::http) async fn show(app: App, tenant: Manager) -> Result<Json<StagedRestore>> {
    Ok(Json(app.platform().tenant(&tenant).staged_backup().await?.into()))
}

/// Handles `DELETE /api/tenant/restore`: discards the staged restore.
pub(in crate::http) async fn discard(app: App, tenant: Manager) -> Result<NoContent> {
    app.platform().tenant(&tenant).discard_staged().await?;
    Ok(NoContent)
}

/// Handles `GET /api/tenant/restore/records`: returns a page of the records of one model that differ.
pub(in crate::http) async fn differences(
    app: App,
    tenant: Manager,
    QueryParams(query): QueryParams<DifferencesQuery>,
) -> Result<Json<DifferencesPage>> {
    let limit = query.limit.0 as usize;
    let own = app.platform().tenant(&tenant);
    Ok(Json(own.differences(&query.model, query.after.as_deref(), limit).await?.into()))
}

/// Handles `POST /api/tenant/restore/records`: takes records back.
pub(in crate::http) async fn take_back(
    app: App,
    tenant: Manager,
    Json(form): Json<TakeBack>,
) -> Result<Json<TookBack>> {
    let ids: Vec<_> = form.ids.into_iter().map(|id| id.into_text()).collect();
    Ok(Json(app.platform().tenant(&tenant).take_back(&form.model, &ids).await?.into()))
}
