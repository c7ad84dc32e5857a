//! Staff name the database that a company brings (F3).

use crate::http::{
    App,
    body::Json as Input,
    problem::{Problem, Result},
    scope::Staff,
};
use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use tenantry::{
    Attach, Attached, Error,
    name::{PhysicalName, ServerName, Slug, StoreName},
};

/// `POST /api/admin/tenants/{slug}/attach`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    store: String,
    physical: Option<String>,
    server: Option<String>,
}

pub(in crate::http) async fn attach(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(slug): Path<String>,
    Input(form): Input<Form>,
) -> Result<Json<Attached>> {
    let slug = Slug::parse(&slug).map_err(|_| Problem::absent())?;
    let wanted = Attach {
        store: StoreName::parse(&form.store).map_err(|e| Error::invalid("store", e.reason))?,
        physical: form.physical.as_deref().map(PhysicalName::parse).transpose().map_err(named("physical"))?,
        server: form.server.as_deref().map(ServerName::parse).transpose().map_err(named("server"))?,
    };
    Ok(Json(app.platform().attach_database(&actor.by(), &slug, &wanted).await?))
}

fn named(field: &'static str) -> impl Fn(tenantry::name::NameError) -> Error {
    move |e| Error::invalid(field, e.reason)
}
