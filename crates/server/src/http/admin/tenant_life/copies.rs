//! Staff handlers that create a tenant from existing data: a clone, or an exported archive.

use crate::http::{
    App,
    body::{self, Json as Input},
    names::Company,
    operation::{self, Accepted, Wait},
    problem::{Code, Problem, Result},
    query::Words,
    scope::Staff,
};
use axum::extract::{Request, State};
use serde::Deserialize;
use tenantry::NewFromCopy;

/// Body of [`clone_tenant`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Clone {
    slug: String,
    name: Option<String>,
    email: Option<String>,
    plan: Option<String>,
    /// E-mail address of the existing user that becomes the owner.
    owner: Option<String>,
    /// Reason why that owner gets the rows.
    reason: Option<String>,
    #[serde(default)]
    blank_personal: bool,
}

/// `POST /api/admin/tenants/{slug}/clone`.
pub(in crate::http) async fn clone_tenant(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
    Input(form): Input<Clone>,
) -> Result<Accepted> {
    let Clone { slug: to, name, email, plan, owner: member, reason, blank_personal } = form;
    let wanted = NewFromCopy { slug: to, name, email, plan, owner: None, member, reason };
    let id = app.platform().clone_tenant(&actor, &slug, blank_personal, wanted).await?;
    operation::accepted(&app, id, &wait).await
}

/// Query of [`import`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Import {
    slug: String,
    name: Option<String>,
    email: Option<String>,
    plan: Option<String>,
    owner: Option<String>,
    reason: Option<String>,
    wait: Option<u64>,
}

/// `POST /api/admin/import`, body `application/zip`.
pub(in crate::http) async fn import(
    State(app): State<App>,
    Staff(actor): Staff,
    Words(query): Words<Import>,
    request: Request,
) -> Result<Accepted> {
    if body::media_type(request.headers()) != "application/zip" {
        let text = "Send the archive as `content-type: application/zip`.";
        return Err(Problem::new(Code::UnsupportedMediaType, text));
    }
    let Import { slug, name, email, plan, owner: member, reason, wait } = query;
    let wanted = NewFromCopy { slug, name, email, plan, owner: None, member, reason };
    app.platform().check_new_from_copy(&wanted).await?;
    let upload = app.platform().receive_archive(body::stream(request.into_body())).await?;
    let id = app.platform().import_upload(&actor, upload, wanted).await?;
    operation::accepted(&app, id, &Wait { wait }).await
}
