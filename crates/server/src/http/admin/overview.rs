//! Staff handlers that show the installation at a glance and migrate the databases of a tenant.

use crate::{
    http::{
        App,
        body::Json,
        problem::Result,
        scope::{Staff, StaffOn},
    },
    wire::{
        Page,
        overview::{CheckItem, Migrated, Overview},
    },
};
use tenantry::migrations::fleet;

/// `GET /api/admin/overview`.
pub(in crate::http) async fn show(app: App, Staff(actor): Staff) -> Result<Json<Overview>> {
    let platform = app.platform();
    let (figures, needs) = (platform.tenants().figures().await?, platform.attention().list(&actor).await?);
    let (open, _) = platform.operations().counts().await?;
    Ok(Json(Overview::new(figures, open, needs)))
}

/// `GET /api/admin/checklist`: what the installation lacks, from its real state.
pub(in crate::http) async fn checklist(app: App, Staff(actor): Staff) -> Result<Json<Page<CheckItem>>> {
    Ok(Json(Page::all(app.platform().checklist().list(&actor).await?)))
}

/// `POST /api/admin/tenants/{slug}/migrate`: brings its databases to the loaded apps.
pub(in crate::http) async fn migrate(on: StaffOn) -> Result<Json<Page<Migrated>>> {
    let options = fleet::Options::default();
    let reports = on.platform().migrations().run(&on.actor, Some(&on.slug), options, |_, _| ()).await?;
    Ok(Json(Page::all(reports)))
}
