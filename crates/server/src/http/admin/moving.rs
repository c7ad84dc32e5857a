//! Staff move companies: to another server, out of the pool, into it, back, and let go of what is kept.

use crate::http::{
    App,
    body::Json as Input,
    operation::{self, Accepted, Wait},
    problem::{Problem, Result},
    query::Words,
    scope::Staff,
};
use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    name::{ServerName, Slug, StoreName},
};

/// `POST /api/admin/tenants/{slug}/move`: to a server, or back to where it was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct MoveForm {
    server: Option<String>,
    store: Option<String>,
    #[serde(default)]
    back: bool,
}

/// `…/promote`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PromoteForm {
    server: Option<String>,
    store: Option<String>,
}

/// `…/demote` and `…/release`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct StoreForm {
    store: Option<String>,
}

pub(in crate::http) async fn to(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(slug): Path<String>,
    Words(wait): Words<Wait>,
    Input(form): Input<MoveForm>,
) -> Result<Accepted> {
    let (slug, store) = (company(&slug)?, store(form.store)?);
    let id = match (form.back, server(form.server)?) {
        (true, None) => app.platform().move_tenant_back(&actor.by(), &slug, store.as_ref()).await?,
        (false, Some(to)) => app.platform().move_tenant(&actor.by(), &slug, &to, store.as_ref()).await?,
        _ => return Err(Error::invalid("server", "name a server, or say \"back\": true").into()),
    };
    operation::accepted(&app, id, &wait).await
}

pub(in crate::http) async fn promote(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(slug): Path<String>,
    Words(wait): Words<Wait>,
    Input(form): Input<PromoteForm>,
) -> Result<Accepted> {
    let (slug, store, to) = (company(&slug)?, store(form.store)?, server(form.server)?);
    let id = app.platform().promote_tenant(&actor.by(), &slug, store.as_ref(), to.as_ref()).await?;
    operation::accepted(&app, id, &wait).await
}

pub(in crate::http) async fn demote(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(slug): Path<String>,
    Words(wait): Words<Wait>,
    Input(form): Input<StoreForm>,
) -> Result<Accepted> {
    let (slug, store) = (company(&slug)?, store(form.store)?);
    let id = app.platform().demote_tenant(&actor.by(), &slug, store.as_ref()).await?;
    operation::accepted(&app, id, &wait).await
}

pub(in crate::http) async fn release(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(slug): Path<String>,
    Input(form): Input<StoreForm>,
) -> Result<Json<Value>> {
    let (slug, store) = (company(&slug)?, store(form.store)?);
    let released = app.platform().release_tenant(&actor.by(), &slug, store.as_ref()).await?;
    Ok(Json(json!({ "released": released })))
}

fn company(slug: &str) -> Result<Slug> {
    Slug::parse(slug).map_err(|_| Problem::absent())
}

fn store(name: Option<String>) -> Result<Option<StoreName>> {
    let parse = |name: String| StoreName::parse(&name).map_err(|e| Error::invalid("store", e.reason));
    Ok(name.map(parse).transpose()?)
}

fn server(name: Option<String>) -> Result<Option<ServerName>> {
    let parse = |name: String| ServerName::parse(&name).map_err(|e| Error::invalid("server", e.reason));
    Ok(name.map(parse).transpose()?)
}
