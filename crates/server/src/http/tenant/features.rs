//! Handlers for the features of the caller's tenant: what is left of their quotas, and uses to count.

use crate::{
    http::{App, body::Json, problem::Result, scope::Tenant},
    wire::{
        Page,
        licence::{FeatureUsage, UseFeature, UsedFeature},
    },
};

/// Handles `GET /api/tenant/features`: lists the features with their usage.
pub(in crate::http) async fn list(app: App, tenant: Tenant) -> Result<Json<Page<FeatureUsage>>> {
    Ok(Json(Page::all(app.platform().tenant(&tenant).feature_usage().await?)))
}

/// Handles `POST /api/tenant/features`: counts a use of a feature, or refuses it.
pub(in crate::http) async fn consume(
    app: App,
    tenant: Tenant,
    Json(form): Json<UseFeature>,
) -> Result<Json<UsedFeature>> {
    let amount = form.amount.unwrap_or(1);
    let own = app.platform().tenant(&tenant);
    Ok(Json(own.consume(&form.feature, amount, form.key.as_deref()).await?.into()))
}
