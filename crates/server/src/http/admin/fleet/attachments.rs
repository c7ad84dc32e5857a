//! Handlers of databases that owners make: list, attach, check and detach them, show the tables that they need, and
//! encrypt their URLs with a newer key.

use crate::{
    http::{
        App,
        body::Json,
        names::field,
        problem::Result,
        query::QueryParams,
        scope::{Staff, Superuser},
    },
    wire::{
        Page,
        attachment::{
            AttachedDatabase, Attachment, AttachmentsQuery, Data, Detach, Detached, NewAttachment,
            OfAttachment, Rotated, SchemaQuery, SqlEngine, StoreSchema,
        },
    },
};
use tenantry::{
    attachments::{self, Leaving},
    name::{Slug, StoreName},
    place::EngineKind,
};

/// `GET /api/admin/attachments`.
pub(in crate::http) async fn list(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<AttachmentsQuery>,
) -> Result<Json<Page<Attachment>>> {
    let tenant = query.tenant.as_deref().map(|text| field("tenant", text, Slug::parse)).transpose()?;
    let (after, most) = (query.after.map(|id| id.0), query.limit.0);
    let found = app.platform().attachments().list(&actor, tenant.as_ref(), after, Some(most)).await?;
    Ok(Json(Page::cut(found, (most, u64::MAX), |last: &Attachment| last.id.to_string())))
}

/// `POST /api/admin/attachments`.
pub(in crate::http) async fn attach(
    app: App,
    Superuser(actor): Superuser,
    Json(form): Json<NewAttachment>,
) -> Result<Json<AttachedDatabase>> {
    let slug = field("tenant", &form.tenant, Slug::parse)?;
    let new = attachments::NewAttachment {
        store: field("store", &form.store, StoreName::parse)?,
        url: form.url,
        grants_schema: form.grant_schema,
        takes_data: form.take_data,
    };
    Ok(Json(app.platform().attachments().attach(&actor, &slug, &new).await?.into()))
}

/// `POST /api/admin/attachments/check`.
pub(in crate::http) async fn check(
    app: App,
    Staff(actor): Staff,
    Json(form): Json<OfAttachment>,
) -> Result<Json<Attachment>> {
    let slug = field("tenant", &form.tenant, Slug::parse)?;
    let store = field("store", &form.store, StoreName::parse)?;
    Ok(Json(app.platform().attachments().check(&actor, &slug, &store).await?.into()))
}

/// `POST /api/admin/attachments/detach`.
pub(in crate::http) async fn detach(
    app: App,
    Superuser(actor): Superuser,
    Json(form): Json<Detach>,
) -> Result<Json<Detached>> {
    let slug = field("tenant", &form.tenant, Slug::parse)?;
    let store = field("store", &form.store, StoreName::parse)?;
    let leaving = match form.data {
        Data::Take => Leaving::TakeData,
        Data::Leave => Leaving::LeaveData,
    };
    let operation = app.platform().attachments().detach(&actor, &slug, &store, leaving).await?;
    Ok(Json(Detached { operation }))
}

/// `POST /api/admin/secrets/rotate`.
pub(in crate::http) async fn rotate(app: App, Superuser(actor): Superuser) -> Result<Json<Rotated>> {
    Ok(Json(app.platform().attachments().rotate(&actor).await?.into()))
}

/// `GET /api/admin/schema`.
pub(in crate::http) async fn schema(
    app: App,
    Staff(_): Staff,
    QueryParams(query): QueryParams<SchemaQuery>,
) -> Result<Json<StoreSchema>> {
    let store = field("store", &query.store, StoreName::parse)?;
    let statements = app.platform().schema_sql(&store, query.engine.into())?;
    Ok(Json(StoreSchema { statements }))
}

impl From<SqlEngine> for EngineKind {
    fn from(engine: SqlEngine) -> Self {
        match engine {
            SqlEngine::Sqlite => Self::Sqlite,
            SqlEngine::Postgres => Self::Postgres,
        }
    }
}
