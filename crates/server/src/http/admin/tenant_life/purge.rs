//! Staff handlers that show where a tenant's data is, purge a closed tenant, and return its certificate.

use crate::http::admin::life::confirmed;
use crate::http::{
    App,
    body::Json as Input,
    names::Company,
    operation::{self, Accepted, Wait},
    problem::Result,
    query::Words,
    scope::Staff,
    view,
};
use crate::instants;
use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::name::TenantId;

/// `GET /api/admin/tenants/{slug}/survey`: the dry run of a purge.
pub(in crate::http) async fn survey(
    State(app): State<App>,
    Staff(_): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let survey = app.platform().survey_tenant(&slug).await?;
    let mut shown = json!(survey);
    shown["ends"] = view::ends(survey.ends);
    Ok(Json(shown))
}

/// Body of [`purge`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Purge {
    /// The slug again, as confirmation.
    confirm: String,
    /// Id of the tenant; must name the same tenant as the slug (`wrong-id-deleted`).
    id: i64,
    /// Purges although the retention is not over.
    #[serde(default)]
    early: bool,
}

/// `POST /api/admin/tenants/{slug}/purge`.
pub(in crate::http) async fn purge(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
    Input(form): Input<Purge>,
) -> Result<Accepted> {
    app.platform().tenant_id(&slug).await?;
    confirmed(&slug, &form.confirm)?;
    let id = TenantId::from_raw(form.id);
    let operation = app.platform().purge_tenant(&actor, &slug, id, form.early).await?;
    operation::accepted(&app, operation, &wait).await
}

/// `GET /api/admin/tenants/{slug}/certificate`.
pub(in crate::http) async fn certificate(
    State(app): State<App>,
    Staff(_): Staff,
    Path(slug_or_id): Path<String>,
) -> Result<Json<Value>> {
    let certificate = app.platform().certificate(&slug_or_id).await?;
    Ok(Json(instants::wire(certificate)))
}
