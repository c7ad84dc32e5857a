//! Staff handlers that rename a tenant, cancel it, take a cancellation back, close it for maintenance, and change its
//! settings, including its id at other issuers of tokens.

use crate::{
    http::{
        App,
        body::Json,
        names::{TenantSlug, field},
        problem::Result,
        scope::Staff,
    },
    wire::tenant::{Cancel, ChangeSlug, Maintenance, Settings, SettingsPatch, Tenant},
};
use tenantry::{Error, name::Slug, tenants::Terms};

/// `POST /api/admin/tenants/{slug}/rename`.
pub(in crate::http) async fn rename(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    Json(form): Json<ChangeSlug>,
) -> Result<Json<Tenant>> {
    let to = field("slug", &form.slug, Slug::parse)?;
    app.platform().tenants().rename(&actor, &slug, &to).await?;
    Ok(Json(app.platform().tenants().show(&to).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/cancel`.
pub(in crate::http) async fn cancel(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    Json(form): Json<Cancel>,
) -> Result<Json<Tenant>> {
    let platform = app.platform();
    let id = platform.tenants().id_of(&slug).await?;
    confirmed(&slug, &form.confirm)?;
    let usual = Terms::from(&platform.config().retention);
    let terms = Terms {
        grace_days: form.grace_days.unwrap_or(usual.grace_days),
        retention_days: form.retention_days.unwrap_or(usual.retention_days),
    };
    platform.tenants().cancel(&actor, id, Some(terms), form.reason.as_deref()).await?;
    Ok(Json(platform.tenants().show(&slug).await?.into()))
}

/// `DELETE /api/admin/tenants/{slug}/cancel`.
pub(in crate::http) async fn revoke(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
) -> Result<Json<Tenant>> {
    let id = app.platform().tenants().id_of(&slug).await?;
    app.platform().tenants().revoke_cancellation(&actor, id).await?;
    Ok(Json(app.platform().tenants().show(&slug).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/maintenance`.
pub(in crate::http) async fn maintenance(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    Json(form): Json<Maintenance>,
) -> Result<Json<Tenant>> {
    let reason = match (form.on, form.reason.as_deref()) {
        (true, None) => return Err(Error::invalid("reason", "say why: members read it").into()),
        (true, reason) => reason,
        (false, _) => None,
    };
    app.platform().tenants().set_maintenance(&actor, &slug, reason).await?;
    Ok(Json(app.platform().tenants().show(&slug).await?.into()))
}

/// `GET /api/admin/tenants/{slug}/settings`.
pub(in crate::http) async fn settings(
    app: App,
    Staff(_): Staff,
    TenantSlug(slug): TenantSlug,
) -> Result<Json<Settings>> {
    Ok(Json(Settings { settings: app.platform().tenants().settings(&slug).await? }))
}

/// `PATCH /api/admin/tenants/{slug}/settings`: a merge patch.
pub(in crate::http) async fn change_settings(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    Json(SettingsPatch(changes)): Json<SettingsPatch>,
) -> Result<Json<Settings>> {
    let settings = app.platform().tenants().change_settings(&actor, &slug, changes).await?;
    Ok(Json(Settings { settings }))
}

/// Requires the slug to be repeated in the body of a destructive request (`wrong-id-deleted`).
pub(in crate::http::admin) fn confirmed(slug: &Slug, confirm: &str) -> Result<()> {
    match confirm == slug.as_str() {
        true => Ok(()),
        false => Err(Error::invalid("confirm", format!("type the tenant's slug, {slug}")).into()),
    }
}
