//! Handlers for saved views of lists. A query is checked when it is saved. If a migration makes it wrong later, the list of
//! views says what is wrong.

use crate::{
    http::{
        App,
        body::Json,
        problem::{Problem, Result},
        query,
        scope::Tenant,
        typed::Created,
    },
    wire::{
        Page,
        view::{ChangeView, NewView, View, WrongParameter},
    },
};
use axum::{extract::Path, response::NoContent};
use serde::Deserialize;
use tenantry::records::{self, Records};

/// `/api/views/{model_name}`, also below a tenant's name.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct ViewsPath {
    model_name: String,
}

/// `/api/views/{model_name}/{id}`.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct ViewPath {
    model_name: String,
    id: String,
}

/// Handles `GET /api/views/{model_name}`: the caller's own views and the shared views.
pub(in crate::http) async fn list(
    app: App,
    tenant: Tenant,
    Path(path): Path<ViewsPath>,
) -> Result<Json<Page<View>>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    let views = records.views()?.list().await?;
    Ok(Json(Page::all(views.into_iter().map(|view| shown(&records, view)))))
}

/// Handles `POST /api/views/{model_name}`: saves a view.
pub(in crate::http) async fn create(
    app: App,
    tenant: Tenant,
    Path(path): Path<ViewsPath>,
    Json(form): Json<NewView>,
) -> Result<Created<View>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    let views = records.views()?;
    fitting(&records, Some(&form.query))?;
    let new = records::NewView {
        name: form.name,
        query: form.query,
        is_shared: form.shared,
        is_default: form.default,
    };
    Ok(Created(shown(&records, views.create(&new).await?)))
}

/// Handles `PATCH /api/views/{model_name}/{id}`: renames, shares or replaces a view, or makes it the default.
pub(in crate::http) async fn change(
    app: App,
    tenant: Tenant,
    Path(path): Path<ViewPath>,
    Json(form): Json<ChangeView>,
) -> Result<Json<View>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    let views = records.views()?;
    fitting(&records, form.query.as_deref())?;
    let change = records::ViewChange {
        name: form.name,
        query: form.query,
        is_shared: form.shared,
        is_default: form.default,
    };
    Ok(Json(shown(&records, views.change(number(&path.id)?, &change).await?)))
}

/// Handles `DELETE /api/views/{model_name}/{id}`.
pub(in crate::http) async fn remove(
    app: App,
    tenant: Tenant,
    Path(path): Path<ViewPath>,
) -> Result<NoContent> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    records.views()?.delete(number(&path.id)?).await?;
    Ok(NoContent)
}

fn number(id: &str) -> Result<i64> {
    id.parse().map_err(|_| Problem::absent())
}

/// Refuses a query that a list of the model would refuse.
fn fitting(records: &Records<'_>, text: Option<&str>) -> Result<()> {
    let Some(Err(problem)) = text.map(|text| query::export(records, text)) else { return Ok(()) };
    let whole = Problem::field("query", problem.detail().trim_end_matches('.').to_owned());
    Err(whole.remedy("Send the query of a list without its page: conditions, q, sort and fields."))
}

/// Returns a view together with the parameters of its query that no longer fit the model.
fn shown(records: &Records<'_>, view: records::View) -> View {
    let problem = query::export(records, &view.query).err();
    let wrong = problem.iter().flat_map(|problem| problem.wrong_fields());
    let wrong =
        wrong.map(|wrong| WrongParameter { name: wrong.field.clone(), message: wrong.message.clone() });
    View::from((view, wrong.collect()))
}
