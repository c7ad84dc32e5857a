//! Staff handler that attaches a database which a tenant brings.

use crate::{
    http::{
        App,
        body::Json,
        names::{TenantSlug, field, optional},
        problem::Result,
        scope::Staff,
    },
    wire::tenant::{Attach, Attached},
};
use tenantry::{
    Attach as Wanted,
    name::{PhysicalName, ServerName, StoreName},
};

/// `POST /api/admin/tenants/{slug}/attach`.
pub(in crate::http) async fn attach(
    app: App,
    Staff(actor): Staff,
    TenantSlug(slug): TenantSlug,
    Json(form): Json<Attach>,
) -> Result<Json<Attached>> {
    let wanted = Wanted {
        store: field("store", &form.store, StoreName::parse)?,
        physical: optional("physical", form.physical.as_deref(), PhysicalName::parse)?,
        server: optional("server", form.server.as_deref(), ServerName::parse)?,
    };
    Ok(Json(app.platform().moves().attach(&actor, &slug, &wanted).await?.into()))
}
