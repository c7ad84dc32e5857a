//! Handlers that show members their tenant: usage, the activity log, operations, and read-only SQL in the tenant's own
//! database, which the engine confines (`confined-sql`).

use crate::{
    http::{
        App,
        admin::USUAL_DAYS,
        body::Json,
        names::field,
        problem::Result,
        query::QueryParams,
        scope::{Manager, Tenant},
    },
    wire::{
        Name, Page,
        member::{Activity, ActivityQuery, Sql, SqlRows, Usage},
        operation::{OwnOperation, OwnOperationsQuery},
        sizes::{SizesQuery, StoreSizes},
    },
};
use std::collections::BTreeMap;
use tenantry::{config::Scope, name::StoreName, operations::Filter};

/// Handles `GET /api/tenant/usage`: returns rows and bytes of each store, bytes of files, and the limits.
pub(in crate::http) async fn usage(app: App, tenant: Tenant) -> Result<Json<Usage>> {
    let platform = app.platform();
    let mut stores = BTreeMap::new();
    for store in platform.config().stores_of(Scope::Tenant) {
        let held = platform.tenant(&tenant).usage(&store.name).await?;
        stores.insert(store.name.to_string(), held.into());
    }
    let file_bytes = platform.tenant(&tenant).file_bytes().await?;
    Ok(Json(Usage { stores, file_bytes, limits: (*tenant.limits()).into() }))
}

/// Handles `GET /api/tenant/sizes`: lists the sizes of the tenant's databases, day by day.
pub(in crate::http) async fn sizes(
    app: App,
    tenant: Manager,
    QueryParams(query): QueryParams<SizesQuery>,
) -> Result<Json<Page<StoreSizes>>> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    Ok(Json(Page::all(app.platform().tenant(&tenant).sizes(days).await?)))
}

/// Handles `GET /api/tenant/activity`: lists changes of records, newest first, for managers of the tenant.
pub(in crate::http) async fn activity(
    app: App,
    tenant: Manager,
    QueryParams(query): QueryParams<ActivityQuery>,
) -> Result<Json<Page<Activity>>> {
    let store = store(&app, query.store)?;
    let lines =
        app.platform().tenant(&tenant).activity(&store, query.before.map(|id| id.0), query.limit.0).await?;
    // The engine may have cut the page off at its limit of bytes, so only an empty page is certainly the last.
    let next = lines.last().map(|line| line.id.to_string());
    Ok(Json(Page { next, ..Page::all(lines) }))
}

/// Handles `GET /api/tenant/operations`: lists operations, newest first and without private detail, for managers of the
/// tenant.
pub(in crate::http) async fn operations(
    app: App,
    tenant: Manager,
    QueryParams(query): QueryParams<OwnOperationsQuery>,
) -> Result<Json<Page<OwnOperation>>> {
    let filter = Filter {
        open: query.open.unwrap_or(false),
        tenant: Some(tenant.id()),
        kind: None,
        before: query.before.map(|id| id.0),
        limit: query.limit.0,
    };
    let listed = app.platform().operations().list(&filter).await?;
    Ok(app.page(listed, filter.limit, |one: &OwnOperation| one.id))
}

/// Handles `POST /api/tenant/sql`: runs a read-only statement.
pub(in crate::http) async fn sql(app: App, tenant: Manager, Json(form): Json<Sql>) -> Result<Json<SqlRows>> {
    let store = store(&app, form.store)?;
    let rows = app.platform().tenant(&tenant).sql(&store, &form.sql, form.params).await?;
    Ok(Json(rows.into()))
}

/// Returns the named store, or the usual store of tenants if none is named.
fn store(app: &App, name: Option<Name>) -> Result<StoreName> {
    match name {
        Some(name) => field("store", &name, StoreName::parse),
        None => Ok(app.platform().config().usual_tenant_store()?.name.clone()),
    }
}
