//! Staff handlers for restores of one tenant: stage, compare, swap in, undo, discard.

use super::backups::stores;
use crate::http::{
    App,
    body::{self, Json as Input},
    names::Company,
    operation::{Accepted, Wait, accepted},
    problem::Result,
    query::Words,
    scope::Staff,
    view,
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// Body of [`start`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    backup: String,
    #[serde(default, deserialize_with = "body::present")]
    stores: Option<Vec<String>>,
}

/// `POST /api/admin/tenants/{slug}/restore`.
pub(in crate::http) async fn start(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
    Input(form): Input<Form>,
) -> Result<Accepted> {
    let backup = form.backup.parse()?;
    let operation = app.platform().start_restore(&actor, &slug, &backup, stores(form.stores)?).await?;
    accepted(&app, operation, &wait).await
}

/// `GET /api/admin/tenants/{slug}/restore`: the staged restore, and what swapping it in would change.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Staff(_): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let (restore, differences) = app.platform().show_restore(&slug).await?;
    Ok(Json(json!({
        "backup": restore.backup, "state": restore.state, "at": view::at(restore.at_us), "stores": differences,
    })))
}

/// `POST /api/admin/tenants/{slug}/restore/swap`.
pub(in crate::http) async fn swap(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
) -> Result<Accepted> {
    let operation = app.platform().start_restore_swap(&actor, &slug).await?;
    accepted(&app, operation, &wait).await
}

/// `POST /api/admin/tenants/{slug}/restore/undo`.
pub(in crate::http) async fn undo(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
) -> Result<Accepted> {
    let operation = app.platform().start_restore_undo(&actor, &slug).await?;
    accepted(&app, operation, &wait).await
}

/// `DELETE /api/admin/tenants/{slug}/restore`.
pub(in crate::http) async fn discard(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
) -> Result<StatusCode> {
    app.platform().discard_restore(&actor, &slug).await?;
    Ok(StatusCode::NO_CONTENT)
}
