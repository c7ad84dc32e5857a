//! Staff handlers of proofs of isolation: the stored ones, one of them, and the start of the next.

use crate::{
    http::{
        App,
        body::Json,
        names::{PathId, field},
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::Staff,
    },
    wire::{
        Page,
        operation::{Operation, Wait},
        proof::{Proof, ProofForm, ProofListed, ProofsQuery},
    },
};
use tenantry::name::Slug;

/// `GET /api/admin/proofs`.
pub(in crate::http) async fn list(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<ProofsQuery>,
) -> Result<Json<Page<ProofListed>>> {
    let tenant = query.tenant.as_deref().map(|text| field("tenant", text, Slug::parse)).transpose()?;
    Ok(Json(Page::all(app.platform().proofs().list(&actor, tenant.as_ref()).await?)))
}

/// `POST /api/admin/proofs`.
pub(in crate::http) async fn start(
    app: App,
    Staff(actor): Staff,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<ProofForm>,
) -> Result<Started<Operation>> {
    let tenant = form.tenant.as_deref().map(|text| field("tenant", text, Slug::parse)).transpose()?;
    let operation = app.platform().proofs().start(&actor, tenant.as_ref(), (&form).into()).await?;
    started(&app, operation, &wait).await
}

/// `GET /api/admin/proofs/{id}`.
pub(in crate::http) async fn show(app: App, Staff(actor): Staff, PathId(id): PathId) -> Result<Json<Proof>> {
    Ok(Json(app.platform().proofs().get(&actor, id).await?.into()))
}
