//! Records refused administrative actions in the audit log.
//!
//! The guard calls it with the problem. The route table determines which routes are administrative. The platform limits
//! the number of rows per caller, and counts the other refusals. Refusals about records are not administrative, except
//! exports.

use crate::http::{
    App,
    guard::Noted,
    problem::{Code, Problem},
    routes::{Access, ROUTES, Route},
};
use http::Method;
use tenantry::{access::Actor, audit::By, name::TenantId};

/// Records the refusal if it belongs in the log. A failed write to the log does not change the answer.
pub(in crate::http) async fn record(app: &App, actor: Option<&Actor>, noted: Noted, problem: &Problem) {
    let Some((by, act)) = denied(actor, noted, problem) else { return };
    let tenant = (noted.tenant != 0).then(|| TenantId::from_raw(noted.tenant));
    if let Err(error) = app.platform().access().record_denial(&by, tenant, &act).await {
        tracing::warn!(%error, act, "a denied act could not be written to the audit log");
    }
}

/// Returns the caller and the action, or `None` if the refusal does not belong in the log.
fn denied(actor: Option<&Actor>, noted: Noted, problem: &Problem) -> Option<(By, String)> {
    // The request was refused before it reached a route and before a credential was read.
    if problem.code() == Code::CrossSite {
        return Some((By::actor("browser"), "a request from another site".to_owned()));
    }
    let route = ROUTES.get(noted.route)?;
    let by = match actor {
        Some(actor) if is_denied(route, actor, problem) => actor.by(),
        // For callers without a credential, only links from letters are looked up.
        None if route.access == Access::Public && changes(route) && problem.code() == Code::NotFound => {
            By::actor("link")
        }
        _ => return None,
    };
    Some((by, format!("{} {}", route.method, route.path)))
}

/// Returns true if the refusal concerns an administrative action.
fn is_denied(route: &Route, actor: &Actor, problem: &Problem) -> bool {
    let records = route.tag == "Records";
    if problem.code() == Code::Denied && (!records || route.path.ends_with("/export")) {
        return true;
    }
    // Staff routes are absent for every caller outside the staff, whatever the request.
    if route.access.is_of_staff()
        && problem.status().is_client_error()
        && (changes(route) || !actor.is_staff())
    {
        return true;
    }
    // The request names something that does not exist for the caller: another tenant, its user, its session, its store.
    !records && changes(route) && problem.code() == Code::NotFound
}

fn changes(route: &Route) -> bool {
    route.method != Method::GET
}
