//! Staff handlers that rename a tenant, cancel it, and take a cancellation back.

use crate::http::admin::tenants::shown;
use crate::http::{
    App,
    body::Json as Input,
    names::{Company, field},
    problem::Result,
    scope::Staff,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::Value;
use tenantry::{Error, name::Slug, tenants::Terms};

/// Body of [`rename`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Rename {
    slug: String,
}

/// `POST /api/admin/tenants/{slug}/rename`.
pub(in crate::http) async fn rename(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<Rename>,
) -> Result<Json<Value>> {
    let to = field("slug", &form.slug, Slug::parse)?;
    app.platform().rename_tenant(&actor, &slug, &to).await?;
    Ok(Json(shown(&app.platform().show_tenant(&to).await?)))
}

/// Body of [`retire`]. Periods that are left out come from the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Retire {
    /// The slug again, as confirmation.
    confirm: String,
    reason: Option<String>,
    grace_days: Option<u32>,
    retention_days: Option<u32>,
}

/// `POST /api/admin/tenants/{slug}/retire`.
pub(in crate::http) async fn retire(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<Retire>,
) -> Result<Json<Value>> {
    let platform = app.platform();
    let id = platform.tenant_id(&slug).await?;
    confirmed(&slug, &form.confirm)?;
    let usual = Terms::from(&platform.config().retention);
    let terms = Terms {
        grace_days: form.grace_days.unwrap_or(usual.grace_days),
        retention_days: form.retention_days.unwrap_or(usual.retention_days),
    };
    platform.cancel_tenant(&actor, id, Some(terms), form.reason.as_deref()).await?;
    Ok(Json(shown(&platform.show_tenant(&slug).await?)))
}

/// `POST /api/admin/tenants/{slug}/keep`.
pub(in crate::http) async fn keep(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let id = app.platform().tenant_id(&slug).await?;
    app.platform().keep_tenant(&actor, id).await?;
    Ok(Json(shown(&app.platform().show_tenant(&slug).await?)))
}

/// Requires the slug to be repeated in the body of a destructive request (`wrong-id-deleted`).
pub(in crate::http::admin) fn confirmed(slug: &Slug, confirm: &str) -> Result<()> {
    match confirm == slug.as_str() {
        true => Ok(()),
        false => Err(Error::invalid("confirm", format!("type the company's short name, {slug}")).into()),
    }
}
