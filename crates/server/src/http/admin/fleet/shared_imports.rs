//! Staff handler of imports of databases that all organisations shared.

use crate::{
    http::{
        App,
        body::Json,
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::Superuser,
    },
    wire::{
        operation::{Operation, Wait},
        shared_import::SharedImportForm,
    },
};

/// `POST /api/admin/shared-imports`.
pub(in crate::http) async fn start(
    app: App,
    Superuser(actor): Superuser,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<SharedImportForm>,
) -> Result<Started<Operation>> {
    let operation = app.platform().shared_imports().start(&actor, form.try_into()?).await?;
    started(&app, operation, &wait).await
}
