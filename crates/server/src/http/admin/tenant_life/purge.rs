//! Staff handlers that show where a tenant's data is, purge a closed tenant, and return its certificate.

use crate::{
    http::{
        App,
        admin::life::confirmed,
        body::Json,
        operation::{self, Started},
        problem::Result,
        query::QueryParams,
        scope::{Client, Staff, StaffOn},
    },
    wire::{
        operation::{Operation, Wait},
        purge::{Certificate, Purge, Survey},
    },
};
use axum::extract::Path;
use tenantry::name::TenantId;

/// `GET /api/admin/tenants/{slug}/survey`: the dry run of a purge.
pub(in crate::http) async fn survey(on: StaffOn) -> Result<Json<Survey>> {
    Ok(Json(on.platform().purges().survey(&on.slug).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/purge`.
pub(in crate::http) async fn purge(
    on: StaffOn,
    client: Client,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Purge>,
) -> Result<Started<Operation>> {
    on.platform().tenants().id_of(&on.slug).await?;
    confirmed(&on.slug, &form.confirm)?;
    let id = TenantId::from_raw(form.id.0);
    let password = form.password.map(|password| password.0);
    let actor = on.platform().access().confirm(&on.actor, password, &client.origin).await?;
    let operation = on.platform().purges().start(&actor, &on.slug, id, form.early).await?;
    operation::started(&on.app, operation, &wait).await
}

/// `GET /api/admin/tenants/{slug}/certificate`.
pub(in crate::http) async fn certificate(
    app: App,
    Staff(_): Staff,
    Path(slug_or_id): Path<String>,
) -> Result<Json<Certificate>> {
    Ok(Json(app.platform().purges().certificate(&slug_or_id).await?.into()))
}
