//! Handlers that change the tenant's name and show its state, plan, days remaining and limits. The second one does
//! not enter the tenant, so it works for an expired or suspended one too.

use crate::{
    http::{
        App,
        body::Json,
        problem::{Problem, Result},
        scope::{self, Manager},
    },
    wire::{
        account::{Named, Rename},
        tenant::OwnTenant,
    },
};

/// `PATCH /api/tenant`: changes the display name. Only staff change the slug.
pub(in crate::http) async fn change(
    app: App,
    tenant: Manager,
    Json(form): Json<Rename>,
) -> Result<Json<Named>> {
    app.platform().tenant(&tenant).set_name(&form.name).await?;
    Ok(Json(Named { id: tenant.id().get(), name: form.name.trim().to_owned() }))
}

/// `GET /api/tenant`.
pub(in crate::http) async fn show(app: App, named: scope::Named) -> Result<Json<OwnTenant>> {
    let id = named.tenant.ok_or_else(Problem::absent)?;
    let platform = app.platform();
    let (record, role) = platform.access().belongs(&named.actor, id).await?;
    Ok(Json(OwnTenant::new(&record, role, platform.now_us())))
}
