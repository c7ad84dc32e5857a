//! Staff handler that switches a tenant's maintenance mode on and off.

use crate::http::{App, body::Json as Input, names::Company, problem::Result, scope::Staff};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use tenantry::Error;

/// Body of [`set`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    on: bool,
    reason: Option<String>,
}

/// `POST /api/admin/tenants/{slug}/maintenance`.
pub(in crate::http) async fn set(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Input(form): Input<Form>,
) -> Result<Json<Value>> {
    let reason = match (form.on, form.reason.as_deref()) {
        (true, None) => return Err(Error::invalid("reason", "say why: members read it").into()),
        (true, reason) => reason,
        (false, _) => None,
    };
    app.platform().set_maintenance(&actor, &slug, reason).await?;
    crate::http::admin::tenant(State(app), Staff(actor), Company(slug)).await
}
