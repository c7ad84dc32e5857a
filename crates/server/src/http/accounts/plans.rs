//! Handler for the list of plans; public, so that a registration form can show them.

use crate::http::{App, problem::Result, view};
use axum::{Json, extract::State};
use serde_json::{Value, json};

/// `GET /api/plans`.
pub(in crate::http) async fn list(State(app): State<App>) -> Result<Json<Value>> {
    let plans = app.platform().plans().list().await?;
    Ok(view::items(plans.into_iter().filter(|plan| !plan.archived).map(|plan| {
        let spec = plan.spec;
        json!({
            "code": spec.code, "name": spec.name, "price": spec.price, "trial_days": spec.trial_days,
            "limits": spec.limits, "features": spec.features, "self_service": spec.self_service,
        })
    })))
}
