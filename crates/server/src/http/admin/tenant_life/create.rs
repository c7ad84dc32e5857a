//! Staff handlers that create a tenant, or a tenant's missing databases.

use crate::http::{App, body::Json as Input, names::Company, problem::Result, scope::Staff};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error, access::passwords::Password, error::Wrong, name::Slug, operator::NewOwner, tenants::NewTenant,
    users,
};

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
    if form.password.is_some() {
        actor.require_superuser("create an account")?;
    }
    let slug = checked(&app, &form).await?;
    let email = form.email;
    let owner =
        form.password.map(|password| NewOwner { email: email.clone(), name: email.clone(), password });
    let new = NewTenant { slug, name: form.company, email };
    let created = app.platform().create_tenant(&actor, new, form.plan.as_deref(), owner).await?;
    Ok((StatusCode::CREATED, Json(json!(created))))
}

/// Returns the slug if the form is valid.
///
/// # Errors
/// All fields that break a rule.
async fn checked(app: &App, form: &Form) -> Result<Slug, Error> {
    let mut wrong = Wrong::default();
    let slug = wrong.take(Slug::parse(&form.slug).map_err(|e| Error::invalid("slug", e.reason)))?;
    wrong.take(users::check_text("company", &form.company))?;
    wrong.take(users::check_email(&form.email))?;
    if let Some(password) = &form.password {
        wrong.take(password.check(&form.email))?;
    }
    if let Some(plan) = &form.plan {
        wrong.take(app.platform().plans().by_code(plan).await)?;
    }
    wrong.finish_with(slug)
}

/// `POST /api/admin/tenants/{slug}/databases`.
pub(in crate::http) async fn databases(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let created = app.platform().create_databases(&actor, &slug).await?;
    Ok(Json(json!(created)))
}
