//! Staff handlers that show where a tenant's data is, purge a closed tenant, and return its certificate.

use crate::{
    http::{
        App,
        admin::life::confirmed,
        body::Json,
        names::TenantSlug,
        operation::{self, Started},
        problem::Result,
        query::QueryParams,
        scope::Staff,
    },
    wire::{
        operation::{Operation, Wait},
        purge::{Certificate, Purge, Survey},
    },
};
use axum::extract::Path;
use tenantry::name::TenantId;

/// `GET /api/admin/tenants/{slug}/survey`: the dry run of a purge.
pub(in crate::http) async fn survey(
    app: App,
    Staff(_): Staff,
    TenantSlug(slug): TenantSlug,
) -> Result<Json<Survey>> {
    Ok(Json(app.platform().purges().survey(&slug).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/purge`.
pub(in crate::http) async fn purge(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Purge>,
) -> Result<Started<Operation>> {
    app.platform().tenants().id_of(&slug).await?;
    confirmed(&slug, &form.confirm)?;
    let id = TenantId::from_raw(form.id.0);
    let operation = app.platform().purges().start(&actor, &slug, id, form.early).await?;
    operation::started(&app, operation, &wait).await
}

/// `GET /api/admin/tenants/{slug}/certificate`.
pub(in crate::http) async fn certificate(
    app: App,
    Staff(_): Staff,
    Path(slug_or_id): Path<String>,
) -> Result<Json<Certificate>> {
    Ok(Json(app.platform().purges().certificate(&slug_or_id).await?.into()))
}
