//! Staff handlers for the audit log, its export, and the verification of its chain (`audit-tampering`).

use crate::{
    http::{App, body::Json, disposition, problem::Result, query::QueryParams, scope::Staff},
    wire::{
        Limit, Page,
        audit::{AuditExportQuery, AuditFormat, AuditQuery, AuditReport, AuditRow},
    },
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, header};
use std::io;
use tenantry::{
    Platform,
    access::Actor,
    audit::{self, Row},
    name::TenantId,
    users,
};

/// Rows of an export that are read at a time.
const PIECE: u32 = 500;

/// `GET /api/admin/audit`: rows of the audit log, newest first.
pub(in crate::http) async fn list(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<AuditQuery>,
) -> Result<Json<Page<AuditRow>>> {
    let wanted = wanted(&app, &actor, query).await?;
    let rows = app.platform().audit().list(&wanted).await?;
    Ok(app.page(rows, wanted.limit, |row: &AuditRow| row.id))
}

/// Returns the rows that the address of a request asks for.
async fn wanted(app: &App, asker: &Actor, query: AuditQuery) -> Result<audit::Query> {
    Ok(audit::Query {
        tenant: query.tenant.map(|id| TenantId::from_raw(id.0)),
        actor: label(app, asker, query.actor).await?,
        action: query.action,
        since_us: query.since.map(|at| at.0),
        until_us: query.until.map(|at| at.0),
        before: query.before.map(|id| id.0),
        limit: query.limit.0,
    })
}

/// Returns the label of an actor that is named by its label or by the address of its account.
pub(in crate::http) async fn label(
    app: &App,
    asker: &Actor,
    actor: Option<String>,
) -> Result<Option<String>> {
    let Some(address) = actor.as_deref().filter(|text| text.contains('@')) else { return Ok(actor) };
    let filter = users::Filter { search: Some(address.to_owned()), limit: 1000, ..users::Filter::default() };
    let found = app.platform().users().list(asker, &filter).await?;
    let user = found.into_iter().find(|user| user.email.eq_ignore_ascii_case(address));
    // An address without an account has no rows.
    Ok(Some(user.map_or_else(|| address.to_owned(), |user| format!("user:{}", user.id))))
}

/// `GET /api/admin/audit/export`: all matching rows, newest first, streamed.
pub(in crate::http) async fn export(
    app: App,
    Staff(actor): Staff,
    QueryParams(query): QueryParams<AuditExportQuery>,
) -> Result<Response> {
    let AuditExportQuery { format, tenant, actor: by, action, since, until } = query;
    let rows = AuditQuery { tenant, actor: by, action, since, until, before: None, limit: Limit(PIECE) };
    let wanted = wanted(&app, &actor, rows).await?;
    let format = format.unwrap_or_default();
    let (name, media) = match format {
        AuditFormat::Csv => ("audit.csv", "text/csv; charset=utf-8"),
        AuditFormat::Ndjson => ("audit.ndjson", "application/x-ndjson"),
    };
    // The first piece decides whether the answer is a problem; a later fault can only cut the answer off.
    let (first, next) = piece(app.platform(), wanted, format).await?;
    let head = if matches!(format, AuditFormat::Csv) { Row::csv_head() } else { vec![] };
    let rest = stream::unfold((app, next), move |(app, next)| async move {
        let made = piece(app.platform(), next?, format).await;
        Some(match made {
            Ok((bytes, next)) => (Ok(bytes), (app, next)),
            Err(error) => (Err(io::Error::other(error.to_string())), (app, None)),
        })
    });
    let start = stream::iter([Ok::<_, io::Error>(Bytes::from(head)), Ok(first)]);
    let mut response = Response::new(Body::from_stream(start.chain(rest)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CONTENT_DISPOSITION, disposition::attachment(name));
    Ok(response)
}

/// Returns some rows as bytes, and the query of the rows after them.
async fn piece(
    platform: &Platform,
    query: audit::Query,
    format: AuditFormat,
) -> tenantry::Result<(Bytes, Option<audit::Query>)> {
    let rows = platform.audit().list(&query).await?;
    let last = rows.last().filter(|_| rows.len() == PIECE as usize).map(|row| row.id);
    let mut bytes = vec![];
    for row in rows {
        match format {
            AuditFormat::Csv => bytes.extend(row.csv()),
            AuditFormat::Ndjson => {
                // Serialising text and numbers cannot fail.
                serde_json::to_writer(&mut bytes, &AuditRow::from(row)).unwrap_or_default();
                bytes.push(b'\n');
            }
        }
    }
    Ok((bytes.into(), last.map(|last| audit::Query { before: Some(last), ..query })))
}

/// `GET /api/admin/audit/verify`.
pub(in crate::http) async fn verify(app: App, Staff(_): Staff) -> Result<Json<AuditReport>> {
    Ok(Json(app.platform().audit().verify().await?.into()))
}
