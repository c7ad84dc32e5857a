//! T1 with a full cast: fifty tenants with a canary in every row, every route with every kind of credential in every
//! relation to a tenant, then random combinations with mistakes in them, over real connections.
//!
//! One rule judges all answers: only a tenant's own members see its canary, only while the tenant is active, and only
//! if nothing in the request names another tenant.

mod cast;
mod shot;
mod wire;

use super::access;
use cast::{Cast, Company, Relation};
use http::Method;
use shot::{Credential, Naming, Shot};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tenantry_server::http::Access;
use tenantry_testkit::{Random, dose, tried};
use wire::Wire;

/// Number of concurrent connections.
const CLIENTS: u64 = 4;
/// Returns true if a request could change the cast: its members or their states. Such requests are sent only if they
/// must be refused.
fn spoils(cast: &Cast, shot: &Shot) -> bool {
    let (route, path) = (shot.route, shot.path_of_route());
    if route.method.is_safe() {
        return false;
    }
    let harmless = path.starts_with("/api/records/") && route.method != Method::DELETE;
    match route.access {
        Access::Public => true,
        Access::User => true,
        Access::Staff | Access::Superuser => shot.has_staff(),
        Access::Member | Access::Manager => !harmless && shot.is_let_in(cast) && !shot.is_foreign(),
    }
}

async fn judge(cast: &Cast, wire: &mut Wire, shot: &Shot) -> Option<(u16, String)> {
    let (status, body) = wire.send(shot).await?;
    assert!(status < 500, "{status} for {shot:?}: {body}");
    for found in body.match_indices(cast::CANARY).map(|(at, _)| &body[at..]) {
        let whose = cast.companies.iter().position(|company| found.starts_with(&company.canary()));
        assert!(
            whose.is_some_and(|at| shot.may_show(cast, at)),
            "{shot:?} shows {}",
            &found[..found.len().min(40)]
        );
    }
    Some((status, body))
}

