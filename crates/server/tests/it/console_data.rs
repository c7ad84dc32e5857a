//! A platform for the tests of pages: two companies, users with each role, and markup in every text.

use super::app::{Client, TestApp};
use serde_json::{Value, json};
use tenantry::config::DEFAULT_TOML;
use tenantry_server::http::Options;

/// Text that would break out of an attribute and of an element.
pub(crate) const CANARY: &str = "\"><img src=x onerror=alert(1)>";

/// Creates the platform. Returns the addresses of an owner, a viewer, an owner of two companies, and a superuser.
pub(crate) async fn filled() -> (TestApp, [&'static str; 4]) {
    // A crawl opens hundreds of pages in a second.
    let config = DEFAULT_TOML.replacen("requests_per_second = 50", "requests_per_second = 1_000_000", 1);
    let app = TestApp::configured(&config, Options::default()).await;
    let acme = app.register("acme").await;
    let rival = app.register("rival").await;
    app.member(&acme, "viewer@acme.example", "viewer").await;
    app.joins(&acme, &rival, "owner@rival.example", "admin").await;
    acme.patch("/api/tenant", &json!({"name": format!("Acme {CANARY}")})).await.expect(200);
    for client in [&acme, &rival] {
        client.patch("/api/me", &json!({"name": format!("Ann {CANARY}")})).await.expect(200);
    }
    let open = json!({"email": "open@acme.example", "role": "member"});
    acme.post("/api/tenant/invitations", &open).await.expect(201);
    acme.post("/api/tenant/keys", &json!({"name": CANARY, "role": "viewer"})).await.expect(201);
    let staff = app.staff().await;
    shared(&staff).await;
    own(&acme).await;
    (app, ["owner@acme.example", "viewer@acme.example", "owner@rival.example", "staff@platform.example"])
}

async fn put(client: &Client, model: &str, row: Value) {
    client.post(&format!("/api/records/{model}"), &row).await.expect(201);
}

/// Creates two regions with a city each, and the other shared records to which the tenants' rows refer.
pub(crate) async fn shared(staff: &Client) {
    for (region, code) in [("North", "N"), ("South", "S")] {
        put(staff, "regions", json!({"name": format!("{region} {CANARY}"), "code": code})).await;
    }
    for (city, region) in [("Ahlen", 1), ("Bonn", 2)] {
        put(
            staff,
            "cities",
            json!({"name": format!("{city} {CANARY}"), "region": region, "postal_code": "1"}),
        )
        .await;
    }
    put(
        staff,
        "clinics",
        json!({"name": format!("Clinic {CANARY}"), "city": 1, "address": CANARY, "phone": CANARY}),
    )
    .await;
    put(staff, "specialisations", json!({"name": format!("Surgery {CANARY}"), "code": "S"})).await;
}

/// Creates a record of each of the tenant's models.
async fn own(owner: &Client) {
    put(owner, "hospitals", json!({"name": format!("House {CANARY}"), "city": 1, "address": CANARY})).await;
    put(owner, "doctors", doctor(CANARY, "L1")).await;
    put(
        owner,
        "patients",
        json!({"first_name": CANARY, "last_name": CANARY, "born_on": "1990-02-03", "city": 1, "doctor": 1,
               "notes": format!("{CANARY}\nsecond line"), "blood_type": "A+"}),
    )
    .await;
    put(
        owner,
        "appointments",
        json!({"patient": 1, "doctor": 1, "starts_at": "2026-12-01T08:00:00Z", "reason": CANARY}),
    )
    .await;
    put(owner, "payments", json!({"reference": CANARY, "patient": 1, "amount": "12.50", "method": "cash"}))
        .await;
    put(
        owner,
        "sales",
        json!({"item": CANARY, "category": "other", "unit_price": "1.00", "total": "1.00", "sold_at": "2026-11-01T10:00:00Z"}),
    )
    .await;
    put(
        owner,
        "reports",
        json!({"title": CANARY, "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-02-01", "summary": CANARY,
               "figures": {"text": CANARY}}),
    )
    .await;
}

pub(crate) fn doctor(name: &str, licence: &str) -> Value {
    json!({"first_name": name, "last_name": name, "licence_number": licence, "specialisation": 1, "region": 1, "city": 1,
           "clinic": 1, "email": format!("{licence}@example.org"), "hired_on": "2020-01-31"})
}
