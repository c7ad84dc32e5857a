//! T1: every route × every kind of credential. A route without a case fails (`id-without-tenant`, `unscoped-route`,
//! `uneven-credentials`, `default-tenant`, `sources-disagree` and `late-revocation`; `absent-not-forbidden`).

use super::{
    app::{Answer, Client, PASSWORD, TestApp},
    limits::limited,
    records::patient,
};
use axum::body::Body;
use http::Method;
use serde_json::json;
use std::collections::BTreeSet;
use tenantry_server::http::{Access, ROUTES, Route};

/// A path for every route, with a record, user or key that exists in tenant `acme`. One line per route.
const CASES: &[(&str, &str, &str)] = &[
    ("GET", "/", "/"),
    ("GET", "/assets/{version}/{name}", "/assets/0/app.css"),
    ("GET", "/login/", "/login/"),
    ("POST", "/login/", "/login/"),
    ("POST", "/logout/", "/logout/"),
    ("GET", "/companies/", "/companies/"),
    ("POST", "/companies/", "/companies/"),
    ("GET", "/account/", "/account/"),
    ("POST", "/account/", "/account/"),
    ("POST", "/account/password/", "/account/password/"),
    ("POST", "/account/sessions/", "/account/sessions/"),
    ("POST", "/account/theme/", "/account/theme/"),
    ("POST", "/account/locale/", "/account/locale/"),
    ("POST", "/language/", "/language/"),
    ("GET", "/password/forgot/", "/password/forgot/"),
    ("POST", "/password/forgot/", "/password/forgot/"),
    ("GET", "/account/reset/", "/account/reset/"),
    ("POST", "/account/reset/", "/account/reset/"),
    ("GET", "/account/verify/", "/account/verify/"),
    ("POST", "/account/verify/", "/account/verify/"),
    ("GET", "/account/invitation/", "/account/invitation/"),
    ("POST", "/account/invitation/", "/account/invitation/"),
    ("GET", "/subscription/register/", "/subscription/register/"),
    ("GET", "/api/admin/overview", "/api/admin/overview"),
    ("POST", "/api/admin/tenants/{slug}/migrate", "/api/admin/tenants/acme/migrate"),
    ("GET", "/healthz", "/healthz"),
    ("GET", "/readyz", "/readyz"),
    ("GET", "/metrics", "/metrics"),
    ("GET", "/api/openapi.json", "/api/openapi.json"),
    ("GET", "/api/docs", "/api/docs"),
    ("GET", "/api/docs/app.js", "/api/docs/app.js"),
    ("POST", "/api/auth/login", "/api/auth/login"),
    ("POST", "/api/auth/logout", "/api/auth/logout"),
    ("GET", "/api/auth/sessions", "/api/auth/sessions"),
    ("DELETE", "/api/auth/sessions/{id}", "/api/auth/sessions/999999"),
    ("POST", "/api/auth/switch", "/api/auth/switch"),
    ("POST", "/api/auth/password", "/api/auth/password"),
    ("POST", "/api/auth/verify", "/api/auth/verify"),
    ("POST", "/api/auth/verify/confirm", "/api/auth/verify/confirm"),
    ("POST", "/api/auth/password/forgot", "/api/auth/password/forgot"),
    ("POST", "/api/auth/password/reset", "/api/auth/password/reset"),
    ("POST", "/api/invitations/show", "/api/invitations/show"),
    ("POST", "/api/invitations/accept", "/api/invitations/accept"),
    ("POST", "/api/invitations/refuse", "/api/invitations/refuse"),
    ("DELETE", "/api/me/memberships/{tenant}", "/api/me/memberships/acme"),
    ("GET", "/api/me", "/api/me"),
    ("PATCH", "/api/me", "/api/me"),
    ("POST", "/api/register", "/api/register"),
    ("POST", "/subscription/register/", "/subscription/register/"),
    ("GET", "/api/outcomes/{id}", "/api/outcomes/x"),
    ("GET", "/api/plans", "/api/plans"),
    ("GET", "/api/licences/revoked", "/api/licences/revoked"),
    ("GET", "/api/admin/tenants", "/api/admin/tenants"),
    ("POST", "/api/admin/tenants", "/api/admin/tenants"),
    ("POST", "/api/admin/tenants/{slug}/databases", "/api/admin/tenants/acme/databases"),
    ("GET", "/api/admin/tenants/{slug}/backups", "/api/admin/tenants/acme/backups"),
    ("POST", "/api/admin/tenants/{slug}/backups", "/api/admin/tenants/acme/backups"),
    ("GET", "/api/admin/tenants/{slug}/restore", "/api/admin/tenants/acme/restore"),
    ("POST", "/api/admin/tenants/{slug}/restore", "/api/admin/tenants/acme/restore"),
    ("DELETE", "/api/admin/tenants/{slug}/restore", "/api/admin/tenants/acme/restore"),
    ("POST", "/api/admin/tenants/{slug}/restore/swap", "/api/admin/tenants/acme/restore/swap"),
    ("POST", "/api/admin/tenants/{slug}/restore/undo", "/api/admin/tenants/acme/restore/undo"),
    ("GET", "/api/admin/backups", "/api/admin/backups"),
    ("POST", "/api/admin/backups", "/api/admin/backups"),
    ("GET", "/api/admin/backups/status", "/api/admin/backups/status"),
    ("GET", "/api/admin/backups/runs", "/api/admin/backups/runs"),
    ("GET", "/api/admin/backups/drill", "/api/admin/backups/drill"),
    ("POST", "/api/admin/backups/drill", "/api/admin/backups/drill"),
    ("POST", "/api/admin/backups/prune", "/api/admin/backups/prune"),
    ("POST", "/api/admin/backups/rescan", "/api/admin/backups/rescan"),
    ("GET", "/api/admin/backups/{id}", "/api/admin/backups/20260101-000000-0123456789"),
    ("POST", "/api/admin/backups/{id}/verify", "/api/admin/backups/20260101-000000-0123456789/verify"),
    (
        "POST",
        "/api/admin/backups/{id}/restore-as",
        "/api/admin/backups/20260101-000000-0123456789/restore-as",
    ),
    ("GET", "/api/admin/operations", "/api/admin/operations"),
    ("GET", "/api/admin/orphans", "/api/admin/orphans"),
    ("GET", "/api/admin/nodes", "/api/admin/nodes"),
    ("GET", "/api/admin/operations/{id}", "/api/admin/operations/1"),
    ("GET", "/api/admin/operations/{id}/events", "/api/admin/operations/1/events"),
    ("POST", "/api/admin/operations/{id}/cancel", "/api/admin/operations/1/cancel"),
    ("POST", "/api/admin/operations/{id}/abandon", "/api/admin/operations/1/abandon"),
    ("POST", "/api/admin/operations/{id}/retry", "/api/admin/operations/1/retry"),
    ("GET", "/api/admin/tenants/{slug}", "/api/admin/tenants/acme"),
    ("POST", "/api/admin/tenants/{slug}/attach", "/api/admin/tenants/acme/attach"),
    ("POST", "/api/admin/tenants/{slug}/suspend", "/api/admin/tenants/acme/suspend"),
    ("POST", "/api/admin/tenants/{slug}/resume", "/api/admin/tenants/acme/resume"),
    ("POST", "/api/admin/tenants/{slug}/move", "/api/admin/tenants/acme/move"),
    ("POST", "/api/admin/tenants/{slug}/promote", "/api/admin/tenants/acme/promote"),
    ("POST", "/api/admin/tenants/{slug}/demote", "/api/admin/tenants/acme/demote"),
    ("POST", "/api/admin/tenants/{slug}/move/check", "/api/admin/tenants/acme/move/check"),
    ("POST", "/api/admin/tenants/{slug}/promote/check", "/api/admin/tenants/acme/promote/check"),
    ("POST", "/api/admin/tenants/{slug}/demote/check", "/api/admin/tenants/acme/demote/check"),
    ("POST", "/api/admin/tenants/{slug}/release", "/api/admin/tenants/acme/release"),
    ("POST", "/api/admin/tenants/{slug}/maintenance", "/api/admin/tenants/acme/maintenance"),
    ("GET", "/api/admin/tenants/{slug}/settings", "/api/admin/tenants/acme/settings"),
    ("PATCH", "/api/admin/tenants/{slug}/settings", "/api/admin/tenants/acme/settings"),
    ("POST", "/api/admin/tenants/{slug}/rename", "/api/admin/tenants/acme/rename"),
    ("POST", "/api/admin/tenants/{slug}/cancel", "/api/admin/tenants/acme/cancel"),
    ("GET", "/api/admin/tenants/{slug}/survey", "/api/admin/tenants/acme/survey"),
    ("POST", "/api/admin/tenants/{slug}/purge", "/api/admin/tenants/acme/purge"),
    ("GET", "/api/admin/tenants/{slug}/certificate", "/api/admin/tenants/acme/certificate"),
    ("POST", "/api/admin/tenants/{slug}/clone", "/api/admin/tenants/acme/clone"),
    ("POST", "/api/admin/import", "/api/admin/import"),
    ("DELETE", "/api/admin/tenants/{slug}/cancel", "/api/admin/tenants/acme/cancel"),
    ("POST", "/api/admin/tenants/{slug}/plan", "/api/admin/tenants/acme/plan"),
    ("GET", "/api/admin/tenants/{slug}/users", "/api/admin/tenants/acme/users"),
    ("GET", "/api/admin/users", "/api/admin/users"),
    ("POST", "/api/admin/users", "/api/admin/users"),
    ("PATCH", "/api/admin/users/{id}", "/api/admin/users/999999"),
    ("DELETE", "/api/admin/users/{id}/sessions", "/api/admin/users/999999/sessions"),
    ("PUT", "/api/admin/users/{id}/password", "/api/admin/users/999999/password"),
    ("POST", "/api/admin/users/{id}/unlock", "/api/admin/users/999999/unlock"),
    ("GET", "/api/admin/mail", "/api/admin/mail"),
    ("GET", "/api/admin/audit", "/api/admin/audit"),
    ("GET", "/api/admin/audit/verify", "/api/admin/audit/verify"),
    ("POST", "/api/admin/impersonate", "/api/admin/impersonate"),
    ("DELETE", "/api/admin/impersonate", "/api/admin/impersonate"),
];

