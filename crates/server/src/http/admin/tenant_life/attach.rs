//! Staff handler that attaches a database which a tenant brings.

use crate::http::{
    App,
    body::Json as Input,
    names::{Company, field, optional},
    problem::Result,
    scope::Staff,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use tenantry::{
    Attach, Attached,
    name::{PhysicalName, ServerName, StoreName},
};

/// Body of [`attach`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    store: String,
    physical: Option<String>,
    server: Option<String>,
}

/// `POST /api/admin/tenants/{slug}/attach`.
pub(in crate::http) async fn attach(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<Form>,
) -> Result<Json<Attached>> {
    let wanted = Attach {
        store: field("store", &form.store, StoreName::parse)?,
        physical: optional("physical", form.physical.as_deref(), PhysicalName::parse)?,
        server: optional("server", form.server.as_deref(), ServerName::parse)?,
    };
    Ok(Json(app.platform().attach_database(&actor, &slug, &wanted).await?))
}
