//! Staff handlers for licences, and the public list of revoked keys.

use crate::{
    http::{
        App,
        body::Json,
        problem::{Problem, Result},
        query::QueryParams,
        scope::{Named, Staff, StaffOn},
    },
    wire::{
        Page,
        licence::{
            FeatureUsage, LicenceKey, LicenceStatus, LicencesQuery, ListedLicence, NewLicence, OwnLicence,
            RenewLicence, RevokedKeys,
        },
    },
};
use tenantry::{
    licences::{LicenceFilter, LicenceStatus as Status},
    name::TenantId,
};

/// `GET /api/admin/licences`: licences in the order of tenants.
pub(in crate::http) async fn list(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<LicencesQuery>,
) -> Result<Json<Page<ListedLicence>>> {
    let filter = LicenceFilter {
        status: query.status.as_deref().map(Status::parse).transpose()?,
        license_type: query.license_type,
        after: query.after.map(|id| TenantId::from_raw(id.0)),
        limit: query.limit.0,
    };
    let listed = app.platform().licences().list(&actor, &filter).await?;
    let clock = app.platform().clock();
    let listed = listed.into_iter().map(|licence| (licence, clock));
    Ok(app.page(listed, filter.limit, |licence: &ListedLicence| licence.tenant))
}

/// `GET /api/admin/tenants/{slug}/licence`.
pub(in crate::http) async fn show(on: StaffOn) -> Result<Json<LicenceKey>> {
    let licence = on.platform().licences().show(&on.actor, &on.slug).await?;
    Ok(Json((licence, on.platform().clock()).into()))
}

/// `PUT /api/admin/tenants/{slug}/licence`: issues a licence.
pub(in crate::http) async fn issue(on: StaffOn, Json(form): Json<NewLicence>) -> Result<Json<LicenceKey>> {
    let licence = on.platform().licences().issue(&on.actor, &on.slug, form.terms()?).await?;
    Ok(Json((licence, on.platform().clock()).into()))
}

/// `PATCH /api/admin/tenants/{slug}/licence`: suspends, resumes or revokes a licence.
pub(in crate::http) async fn set_status(
    on: StaffOn,
    Json(form): Json<LicenceStatus>,
) -> Result<Json<LicenceKey>> {
    let status = Status::parse(&form.status)?;
    let licence = on.platform().licences().set_status(&on.actor, &on.slug, status).await?;
    Ok(Json((licence, on.platform().clock()).into()))
}

/// `POST /api/admin/tenants/{slug}/licence/renew`.
pub(in crate::http) async fn renew(on: StaffOn, Json(form): Json<RenewLicence>) -> Result<Json<LicenceKey>> {
    let expires_at_us = form.expires_at.map(|at| at.0);
    let licence = on.platform().licences().renew(&on.actor, &on.slug, expires_at_us).await?;
    Ok(Json((licence, on.platform().clock()).into()))
}

/// `GET /api/admin/tenants/{slug}/features`: what a tenant has used of its features.
pub(in crate::http) async fn usage(on: StaffOn) -> Result<Json<Page<FeatureUsage>>> {
    Ok(Json(Page::all(on.platform().licences().usage(&on.actor, &on.slug).await?)))
}

/// `GET /api/tenant/licence`: the licence of the caller's tenant, also when the tenant is suspended or expired.
pub(in crate::http) async fn own(app: App, named: Named) -> Result<Json<OwnLicence>> {
    let id = named.tenant.ok_or_else(Problem::absent)?;
    let (record, _) = app.platform().access().belongs(&named.actor, id).await?;
    Ok(Json(record.licence().cloned().map(|licence| (licence, app.platform().clock())).into()))
}

/// `GET /api/licences/revoked`: the signed list of revoked keys.
pub(in crate::http) async fn revoked(app: App) -> Result<Json<RevokedKeys>> {
    Ok(Json(app.platform().licences().revoked().await?.into()))
}