const CANARY: &str = "canary-of-acme";

fn cases() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    let others = [
        super::access_members::CASES,
        super::access_operators::CASES,
        super::access_staff::CASES,
        super::custom_fields::CASES,
        super::take_back::CASES,
        super::views::CASES,
    ];
    CASES.iter().chain(others.into_iter().flatten())
}

async fn send(client: &Client, route: &Route, path: &str) -> Answer {
    client.send(route.method.clone(), path, None, Body::empty()).await
}

fn path_of(route: &Route) -> &'static str {
    let case = cases().find(|c| c.0 == route.method.as_str() && c.1 == route.path);
    case.unwrap_or_else(|| panic!("{} {} has no case: add one to CASES", route.method, route.path)).2
}

pub(crate) fn every_path() -> Vec<(&'static Route, &'static str)> {
    ROUTES.iter().map(|route| (route, path_of(route))).collect()
}

#[test]
fn every_route_has_a_case_and_every_case_a_route_unscoped_route() {
    let routes: BTreeSet<_> = ROUTES.iter().map(|r| (r.method.as_str(), r.path)).collect();
    let cases_of: BTreeSet<_> = cases().map(|c| (c.0, c.1)).collect();
    assert_eq!(routes, cases_of);
    assert_eq!(cases().count(), ROUTES.len(), "no case twice");
}

