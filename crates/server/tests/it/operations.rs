//! Operations over HTTP: staff list, follow, cancel and retry; a tenant sees its own.

use super::{
    app::{PASSWORD, TestApp},
    doors::plain_staff,
};
use serde_json::json;

#[tokio::test]
async fn staff_see_every_operation_and_a_company_its_own() {
    let (app, _, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let staff = app.staff().await;
    let all = staff.get("/api/admin/operations").await.expect(200).json();
    let whats: Vec<_> = all["items"].as_array().unwrap().iter().map(|o| o["what"].clone()).collect();
    assert_eq!(whats, ["create tenant rival", "create tenant acme"]);
    let one = staff.get("/api/admin/operations?tenant=acme&limit=5").await.expect(200).json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let id = one["items"][0]["id"].as_i64().unwrap();
    let shown = staff.get(&format!("/api/admin/operations/{id}")).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["slug"]), (&json!("done"), &json!("acme")));
    assert_eq!(shown["steps"][0], json!({"name": "record", "state": "done"}));
    assert!(shown["started_at"].as_str().unwrap().ends_with('Z'));
    staff.get("/api/admin/operations/999").await.expect(404);
    staff.get("/api/admin/operations/999/events").await.expect(404);
    staff.get("/api/admin/operations?tenant=nobody").await.expect(404);
    let none = staff.get("/api/admin/operations?open=true").await.expect(200).json();
    assert_eq!(none["items"], json!([]));

    for (client, what) in [(&acme, "create tenant acme"), (&rival, "create tenant rival")] {
        let own = client.get("/api/tenant/operations").await.expect(200).json();
        let items = own["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["what"]), (1, &json!(what)));
        assert!(items[0].get("error").is_none() && items[0].get("actor").is_none(), "private detail");
    }
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end_and_what_is_over_stays_so() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    let events = staff.get("/api/admin/operations/1/events").await.expect(200);
    assert!(events.header("content-type").starts_with("text/event-stream"), "{:?}", events.headers);
    let text = events.text();
    assert!(text.contains("event: operation\n") && text.contains("\"state\":\"done\""), "{text}");
    for act in ["cancel", "retry"] {
        let path = format!("/api/admin/operations/1/{act}");
        assert_eq!(staff.post(&path, &json!({})).await.expect(409).code(), "conflict");
        staff.post(&path.replace("/1/", "/999/"), &json!({})).await.expect(404);
    }
}

#[tokio::test]
async fn one_that_is_stuck_is_raised_and_tried_again() {
    let (app, anon, _) = TestApp::new().await;
    let staff = app.staff().await;
    let faults = app.platform().operations().faults();
    faults.arm("provision:activate:before:fail");
    faults.arm("provision:databases:undo-before:fail");
    let form = json!({"company": "B", "slug": "bravo", "email": "b@bravo.example", "password": PASSWORD});
    let failed = anon.post("/api/register", &form).await.expect(500);
    assert!(!failed.text().contains("fault at"), "private detail (`absent-not-forbidden`)");
    staff.get("/readyz").await.expect(200);
    let metrics = staff.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tenantry_operations_stuck 1\n"), "{metrics}");
    assert!(metrics.contains("tenantry_operations_open 1\n") && metrics.contains("tenantry_orphans 0\n"));

    let stuck = staff.get("/api/admin/operations?open=true").await.expect(200).json()["items"][0].clone();
    assert_eq!((&stuck["stuck"], &stuck["state"]), (&json!(true), &json!("unwinding")));
    assert!(stuck["error"].as_str().unwrap().contains("fault at"), "staff see why");
    let path = format!("/api/admin/operations/{}", stuck["id"]);
    let again = staff.post(&format!("{path}/retry?wait=20"), &json!({})).await.expect(200);
    assert_eq!((again.header("location"), &again.json()["state"]), (path.as_str(), &json!("undone")));
    let metrics = staff.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tenantry_operations_stuck 0\n"), "{metrics}");
    anon.post("/api/register", &form).await.expect(201);
}

/// A cancellation is accepted at once; the caller can ask to wait.
#[tokio::test]
async fn one_at_work_is_cancelled() {
    let (app, anon, _) = TestApp::new().await;
    let staff = app.staff().await;
    app.platform().operations().faults().arm("provision:databases:before:wait-500");
    let form = json!({"company": "B", "slug": "bravo", "email": "b@bravo.example", "password": PASSWORD});
    let cancel = async {
        loop {
            let open = staff.get("/api/admin/operations?open=true").await.expect(200).json();
            if let Some(id) = open["items"][0]["id"].as_i64() {
                break staff.post(&format!("/api/admin/operations/{id}/cancel"), &json!({})).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let (register, cancelled) = tokio::join!(anon.post("/api/register", &form), cancel);
    let cancelled = cancelled.expect(202);
    assert_eq!(cancelled.json()["cancel_requested"], json!(true));
    assert_eq!(register.expect(409).code(), "cancelled");
    let over = staff.get(cancelled.header("location")).await.expect(200).json();
    assert_eq!((&over["state"], &over["reason"]), (&json!("undone"), &json!("the operation was cancelled")));
    staff.get("/api/admin/tenants/bravo").await.expect(404);
    anon.post("/api/register", &form).await.expect(201);
}

/// An operation whose undo fails permanently blocks all others on its tenant until a superuser abandons it. The log
/// names what is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_end_is_abandoned_by_a_superuser_only() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    let helper = plain_staff(&app, &staff).await;
    let faults = app.platform().operations().faults();
    faults.arm("backup:take:before:fail");
    faults.arm("backup:take:undo-before:fail");
    let begun = staff.post("/api/admin/tenants/acme/backups?wait=5", &json!({})).await.json();
    let path = format!("/api/admin/operations/{}/abandon", begun["id"]);
    assert_eq!(helper.post(&path, &json!({})).await.expect(403).code(), "denied");
    let shown = staff.get(&format!("/api/admin/operations/{}", begun["id"])).await.expect(200).json();
    assert_eq!(shown["state"], "unwinding", "{shown}");
    let over = staff.post(&path, &json!({})).await.expect(200).json();
    assert_eq!((&over["state"], &over["code"]), (&json!("undone"), &json!("conflict")), "{over}");
    assert!(over["error"].as_str().unwrap().starts_with("conflict: abandoned"), "{over}");
    assert_eq!(staff.post(&path, &json!({})).await.expect(409).code(), "conflict", "it is over");
    staff.post("/api/admin/operations/999/abandon", &json!({})).await.expect(404);
    let done = staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200).json();
    assert_eq!(done["state"], "done", "{done}");
}
