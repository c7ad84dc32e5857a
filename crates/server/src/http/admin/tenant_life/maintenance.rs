//! Staff handler that switches a tenant's maintenance mode on and off.

use crate::{
    http::{App, body::Json, names::TenantSlug, problem::Result, scope::Staff},
    wire::tenant::{Maintenance, Tenant},
};
use tenantry::Error;

/// `POST /api/admin/tenants/{slug}/maintenance`.
pub(in crate::http) async fn set(
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
    crate::http::admin::tenant(app, Staff(actor), TenantSlug(slug)).await
}
