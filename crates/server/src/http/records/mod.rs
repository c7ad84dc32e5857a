//! Records over HTTP: list, get, create, batch, patch, delete, transitions, CSV and files, for every model.
//!
//! Called by the route table, and for reads of one record by the guard's fast path. It turns URLs, headers and bodies
//! into calls of the platform and never filters, checks or joins anything itself.

mod answer;
mod csv;
mod files;
mod form;
mod overrides;
mod read;
mod workflow;
mod write;

pub(super) use csv::{export, import, refused_lines};
pub(super) use files::{download, file_response, media, remove as remove_file, upload};
pub(super) use overrides::{clear_override, own_values, set_override};
pub(super) use read::{aggregate, history, list, one, one_fast};
pub(super) use workflow::{trail, transit, transitions};
pub(super) use write::{batch, change, change_matching, create, remove, remove_matching};

use super::{App, problem::Result, query, scope::Scope};
use serde::Deserialize;
use tenantry::records::Records;

/// Parameters of `/api/records/{model}`.
#[derive(Debug, Deserialize)]
pub(super) struct ModelPath {
    pub(super) model: String,
}

/// Parameters of `/api/records/{model}/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct RecordPath {
    model: String,
    id: String,
}

/// Parameters of `/api/records/{model}/{id}/files/{field}`.
#[derive(Debug, Deserialize)]
pub(super) struct FilePath {
    model: String,
    id: String,
    field: String,
}

/// Returns the records of a model with the tenant's own fields, if the query may name them.
async fn of_query<'a>(
    app: &'a App,
    scope: &'a Scope,
    model: &str,
    query: Option<&str>,
) -> Result<Records<'a>> {
    let records = of(app, scope, model)?;
    match query.is_some_and(query::names_custom) {
        true => Ok(records.with_custom_fields().await?),
        false => Ok(records),
    }
}

/// Returns the records of a model, in the caller's scope.
fn of<'a>(app: &'a App, scope: &'a Scope, model: &str) -> Result<Records<'a>> {
    scope.records(app, model)
}
