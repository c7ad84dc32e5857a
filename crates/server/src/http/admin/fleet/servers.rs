//! The staff handler that lists the database servers.

use crate::{
    http::{App, body::Json, problem::Result, scope::Staff},
    wire::{Page, database_server::DatabaseServer},
};

/// `GET /api/admin/servers`: the database servers of the configuration, with their labels.
pub(in crate::http) async fn list(app: App, Staff(actor): Staff) -> Result<Json<Page<DatabaseServer>>> {
    Ok(Json(Page::all(app.platform().database_servers(&actor).await?)))
}
