//! The staff handler that lists the servers of an installation.

use crate::{
    http::{App, body::Json, problem::Result, scope::Superuser},
    wire::{Page, node::Node},
};

/// `GET /api/admin/nodes`: empty if the control store is a file.
pub(in crate::http) async fn list(app: App, Superuser(actor): Superuser) -> Result<Json<Page<Node>>> {
    Ok(Json(Page::all(app.platform().nodes().list(&actor).await?.unwrap_or_default())))
}
