//! Acts of administration that were refused to a caller who is known: they leave a row in the audit log.
//!
//! Called by the guard with a problem in hand. What counts as administration is read off the route table; the platform
//! bounds how many rows one caller leaves. Refusals about records are no administration, and strangers have no name.

use super::{
    App,
    guard::Noted,
    problem::{Code, Problem},
    routes::{Access, ROUTES},
};
use tenantry::{access::Actor, name::TenantId};

/// Writes the refusal down, if it is one. A log that cannot be written does not change the answer.
pub(super) async fn record(app: &App, actor: &Actor, noted: Noted, problem: &Problem) {
    let Some(route) = ROUTES.get(noted.route) else { return };
    let denied = problem.code() == Code::Denied && route.tag != "Records";
    // To all but staff the pages of staff are absent.
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
