//! Records refused acts of administration by known callers in the audit log.
//!
//! Called by the guard with the problem. The route table says which routes are administration; the platform bounds the
//! number of rows per caller. Refusals about records are not administration, and anonymous callers have no identity to
//! record.

use super::{
    App,
    guard::Noted,
    problem::{Code, Problem},
    routes::{Access, ROUTES},
};
use tenantry::{access::Actor, name::TenantId};

/// Records the refusal if the route is administration. A failed write to the log does not change the answer.
pub(super) async fn record(app: &App, actor: &Actor, noted: Noted, problem: &Problem) {
    let Some(route) = ROUTES.get(noted.route) else { return };
    let denied = problem.code() == Code::Denied && route.tag != "Records";
    // For callers who are not staff, staff routes are absent.
    let hidden = route.access == Access::Platform && !actor.is_staff() && problem.status().is_client_error();
    if !(denied || hidden) {
        return;
    }
    let tenant = (noted.tenant != 0).then(|| TenantId::from_raw(noted.tenant));
    let act = format!("{} {}", route.method, route.path);
    if let Err(error) = app.platform().access().record_denial(actor, tenant, &act).await {
        tracing::warn!(%error, act, "a denied act could not be written to the audit log");
    }
}
