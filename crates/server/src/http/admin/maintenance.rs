//! Staff close a company for maintenance and open it again.

use crate::http::{
    App,
    body::Json as Input,
    problem::{Problem, Result},
    scope::Staff,
};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;
use tenantry::{Error, name::Slug};

/// `POST /api/admin/tenants/{slug}/maintenance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    on: bool,
    reason: Option<String>,
}

pub(in crate::http) async fn set(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(slug): Path<String>,
    Input(form): Input<Form>,
) -> Result<Json<Value>> {
    let name = Slug::parse(&slug).map_err(|_| Problem::absent())?;
    let reason = match (form.on, form.reason.as_deref()) {
        (true, None) => return Err(Error::invalid("reason", "say why: members read it").into()),
        (true, reason) => reason,
        (false, _) => None,
    };
    app.platform().set_maintenance(&actor.by(), &name, reason).await?;
    super::tenant(State(app), Staff(actor), Path(slug)).await
}
