//! Staff handlers for the settings of a tenant, including its id at other issuers of tokens.

use crate::{
    http::{App, body::Json, names::TenantSlug, problem::Result, scope::Staff},
    wire::tenant::{Settings, SettingsPatch},
};

/// `GET /api/admin/tenants/{slug}/settings`.
pub(in crate::http) async fn show(
    app: App,
    Staff(_): Staff,
    TenantSlug(slug): TenantSlug,
) -> Result<Json<Settings>> {
    Ok(Json(Settings { settings: app.platform().tenants().settings(&slug).await? }))
}

/// `PATCH /api/admin/tenants/{slug}/settings`: a merge patch.
pub(in crate::http) async fn change(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    Json(SettingsPatch(changes)): Json<SettingsPatch>,
) -> Result<Json<Settings>> {
    let settings = app.platform().tenants().change_settings(&actor, &slug, changes).await?;
    Ok(Json(Settings { settings }))
}
