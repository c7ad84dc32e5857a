//! Staff handlers that create a tenant from existing data: a clone, or an exported archive.

use crate::{
    http::{
        App,
        body::{self, Json, Zip},
        operation::{self, Started},
        problem::Result,
        query::QueryParams,
        scope::{Staff, StaffOn},
    },
    wire::{
        copies::{Clone, Import},
        operation::{Operation, Wait},
    },
};
use tenantry::NewFromCopy;

/// `POST /api/admin/tenants/{slug}/clone`.
pub(in crate::http) async fn clone_tenant(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Clone>,
) -> Result<Started<Operation>> {
    let id =
        on.platform().arrivals().from_tenant(&on.actor, &on.slug, form.blank_personal, form.into()).await?;
    operation::started(&on.app, id, &wait).await
}

/// `POST /api/admin/import`, body `application/zip`.
pub(in crate::http) async fn import(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<Import>,
    Zip(archive): Zip,
) -> Result<Started<Operation>> {
    let wait = Wait { wait: query.wait };
    let wanted = NewFromCopy::from(query);
    app.platform().arrivals().check(&wanted).await?;
    let upload = app.platform().arrivals().receive(body::stream(archive)).await?;
    let id = app.platform().arrivals().from_upload(&actor, upload, wanted).await?;
    operation::started(&app, id, &wait).await
}