/// Sends every route × kind of credential × relation; refusals must have the one form (`absent-not-forbidden`).
async fn systematic(cast: &Cast, wire: &mut Wire) -> u64 {
    let (mut sent, mut wrong) = (0, Vec::new());
    for (route, path) in access::every_path() {
        for (credential, relation) in Credential::ALL.into_iter().flat_map(|c| Relation::ALL.map(|r| (c, r)))
        {
            for naming in Naming::of(relation) {
                let shot = Shot::plain((route, path), cast, credential, relation, *naming);
                if spoils(cast, &shot) {
                    continue;
                }
                let Some((status, body)) = judge(cast, wire, &shot).await else { continue };
                wrong.extend(refused_rightly(credential, relation, status, &shot, &body));
                sent += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    sent
}

/// Returns the fault of the answer, if it has one.
fn refused_rightly(
    credential: Credential,
    relation: Relation,
    status: u16,
    shot: &Shot,
    body: &str,
) -> Option<String> {
    let expected: &[u16] = match (shot.route.access, credential, relation) {
        (Access::Public, ..) => return None,
        // No page is served below a tenant's name. `/t/SLUG/` looks like a record of a model `t`, which requires a
        // sign-in.
        _ if shot.route.is_page && shot.path.starts_with("/t/") => &[401, 404],
        // Only a tenant's own routes are also served below its name.
        (Access::User | Access::Staff | Access::Superuser, ..) if shot.path.starts_with("/t/") => &[404],
        (_, Credential::None | Credential::Forged, _) => &[401],
        (Access::Staff | Access::Superuser, Credential::Staff, _) => return None,
        // Credentials of a deleted tenant are no longer valid.
        (Access::Staff | Access::Superuser, _, Relation::Gone) if credential.is_own() => &[401, 404],
        (Access::Staff | Access::Superuser, ..) => &[404],
        (Access::Member | Access::Manager, _, Relation::Foreign) => &[404],
        // Staff are members of no tenant.
        (Access::Member | Access::Manager, Credential::Staff, _) => return None,
        (Access::Member | Access::Manager, ..) if credential.is_own() => {
            return own_door(credential, relation, status, shot, body);
        }
        _ => return None,
    };
    (!expected.contains(&status)).then(|| format!("{status}, not {expected:?}, for {shot:?}: {body}"))
}

/// Routes that work without entering: members of a cancelled or lapsed tenant see its state.
const STATE: [&str; 4] = ["/api/tenant", "/api/tenant/licence", "/api/tenant/cancel", "/settings/close/"];

/// Checks that every kind of credential meets the same gate of its own tenant, on every route (`uneven-credentials`).
fn own_door(
    credential: Credential,
    relation: Relation,
    status: u16,
    shot: &Shot,
    body: &str,
) -> Option<String> {
    let route = shot.path_of_route();
    let expected: &[u16] = match relation {
        // Sessions and keys are gone with the tenant; a token of another issuer still identifies the user.
        Relation::Gone => &[401, 404],
        _ if STATE.contains(&route) => return None,
        Relation::Suspended | Relation::Cancelled => &[403],
        Relation::Lapsed => &[402],
        // No key manages a tenant, whatever its role.
        Relation::Own if credential.is_key() && shot.route.access == Access::Manager => &[403],
        // No file was uploaded there.
        Relation::Own if route.contains("/files/") => &[404],
        // Patients have no workflow.
        Relation::Own if route.ends_with("/transitions") || route.ends_with("/trail") => &[404],
        // No shared clinic exists.
        Relation::Own if route.contains("/override") && shot.route.method.is_safe() => &[404],
        // No backup is staged.
        Relation::Own
            if shot.route.path.starts_with("/api/tenant/restore") && shot.route.method.is_safe() =>
        {
            &[409]
        }
        // Pages redirect to the page on which a backup can be staged.
        Relation::Own if route.starts_with("/settings/compare/") && shot.route.method.is_safe() => &[303],
        Relation::Own if shot.route.method.is_safe() => &[200],
        _ => return None,
    };
    let said =
        expected.contains(&status) && (relation != Relation::Suspended || body.contains("tenant_suspended"));
    (!said).then(|| format!("{status}, not {expected:?}, for {shot:?} {relation:?}: {body}"))
}

async fn at_random(
    cast: Arc<Cast>,
    address: std::net::SocketAddr,
    seed: u64,
    stream: u64,
    shots: u64,
) -> u64 {
    let (mut random, mut wire) = (Random::new(seed, stream), Wire::new(address));
    let paths = access::every_path();
    let mut own = 0;
    let mut sent = 0;
    while sent < shots {
        let shot = Shot::roll(&mut random, &cast, &paths);
        if spoils(&cast, &shot) || shot.is_unclear() {
            continue;
        }
        let Some((status, _)) = judge(&cast, &mut wire, &shot).await else { continue };
        own += u64::from(shot.shows_somebody(&cast) && status < 300);
        sent += 1;
    }
    assert!(own > shots / 100, "hardly anything was let in: the attack attacks nothing ({own} of {shots})");
    sent
}

/// Asserts that no member has left a trace in another tenant's rows.
async fn untouched(cast: &Cast) {
    for company in cast.companies.iter().filter(|company| !cast.is_purged(company)) {
        let rows = cast.rows(company).await;
        for name in &rows {
            let own = *name == company.canary() || *name == company.mark();
            assert!(own, "{} has a row {name}", company.slug);
        }
        assert!(rows.contains(&company.canary()), "{}: {rows:?}", company.slug);
    }
}

async fn attack(isolation: &str, shots: u64, seed: u64) -> u64 {
    let cast = Arc::new(Cast::new(isolation).await);
    let (address, stop, running) = wire::serve(&cast).await;
    let sent = Arc::new(AtomicU64::new(systematic(&cast, &mut Wire::new(address)).await));
    // However many routes there are, some hundred requests are sent at random.
    let rest = (shots.saturating_sub(sent.load(Relaxed)) / CLIENTS).max(500);
    let clients = (1..=CLIENTS).map(|stream| {
        let (cast, sent) = (cast.clone(), sent.clone());
        tokio::spawn(
            async move { sent.fetch_add(at_random(cast, address, seed, stream, rest).await, Relaxed) },
        )
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    untouched(&cast).await;
    drop(stop);
    running.await.unwrap();
    sent.load(Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_sees_or_changes_another_companys_rows() {
    for (isolation, seed) in [("database", 1), ("pooled", 2)] {
        let sent = attack(isolation, dose(10_000, 1_000_000), seed).await;
        tried(&format!("T1 over HTTP, {isolation}"), sent, "requests");
    }
}

impl Cast {
    /// Returns a tenant in that relation to the caller.
    pub(crate) fn some(&self, relation: Relation) -> &Company {
        match relation {
            Relation::Own | Relation::Foreign => &self.companies[0],
            other => self.companies.iter().find(|c| c.relation == other).expect("one of each kind"),
        }
    }
}
