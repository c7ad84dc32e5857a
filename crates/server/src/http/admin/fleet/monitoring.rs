//! The staff handler that tells the last hour of the server that answers.

use crate::{
    http::{App, body::Json, problem::Result, scope::Staff, slow},
    wire::{
        Instant,
        monitoring::{IntervalSeen, Monitoring, SlowSeen, StoreSeen, TenantSeen},
    },
};
use tenantry::name::TenantId;

/// `GET /api/admin/monitoring`.
pub(in crate::http) async fn show(app: App, Staff(_): Staff) -> Result<Json<Monitoring>> {
    Ok(Json(last_hour(&app).await))
}

/// Returns the last hour of this server.
pub(crate) async fn last_hour(app: &App) -> Monitoring {
    let platform = app.platform();
    let (since_us, intervals) = app.history().read(app.metrics(), platform);
    let totals = app.metrics().totals();
    let servers: Vec<_> = platform.config().servers.iter().map(|server| server.name.to_string()).collect();
    let mut slow_requests = vec![];
    for one in app.slow().list() {
        let tenant = slug(app, one.tenant).await;
        slow_requests.push(SlowSeen::new(one, tenant));
    }
    let mut tenants = vec![];
    for (tenant, store, durations) in app.metrics().busiest() {
        tenants.push(TenantSeen::new(slug(app, tenant).await, store, &durations));
    }
    Monitoring {
        node: platform.nodes().own_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since: Instant(since_us),
        requests: totals.requests(),
        server_errors: totals.classes[4],
        intervals: intervals.iter().map(|interval| IntervalSeen::new(interval, &servers)).collect(),
        stores: app.metrics().stores().into_iter().map(StoreSeen::new).collect(),
        tenants,
        slow_ms: u64::try_from(slow::SLOW.as_millis()).unwrap_or(u64::MAX),
        slow_requests,
    }
}

/// Returns the slug of a tenant that a request entered. `None` for no tenant, and for one that is gone.
pub(in crate::http) async fn slug(app: &App, tenant: i64) -> Option<String> {
    if tenant == 0 {
        return None;
    }
    let found = app.platform().access().directory().tenant(TenantId::from_raw(tenant)).await;
    found.ok().map(|found| found.slug.to_string())
}
