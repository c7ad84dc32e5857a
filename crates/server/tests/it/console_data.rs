//! A platform for the tests of pages: two companies, people with each role, and markup in every text.

use super::app::TestApp;
use serde_json::json;
use tenantry_server::http::Options;

/// Breaks out of an attribute and of an element, if anything does.
pub(crate) const CANARY: &str = "\"><img src=x onerror=alert(1)>";

/// Creates the platform. Returns the addresses of an owner, a viewer, an owner of two companies, and a superuser.
pub(crate) async fn filled() -> (TestApp, [&'static str; 4]) {
    let app = TestApp::with(Options::default()).await;
    let acme = app.register("acme").await;
    let rival = app.register("rival").await;
    app.member(&acme, "viewer@acme.example", "viewer").await;
    app.joins(&acme, &rival, "owner@rival.example", "admin").await;
    acme.patch("/api/tenant", &json!({"name": format!("Acme {CANARY}")})).await.expect(200);
    for client in [&acme, &rival] {
        client.patch("/api/me", &json!({"name": format!("Ann {CANARY}")})).await.expect(200);
    }
    app.staff().await;
    (app, ["owner@acme.example", "viewer@acme.example", "owner@rival.example", "staff@platform.example"])
}
