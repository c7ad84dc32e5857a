//! Handlers for the tenant's state and name, and for its cancellation by its owner. Only the change of the name enters
//! the tenant; the other handlers also work for an expired or suspended tenant.

use crate::{
    http::{
        App,
        body::{Json, LaterJson},
        problem::{Problem, Result},
        scope::{self, Manager},
    },
    wire::{
        account::{ChangeProfile, Profiled},
        tenant::{CancelOwn, Ending, OwnTenant},
    },
};
use std::sync::Arc;
use tenantry::{Error, topology::TenantRecord};

/// Handles `PATCH /api/tenant`: changes display name, language and time zone. Only staff change the slug.
pub(in crate::http) async fn change(
    app: App,
    tenant: Manager,
    Json(form): Json<ChangeProfile>,
) -> Result<Json<Profiled>> {
    app.platform().tenant(&tenant).change_profile(&form.change()).await?;
    let now = app.platform().access().directory().tenant(tenant.id()).await?;
    let (language, time_zone) = (now.locale.language.clone(), now.locale.time_zone.clone());
    Ok(Json(Profiled { id: now.id.get(), name: now.name.clone(), language, time_zone }))
}

/// Handles `GET /api/tenant`: returns the tenant's state and plan.
pub(in crate::http) async fn show(app: App, named: scope::Named) -> Result<Json<OwnTenant>> {
    let id = named.tenant.ok_or_else(Problem::absent)?;
    let platform = app.platform();
    let (record, role) = platform.access().belongs(&named.actor, id).await?;
    Ok(Json(OwnTenant::new(&record, role, platform.clock())))
}

/// Handles `POST /api/tenant/cancel`: cancels the tenant.
pub(in crate::http) async fn cancel(
    app: App,
    named: scope::Named,
    body: LaterJson<CancelOwn>,
) -> Result<Json<Ending>> {
    // Check this before the body is read: a problem with the body would reveal that the tenant exists to a caller who
    // does not belong to it.
    let record = owned(&app, &named).await?;
    let form = body.read(&app).await?;
    if form.confirm != record.slug.as_str() {
        return Err(Error::invalid("confirm", format!("type the tenant's slug, {}", record.slug)).into());
    }
    let reason = form.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let ends = app.platform().accounts().cancel_tenant(&named.actor, record.id, reason).await?;
    Ok(Json(Ending { slug: record.slug.to_string(), ends: Some(ends.into()) }))
}

/// Handles `DELETE /api/tenant/cancel`: revokes the cancellation.
pub(in crate::http) async fn revoke_cancellation(app: App, named: scope::Named) -> Result<Json<Ending>> {
    let record = owned(&app, &named).await?;
    app.platform().accounts().revoke_cancellation(&named.actor, record.id).await?;
    Ok(Json(Ending { slug: record.slug.to_string(), ends: None }))
}

/// Returns the named tenant if the caller manages it.
async fn owned(app: &App, named: &scope::Named) -> Result<Arc<TenantRecord>> {
    let id = named.tenant.ok_or_else(Problem::absent)?;
    Ok(app.platform().access().managed(&named.actor, id).await?)
}
