//! Staff handlers that rename a tenant, cancel it, revoke a cancellation, close it for maintenance, and change its
//! settings, including its id at other issuers of tokens.

use crate::{
    http::{body::Json, names::field, problem::Result, scope::StaffOn},
    wire::tenant::{Cancel, ChangeSlug, Maintenance, Settings, SettingsPatch, Tenant},
};
use tenantry::{Error, name::Slug, tenants::Terms};

/// `POST /api/admin/tenants/{slug}/rename`.
pub(in crate::http) async fn rename(on: StaffOn, Json(form): Json<ChangeSlug>) -> Result<Json<Tenant>> {
    let to = field("slug", &form.slug, Slug::parse)?;
    on.platform().tenants().rename(&on.actor, &on.slug, &to).await?;
    Ok(Json(on.platform().tenants().show(&to).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/cancel`.
pub(in crate::http) async fn cancel(on: StaffOn, Json(form): Json<Cancel>) -> Result<Json<Tenant>> {
    let platform = on.platform();
    let id = platform.tenants().id_of(&on.slug).await?;
    confirmed(&on.slug, &form.confirm)?;
    let usual = Terms::from(&platform.config().retention);
    let terms = Terms {
        grace_days: form.grace_days.unwrap_or(usual.grace_days),
        retention_days: form.retention_days.unwrap_or(usual.retention_days),
    };
    platform.tenants().cancel(&on.actor, id, Some(terms), form.reason.as_deref()).await?;
    Ok(Json(platform.tenants().show(&on.slug).await?.into()))
}

/// `DELETE /api/admin/tenants/{slug}/cancel`.
pub(in crate::http) async fn revoke(on: StaffOn) -> Result<Json<Tenant>> {
    let id = on.platform().tenants().id_of(&on.slug).await?;
    on.platform().tenants().revoke_cancellation(&on.actor, id).await?;
    Ok(Json(on.platform().tenants().show(&on.slug).await?.into()))
}

/// `POST /api/admin/tenants/{slug}/maintenance`.
pub(in crate::http) async fn maintenance(on: StaffOn, Json(form): Json<Maintenance>) -> Result<Json<Tenant>> {
    let reason = match (form.on, form.reason.as_deref()) {
        (true, None) => return Err(Error::invalid("reason", "say why: members read it").into()),
        (true, reason) => reason,
        (false, _) => None,
    };
    on.platform().tenants().set_maintenance(&on.actor, &on.slug, reason).await?;
    Ok(Json(on.platform().tenants().show(&on.slug).await?.into()))
}

/// `GET /api/admin/tenants/{slug}/settings`.
pub(in crate::http) async fn settings(on: StaffOn) -> Result<Json<Settings>> {
    Ok(Json(Settings { settings: on.platform().tenants().settings(&on.slug).await? }))
}

/// `PATCH /api/admin/tenants/{slug}/settings`: a merge patch.
pub(in crate::http) async fn change_settings(
    on: StaffOn,
    Json(SettingsPatch(changes)): Json<SettingsPatch>,
) -> Result<Json<Settings>> {
    let settings = on.platform().tenants().change_settings(&on.actor, &on.slug, changes).await?;
    Ok(Json(Settings { settings }))
}

/// Requires the slug to be repeated in the body of a destructive request (`wrong-id-deleted`).
pub(in crate::http::admin) fn confirmed(slug: &Slug, confirm: &str) -> Result<()> {
    match confirm == slug.as_str() {
        true => Ok(()),
        false => Err(Error::invalid("confirm", format!("type the tenant's slug, {slug}")).into()),
    }
}
