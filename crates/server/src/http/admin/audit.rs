//! Staff handlers for the audit log and the verification of its chain (`audit-tampering`).

use crate::{
    http::{App, body::Json, problem::Result, query::QueryParams, scope::Staff},
    wire::{
        Page,
        audit::{AuditQuery, AuditReport, AuditRow},
    },
};
use tenantry::{audit, name::TenantId};

/// `GET /api/admin/audit`: rows of the audit log, newest first.
pub(in crate::http) async fn list(
    app: App,
    Staff(_): Staff,
    QueryParams(query): QueryParams<AuditQuery>,
) -> Result<Json<Page<AuditRow>>> {
    let wanted = audit::Query {
        tenant: query.tenant.map(|id| TenantId::from_raw(id.0)),
        before: query.before.map(|id| id.0),
        limit: query.limit.0,
    };
    let rows = app.platform().audit().list(&wanted).await?;
    Ok(app.page(rows, wanted.limit, |row: &AuditRow| row.id))
}

/// `GET /api/admin/audit/verify`.
pub(in crate::http) async fn verify(app: App, Staff(_): Staff) -> Result<Json<AuditReport>> {
    Ok(Json(app.platform().audit().verify().await?.into()))
}
