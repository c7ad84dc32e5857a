//! Staff handlers that move a tenant to another server, out of the pool, into it, or back, and release retained
//! databases.

use crate::{
    http::{
        body::Json,
        names::optional,
        operation::{self, Started},
        problem::Result,
        query::QueryParams,
        scope::StaffOn,
    },
    wire::{
        Name,
        copies::{Move, OfStore, Promote, Released},
        operation::{Operation, Wait},
    },
};
use tenantry::{
    Error,
    name::{ServerName, StoreName},
};

/// `POST /api/admin/tenants/{slug}/move`: moves a tenant to a server, or back to where it was.
pub(in crate::http) async fn to(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Move>,
) -> Result<Started<Operation>> {
    let store = store(form.store)?;
    let platform = on.platform();
    let id = match (form.back, form.lost, server(form.server)?) {
        (true, false, None) => platform.moves().back(&on.actor, &on.slug, store.as_ref()).await?,
        (true, true, None) => platform.moves().fall_back(&on.actor, &on.slug, store.as_ref()).await?,
        (false, false, Some(to)) => {
            platform.moves().to_server(&on.actor, &on.slug, &to, store.as_ref()).await?
        }
        (false, true, _) => return Err(Error::invalid("lost", "goes with \"back\": true").into()),
        _ => return Err(Error::invalid("server", "name a server, or say \"back\": true").into()),
    };
    operation::started(&on.app, id, &wait).await
}

pub(in crate::http) async fn promote(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Promote>,
) -> Result<Started<Operation>> {
    let (store, to) = (store(form.store)?, server(form.server)?);
    let id = on.platform().moves().promote(&on.actor, &on.slug, store.as_ref(), to.as_ref()).await?;
    operation::started(&on.app, id, &wait).await
}

pub(in crate::http) async fn demote(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<OfStore>,
) -> Result<Started<Operation>> {
    let store = store(form.store)?;
    let id = on.platform().moves().demote(&on.actor, &on.slug, store.as_ref()).await?;
    operation::started(&on.app, id, &wait).await
}

pub(in crate::http) async fn release(on: StaffOn, Json(form): Json<OfStore>) -> Result<Json<Released>> {
    let store = store(form.store)?;
    let released = on.platform().moves().release(&on.actor, &on.slug, store.as_ref()).await?;
    Ok(Json(Released { released }))
}

fn store(name: Option<Name>) -> Result<Option<StoreName>> {
    optional("store", name.as_deref(), StoreName::parse)
}

fn server(name: Option<Name>) -> Result<Option<ServerName>> {
    optional("server", name.as_deref(), ServerName::parse)
}
