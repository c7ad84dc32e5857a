//! Staff handlers that move a tenant to another server, out of the pool, into it, or back, and release retained
//! databases.

use crate::{
    http::{
        body::Json,
        names::optional,
        operation::{self, Started},
        problem::{Problem, Result},
        query::QueryParams,
        scope::StaffOn,
    },
    wire::{
        AsText, Name,
        copies::{Demote, Move, MoveOutlook, Obstacle, OfStore, Promote, Released, StoreOutlook},
        operation::{Operation, Wait},
        tenant::Place,
    },
};
use tenantry::{
    Error,
    moves::{Target, Wanted},
    name::{ServerName, StoreName},
    place::Isolation,
};

/// `POST /api/admin/tenants/{slug}/move`: moves a tenant to a server, or back to its former place.
pub(in crate::http) async fn to(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Move>,
) -> Result<Started<Operation>> {
    let target = Target { store: store(form.store)?, server: None, isolation: isolation(form.isolation)? };
    let (moves, store) = (on.platform().moves(), target.store.as_ref());
    let server = server(form.server)?;
    if form.fit {
        refuse_more(&[form.back, form.lost, server.is_some(), target.isolation.is_some()])?;
        let id = moves.begin(&on.actor, &on.slug, &Wanted::Fit(target.store)).await?;
        return operation::started(&on.app, id, &wait).await;
    }
    let id = match (form.back, form.lost, server) {
        (true, _, None) if target.isolation.is_some() => {
            return Err(Error::invalid("isolation", "does not go with \"back\": true").into());
        }
        (true, false, None) => moves.back(&on.actor, &on.slug, store).await?,
        (true, true, None) => moves.fall_back(&on.actor, &on.slug, store).await?,
        (false, false, Some(to)) => moves.to_server(&on.actor, &on.slug, &to, &target).await?,
        (false, true, _) => return Err(Error::invalid("lost", "goes with \"back\": true").into()),
        _ => return Err(Error::invalid("server", NO_SERVER).into()),
    };
    operation::started(&on.app, id, &wait).await
}

/// Reason for refusing a move without a target.
const NO_SERVER: &str = "name a server, or say \"back\": true or \"fit\": true";

/// Refuses other targets beside the servers that fit the plan.
fn refuse_more(others: &[bool]) -> Result<()> {
    match others.contains(&true) {
        true => Err(Error::invalid("fit", "goes with a store only: the plan chooses the servers").into()),
        false => Ok(()),
    }
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

/// `POST /api/admin/tenants/{slug}/move/check`: the dry run of a move to a server, or back.
pub(in crate::http) async fn check(on: StaffOn, Json(form): Json<Move>) -> Result<Json<MoveOutlook>> {
    let store = store(form.store)?;
    let (server, isolation) = (server(form.server)?, isolation(form.isolation)?);
    if form.fit {
        refuse_more(&[form.back, form.lost, server.is_some(), isolation.is_some()])?;
        return look(&on, &Wanted::Fit(store)).await;
    }
    let wanted = match (form.back, form.lost, server, isolation) {
        (true, false, None, None) => Wanted::Back(store),
        (false, false, Some(to), isolation) => {
            Wanted::ToServer(to, Target { store, server: None, isolation })
        }
        (_, true, ..) => return Err(Error::invalid("lost", "gives up writes, and has no dry run").into()),
        _ => return Err(Error::invalid("server", NO_SERVER).into()),
    };
    look(&on, &wanted).await
}

/// `POST /api/admin/tenants/{slug}/promote/check`: the dry run of a move out of the pool.
pub(in crate::http) async fn check_promotion(
    on: StaffOn,
    Json(form): Json<Promote>,
) -> Result<Json<MoveOutlook>> {
    let (store, server) = (store(form.store)?, server(form.server)?);
    look(&on, &Wanted::Promote(Target { store, server, isolation: isolation(form.isolation)? })).await
}

/// `POST /api/admin/tenants/{slug}/demote/check`: the dry run of a move into the pool.
pub(in crate::http) async fn check_demotion(
    on: StaffOn,
    Json(form): Json<Demote>,
) -> Result<Json<MoveOutlook>> {
    let (store, isolation) = (store(form.store)?, isolation(form.isolation)?);
    look(&on, &Wanted::Demote(Target { store, server: None, isolation })).await
}

async fn look(on: &StaffOn, wanted: &Wanted) -> Result<Json<MoveOutlook>> {
    let outlook = on.platform().moves().look(&on.actor, &on.slug, wanted).await?;
    let is_clear = outlook.is_clear();
    let stores = outlook.stores.into_iter().map(|store| StoreOutlook {
        from: store.from.into(),
        server: AsText(store.server),
        isolation: AsText(store.isolation),
        rows: store.rows,
        bytes: store.bytes,
        replaces: store.replaces.into_iter().map(Place::from).collect(),
        obstacles: store.obstacles.into_iter().map(obstacle).collect(),
    });
    Ok(Json(MoveOutlook {
        is_clear,
        stores: stores.collect(),
        file_bytes: outlook.file_bytes,
        obstacles: outlook.obstacles.into_iter().map(obstacle).collect(),
    }))
}

/// Converts the error with which a move would fail, without its private detail.
pub(in crate::http::admin) fn obstacle(error: Error) -> Obstacle {
    let problem = Problem::from(error);
    Obstacle {
        code: problem.code().as_str(),
        detail: problem.detail().to_owned(),
        remedy: Some(problem.remedy_text().to_owned()).filter(|text| !text.is_empty()),
    }
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
