//! Staff handlers that move a tenant to another server, out of the pool, into it, or back, and release retained
//! databases.

use crate::http::{
    App,
    body::Json as Input,
    names::{Company, optional},
    operation::{self, Accepted, Wait},
    problem::Result,
    query::Words,
    scope::Staff,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error,
    name::{ServerName, StoreName},
};

/// Body of [`to`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct MoveForm {
    server: Option<String>,
    store: Option<String>,
    #[serde(default)]
    back: bool,
    /// The database in use is lost, together with everything written since the move.
    #[serde(default)]
    lost: bool,
}

/// Body of `…/promote`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PromoteForm {
    server: Option<String>,
    store: Option<String>,
}

/// Body of `…/demote` and `…/release`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct StoreForm {
    store: Option<String>,
}

/// `POST /api/admin/tenants/{slug}/move`: moves a tenant to a server, or back to where it was.
pub(in crate::http) async fn to(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
    Input(form): Input<MoveForm>,
) -> Result<Accepted> {
    let store = store(form.store)?;
    let platform = app.platform();
    let id = match (form.back, form.lost, server(form.server)?) {
        (true, false, None) => platform.move_tenant_back(&actor, &slug, store.as_ref()).await?,
        (true, true, None) => platform.fall_back(&actor, &slug, store.as_ref()).await?,
        (false, false, Some(to)) => platform.move_tenant(&actor, &slug, &to, store.as_ref()).await?,
        (false, true, _) => return Err(Error::invalid("lost", "goes with \"back\": true").into()),
        _ => return Err(Error::invalid("server", "name a server, or say \"back\": true").into()),
    };
    operation::accepted(&app, id, &wait).await
}

pub(in crate::http) async fn promote(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
    Input(form): Input<PromoteForm>,
) -> Result<Accepted> {
    let (store, to) = (store(form.store)?, server(form.server)?);
    let id = app.platform().promote_tenant(&actor, &slug, store.as_ref(), to.as_ref()).await?;
    operation::accepted(&app, id, &wait).await
}

pub(in crate::http) async fn demote(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
    Input(form): Input<StoreForm>,
) -> Result<Accepted> {
    let store = store(form.store)?;
    let id = app.platform().demote_tenant(&actor, &slug, store.as_ref()).await?;
    operation::accepted(&app, id, &wait).await
}

pub(in crate::http) async fn release(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<StoreForm>,
) -> Result<Json<Value>> {
    let store = store(form.store)?;
    let released = app.platform().release_tenant(&actor, &slug, store.as_ref()).await?;
    Ok(Json(json!({ "released": released })))
}

fn store(name: Option<String>) -> Result<Option<StoreName>> {
    optional("store", name.as_deref(), StoreName::parse)
}

fn server(name: Option<String>) -> Result<Option<ServerName>> {
    optional("server", name.as_deref(), ServerName::parse)
}
