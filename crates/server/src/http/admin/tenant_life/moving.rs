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
        copies::{Demote, Move, OfStore, Promote, Released},
        operation::{Operation, Wait},
    },
};
use tenantry::{
    Error,
    moves::Target,
    name::{ServerName, StoreName},
    place::Isolation,
};

/// `POST /api/admin/tenants/{slug}/move`: moves a tenant to a server, or back to where it was.
pub(in crate::http) async fn to(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Move>,
) -> Result<Started<Operation>> {
    let target = Target { store: store(form.store)?, server: None, isolation: isolation(form.isolation)? };
    let (moves, store) = (on.platform().moves(), target.store.as_ref());
    let id = match (form.back, form.lost, server(form.server)?) {
        (true, _, None) if target.isolation.is_some() => {
            return Err(Error::invalid("isolation", "does not go with \"back\": true").into());
        }
        (true, false, None) => moves.back(&on.actor, &on.slug, store).await?,
        (true, true, None) => moves.fall_back(&on.actor, &on.slug, store).await?,
        (false, false, Some(to)) => moves.to_server(&on.actor, &on.slug, &to, &target).await?,
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
    let (store, server) = (store(form.store)?, server(form.server)?);
    let target = Target { store, server, isolation: isolation(form.isolation)? };
    let id = on.platform().moves().promote(&on.actor, &on.slug, &target).await?;
    operation::started(&on.app, id, &wait).await
}

pub(in crate::http) async fn demote(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Demote>,
) -> Result<Started<Operation>> {
    let target = Target { store: store(form.store)?, server: None, isolation: isolation(form.isolation)? };
    let id = on.platform().moves().demote(&on.actor, &on.slug, &target).await?;
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

fn isolation(name: Option<Name>) -> Result<Option<Isolation>> {
    optional("isolation", name.as_deref(), Isolation::parse)
}

fn server(name: Option<Name>) -> Result<Option<ServerName>> {
    optional("server", name.as_deref(), ServerName::parse)
}
