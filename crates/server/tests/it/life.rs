//! Rename, cancel and revoke over HTTP: what continues to work, what closes and when, and what stays reserved.

use super::{
    app::{Client, PASSWORD, TestApp},
    records::patient,
};
use serde_json::json;
use tenantry::{clock::DAY_US, internals::close_due};

/// Returns the actions of the audit log, oldest first.
pub(crate) async fn actions(staff: &Client) -> Vec<String> {
    let log = staff.get("/api/admin/audit?limit=1000").await.expect(200).json();
    let rows = log["items"].as_array().unwrap().iter().rev();
    rows.map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_rename_leaves_sessions_keys_and_databases_and_keeps_the_old_name_back() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    acme.post("/api/records/patients", &patient("kept")).await.expect(201);
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = anon.with("x-api-key", key["key"].as_str().unwrap());
    let before = staff.get("/api/admin/tenants/acme").await.expect(200).json();
    key.with("x-tenant", "acme").get("/api/records/patients/1").await.expect(200);

    let after =
        staff.post("/api/admin/tenants/acme/rename", &json!({"slug": "apex"})).await.expect(200).json();
    assert_eq!((&after["id"], &after["placements"]), (&before["id"], &before["placements"]));
    for client in [&acme, &key] {
        client.get("/api/records/patients/1").await.expect(200);
        client.with("x-tenant", "apex").get("/api/records/patients/1").await.expect(200);
        client.get("/t/apex/api/records/patients/1").await.expect(200);
        // The old name looks like one that never existed.
        client.with("x-tenant", "acme").get("/api/records/patients/1").await.expect(404);
        client.get("/t/acme/api/records/patients/1").await.expect(404);
    }
    staff.get("/api/admin/tenants/acme").await.expect(404);
    let taken = json!({"company": "x", "slug": "acme", "email": "x@x.example", "password": PASSWORD});
    anon.post("/api/register", &taken).await.expect(409);
    app.register("other").await;
    staff.post("/api/admin/tenants/other/rename", &json!({"slug": "acme"})).await.expect(409);
    staff.post("/api/admin/tenants/other/rename", &json!({"slug": "apex"})).await.expect(409);
    staff.post("/api/admin/tenants/apex/rename", &json!({"slug": "apex"})).await.expect(409);
    staff.post("/api/admin/tenants/apex/rename", &json!({"slug": "No!"})).await.expect(422);
    // The tenant may take its former name back. The name that it had in between stays reserved.
    staff.post("/api/admin/tenants/apex/rename", &json!({"slug": "acme"})).await.expect(200);
    acme.with("x-tenant", "acme").get("/api/records/patients/1").await.expect(200);
    acme.with("x-tenant", "apex").get("/api/records/patients/1").await.expect(404);
    staff.post("/api/admin/tenants/other/rename", &json!({"slug": "apex"})).await.expect(409);
    assert_eq!(actions(&staff).await.iter().filter(|a| *a == "tenant.rename").count(), 2);
}

#[tokio::test]
async fn a_cancelled_company_works_through_its_grace_and_closes_at_its_hour() {
    let (app, _, acme) = TestApp::new().await;
    let cancel = json!({"confirm": "acme", "reason": "too dear"});
    acme.post("/api/tenant/cancel", &json!({"confirm": "acne"})).await.expect(422);
    acme.delete("/api/tenant/cancel").await.expect(409);
    let ends = acme.post("/api/tenant/cancel", &cancel).await.expect(200).json()["ends"].clone();
    assert!(ends["closes_at"].as_str() < ends["purges_at"].as_str(), "{ends}");
    acme.post("/api/tenant/cancel", &cancel).await.expect(409);
    acme.get("/api/records/patients").await.expect(200);
    assert_eq!(acme.get("/api/tenant").await.expect(200).json()["ends"], ends);
    acme.delete("/api/tenant/cancel").await.expect(200);
    assert!(acme.get("/api/tenant").await.expect(200).json()["ends"].is_null());
    acme.post("/api/tenant/cancel", &cancel).await.expect(200);

    // The subscription is paid: only the end of the grace period may close the tenant.
    let staff = app.staff().await;
    let paid = json!({"state": "active"});
    staff.post("/api/admin/tenants/acme/plan", &paid).await.expect(200);
    let control = app.control();
    control.clock().advance_us(14 * DAY_US - 60_000_000);
    let acme = app.login("owner@acme.example").await;
    assert_eq!(close_due(control, 10).await.unwrap(), 0, "a minute too early");
    acme.get("/api/records/patients").await.expect(200);
    control.clock().advance_us(60_000_000);
    // The tenant is closed on time, even if no reconciler has run.
    acme.get("/api/records/patients").await.expect(403);
    acme.delete("/api/tenant/cancel").await.expect(409);
    assert_eq!(close_due(control, 10).await.unwrap(), 1);
    assert_eq!(close_due(control, 10).await.unwrap(), 0);
    acme.delete("/api/tenant/cancel").await.expect(409);
    assert_eq!(acme.get("/api/tenant").await.expect(200).json()["state"], "cancelled");
    let staff = app.login("staff@platform.example").await;
    staff.post("/api/admin/tenants/acme/resume", &json!({})).await.expect(409);
    staff.delete("/api/admin/tenants/acme/cancel").await.expect(200);
    acme.get("/api/records/patients").await.expect(200);
    let wanted = [
        "tenant.cancel",
        "tenant.keep",
        "tenant.cancel",
        "subscription.set_state",
        "tenant.close",
        "tenant.keep",
    ];
    let actions = actions(&staff).await;
    let about: Vec<_> = actions.iter().map(String::as_str).filter(|a| wanted.contains(a)).collect();
    assert_eq!(about, wanted);
}

#[tokio::test]
async fn only_who_manages_a_company_ends_it_and_a_suspended_one_comes_back_suspended() {
    let (app, anon, acme) = TestApp::new().await;
    let member = app.member(&acme, "m@acme.example", "member").await;
    let cancel = json!({"confirm": "acme"});
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    for other in [member, anon.with("x-api-key", key["key"].as_str().unwrap())] {
        other.post("/api/tenant/cancel", &cancel).await.expect(403);
        other.delete("/api/tenant/cancel").await.expect(403);
    }
    let staff = app.staff().await;
    staff.post("/api/admin/tenants/acme/suspend", &json!({"reason": "late"})).await.expect(200);
    let now = json!({"confirm": "acme", "grace_days": 0, "retention_days": 5});
    staff.post("/api/admin/tenants/acme/cancel", &json!({"confirm": "other"})).await.expect(422);
    let retired = staff.post("/api/admin/tenants/acme/cancel", &now).await.expect(200).json();
    assert_eq!(retired["state"], "cancelled", "no grace: closed at once");
    let kept = staff.delete("/api/admin/tenants/acme/cancel").await.expect(200).json();
    assert_eq!((&kept["state"], &kept["ends"]), (&json!("suspended"), &json!(null)));
}