#[tokio::test]
async fn without_a_good_credential_every_closed_route_is_401_absent_not_forbidden() {
    let (app, anon, _) = TestApp::new().await;
    let forged = [
        anon.clone(),
        anon.with_token("tns_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        anon.with_token("tnk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        anon.with_token("eyJhbGciOiJub25lIn0.e30."),
        anon.with("x-api-key", "tnk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        anon.with("cookie", "tenantry_session=tns_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        anon.with("authorization", "Basic YWRtaW46YWRtaW4="),
        anon.with("x-tenant", "acme"),
    ];
    for route in ROUTES.iter().filter(|r| r.access != Access::Public) {
        for (kind, client) in forged.iter().enumerate() {
            let answer = send(client, route, path_of(route)).await;
            assert_eq!(answer.status, 401, "{} {} kind {kind}: {}", route.method, route.path, answer.text());
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        // Pages are not served under `/t/`.
        if route.access.is_in_tenant() && !route.is_page {
            let answer = send(&anon, route, &format!("/t/acme{}", path_of(route))).await;
            assert_eq!(answer.status, 401, "/t/acme{}", route.path);
        }
    }
    drop(app);
}

#[tokio::test]
async fn another_companys_member_sees_nothing_of_acme_id_without_tenant() {
    let (app, _, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    acme.post("/api/records/patients", &patient(CANARY)).await.expect(201);
    let key = rival.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201);
    let key = app.anon().with("x-api-key", key.json()["key"].as_str().unwrap());
    for route in ROUTES.iter().filter(|r| r.access.is_in_tenant()) {
        let path = path_of(route);
        for rival in [&rival, &key] {
            // The session belongs to another tenant than the name acme, so they disagree and the answer is 404
            // (`sources-disagree`).
            for answer in [
                send(rival, route, &format!("/t/acme{path}")).await,
                send(&rival.with("x-tenant", "acme"), route, path).await,
                send(&rival.with("host", "acme.localhost"), route, path).await,
            ] {
                assert_eq!(answer.status, 404, "{} {path}: {}", route.method, answer.text());
                assert!(!answer.text().contains(CANARY), "{path}");
            }
            let own = send(rival, route, path).await;
            assert!(!own.text().contains(CANARY), "{path}: {}", own.text());
        }
    }
    let kept = acme.get("/api/records/patients/1").await.expect(200);
    assert!(kept.text().contains(CANARY), "nothing of the above may have changed it");
}

#[tokio::test]
async fn the_platforms_routes_are_absent_for_members_and_keys_absent_not_forbidden() {
    let (app, anon, acme) = TestApp::new().await;
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201);
    let key = anon.with("x-api-key", key.json()["key"].as_str().unwrap());
    for route in ROUTES.iter().filter(|r| r.access.is_of_staff()) {
        for client in [&acme, &key] {
            let answer = send(client, route, path_of(route)).await;
            assert_eq!(answer.status, 404, "{} {}: {}", route.method, route.path, answer.text());
        }
    }
    let staff = app.staff().await;
    staff.get("/api/admin/tenants").await.expect(200);
    // Staff see no tenant's rows without impersonation, which is audited.
    staff.with("x-tenant", "acme").get("/api/records/patients").await.expect(404);
    staff.get("/api/records/patients").await.expect(404);
}

#[tokio::test]
async fn each_route_refuses_the_roles_below_its_level() {
    // The plan has no rate limit, because the roles send some hundred requests.
    let app = limited("database", "users = 100").await;
    let acme = app.register("acme").await;
    let superuser = app.staff().await;
    let account = json!({"email": "clerk@platform.example", "password": PASSWORD});
    let clerk = superuser.post("/api/admin/users", &account).await.expect(201).json()["id"].clone();
    let rights = json!({"staff": true});
    superuser.patch(&format!("/api/admin/users/{clerk}"), &rights).await.expect(200);
    let clerk = app.login("clerk@platform.example").await;
    let roles = app.platform().config().auth.roles.clone();
    let mut members = Vec::new();
    for role in roles.iter().skip(1) {
        members.push(app.member(&acme, &format!("{role}@acme.example"), role.as_str()).await);
    }
    assert!(!members.is_empty());
    // The permissions of models decide about records and own fields.
    for route in ROUTES.iter().filter(|route| !["Records", "Own fields"].contains(&route.tag)) {
        let refused = async |client: &Client| send(client, route, path_of(route)).await.status == 403;
        if route.access.is_in_tenant() {
            for member in &members {
                assert_eq!(refused(member).await, route.access == Access::Manager, "{}", route.path);
            }
        }
        if route.access.is_of_staff() {
            assert_eq!(refused(&clerk).await, route.access == Access::Superuser, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn a_public_route_needs_nothing() {
    let (_app, anon, _) = TestApp::new().await;
    for route in ROUTES.iter().filter(|r| r.access == Access::Public && r.method == Method::GET) {
        let answer = send(&anon, route, path_of(route)).await;
        assert_eq!(answer.status, 200, "{}: {}", route.path, answer.text());
    }
}

#[tokio::test]
async fn every_credential_kind_opens_the_same_door_and_closes_at_once_uneven_credentials_late_revocation() {
    let (app, anon, acme) = TestApp::new().await;
    let made = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = anon.with("x-api-key", made["key"].as_str().unwrap());
    let cookie = anon.with("cookie", &format!("tenantry_session={}", acme.token()));
    for client in [&acme, &key, &cookie] {
        client.get("/api/records/patients").await.expect(200);
        client.get("/t/acme/api/records/patients").await.expect(200);
        client.with("x-tenant", "acme").get("/api/records/patients").await.expect(200);
    }
    acme.delete(&format!("/api/tenant/keys/{}", made["id"])).await.expect(204);
    key.get("/api/records/patients").await.expect(401);
    acme.post("/api/auth/logout", &json!({})).await.expect(204);
    for client in [&acme, &cookie] {
        client.get("/api/records/patients").await.expect(401);
    }
    drop(app);
}

#[tokio::test]
async fn a_browser_on_another_site_cannot_write_cross_site_request() {
    let (_app, anon, acme) = TestApp::new().await;
    let cookie =
        anon.with("cookie", &format!("tenantry_session={}", acme.token())).with("host", "localhost:8000");
    let patient = patient("x");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = cookie.with(name, value).post("/api/records/patients", &patient).await.expect(403);
        assert_eq!(answer.code(), "cross_site");
    }
    cookie.with("sec-fetch-site", "same-origin").post("/api/records/patients", &patient).await.expect(201);
    cookie.with("origin", "http://localhost:8000").post("/api/records/patients", &patient).await.expect(201);
}
