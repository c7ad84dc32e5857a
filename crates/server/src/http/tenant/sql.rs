//! Handler for read-only SQL in the tenant's own database, for its owner; the engine confines it (`confined-sql`).

use crate::{
    http::{App, body::Json, problem::Result, scope::Manager},
    wire::member::{Sql, SqlRows},
};
use tenantry::{Error, name::StoreName};

/// `POST /api/tenant/sql`.
pub(in crate::http) async fn run(app: App, tenant: Manager, Json(form): Json<Sql>) -> Result<Json<SqlRows>> {
    let store = form.store.as_deref().unwrap_or("tenant");
    let store = StoreName::parse(store).map_err(|e| Error::invalid("store", e.reason))?;
    let rows = app.platform().tenant(&tenant).sql(&store, &form.sql, form.params).await?;
    Ok(Json(rows.into()))
}
