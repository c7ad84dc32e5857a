//! Staff handlers for the overview of the installation, its checklist, and the migration of one tenant's databases.

use crate::{
    http::{
        App,
        body::Json,
        problem::Result,
        query::QueryParams,
        scope::{Staff, StaffOn},
    },
    wire::{
        Page,
        growth::{AnalyticsQuery, PlatformAnalytics},
        map::Fleet,
        overview::{CheckItem, Migrated, Overview},
    },
};
use tenantry::migrations::fleet;

/// Number of weeks of analytics if none is named.
pub(in crate::http) const USUAL_WEEKS: u32 = 26;

/// `GET /api/admin/overview`.
pub(in crate::http) async fn show(app: App, Staff(actor): Staff) -> Result<Json<Overview>> {
    let platform = app.platform();
    let (figures, needs) = (platform.tenants().figures().await?, platform.attention().list(&actor).await?);
    let (open, _) = platform.operations().counts().await?;
    Ok(Json(Overview::new(figures, open, needs)))
}

/// `GET /api/admin/fleet`: the databases and servers of all tenants.
pub(in crate::http) async fn fleet(app: App, Staff(actor): Staff) -> Result<Json<Fleet>> {
    Ok(Json(app.platform().tenants().map(&actor).await?.into()))
}

/// `GET /api/admin/analytics`: counts of tenants, users and rows for each week.
pub(in crate::http) async fn analytics(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<AnalyticsQuery>,
) -> Result<Json<PlatformAnalytics>> {
    let weeks = query.weeks.unwrap_or(USUAL_WEEKS);
    Ok(Json(app.platform().tenants().growth(&actor, weeks).await?.into()))
}

/// `GET /api/admin/checklist`: setup that the installation still needs, from its real state.
pub(in crate::http) async fn checklist(app: App, Staff(actor): Staff) -> Result<Json<Page<CheckItem>>> {
    Ok(Json(Page::all(app.platform().checklist().list(&actor).await?)))
}

/// `POST /api/admin/tenants/{slug}/migrate`: migrates the tenant's databases to the schema of the loaded apps.
pub(in crate::http) async fn migrate(on: StaffOn) -> Result<Json<Page<Migrated>>> {
    let options = fleet::Options::default();
    let reports = on.platform().migrations().run(&on.actor, Some(&on.slug), options, |_, _| ()).await?;
    Ok(Json(Page::all(reports)))
}
