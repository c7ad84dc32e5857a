//! Staff handlers that create a tenant, or a tenant's missing databases (M9, M16).

use crate::http::{
    App,
    body::Json as Input,
    names::{Company, field},
    problem::Result,
    scope::Staff,
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{access::passwords::Password, name::Slug, operator::NewOwner, tenants::NewTenant};

/// Body of [`tenant`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    slug: String,
    company: String,
    email: String,
    plan: Option<String>,
    password: Option<Password>,
}

/// `POST /api/admin/tenants`: with a password also creates the owner, whose address the superuser vouches for.
pub(in crate::http) async fn tenant(
    State(app): State<App>,
    Staff(actor): Staff,
    Input(form): Input<Form>,
) -> Result<(StatusCode, Json<Value>)> {
    let slug = field("slug", &form.slug, Slug::parse)?;
    let email = form.email;
    let owner =
        form.password.map(|password| NewOwner { email: email.clone(), name: email.clone(), password });
    if owner.is_some() {
        super::users::may_grant(&actor)?;
    }
    let new = NewTenant { slug, name: form.company, email };
    let created = app.platform().create_tenant(&actor.by(), new, form.plan.as_deref(), owner).await?;
    Ok((StatusCode::CREATED, Json(json!(created))))
}

/// `POST /api/admin/tenants/{slug}/databases`.
pub(in crate::http) async fn databases(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let created = app.platform().create_databases(&actor.by(), &slug).await?;
    Ok(Json(json!(created)))
}
