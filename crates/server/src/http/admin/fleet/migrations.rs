//! Staff handlers of migration runs over all tenants: how they stand, their dry run, their start.

use crate::{
    http::{
        App,
        body::Json,
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::Staff,
    },
    wire::{
        Page,
        migrations::{MigrationOptions, MigrationRehearsal, Migrations},
        operation::{Operation, Wait},
    },
};

/// `GET /api/admin/migrations`.
pub(in crate::http) async fn show(app: App, Staff(_): Staff) -> Result<Json<Migrations>> {
    let migrations = app.platform().migrations();
    Ok(Json(Migrations {
        stores: migrations.stores().await?.into_iter().map(Into::into).collect(),
        failures: migrations.failures().await?.into_iter().map(Into::into).collect(),
        run: migrations.newest_run(false).await?.map(Operation::from),
    }))
}

/// `POST /api/admin/migrations/check`: tries the migrations on the first databases and rolls them back.
pub(in crate::http) async fn check(
    app: App,
    Staff(actor): Staff,
    Json(form): Json<MigrationOptions>,
) -> Result<Json<Page<MigrationRehearsal>>> {
    Ok(Json(Page::all(app.platform().migrations().rehearse(&actor, form.into()).await?)))
}

/// `POST /api/admin/migrations`.
pub(in crate::http) async fn start(
    app: App,
    Staff(actor): Staff,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<MigrationOptions>,
) -> Result<Started<Operation>> {
    let operation = app.platform().migrations().start(&actor, form.into()).await?;
    started(&app, operation, &wait).await
}
