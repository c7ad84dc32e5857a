//! What members notice of a move: a write that waits, and nothing else (threat 33); and maintenance mode.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::json;
use std::time::{Duration, Instant};
use tenantry::name::Slug;
use tenantry_server::http::Options;

/// Fences the database of a company, or lifts the fence, as another process does it.
async fn fence(app: &TestApp, slug: &str, fenced: bool) {
    let shown = app.platform().show_tenant(&Slug::parse(slug).unwrap()).await.unwrap();
    let place = &shown.placements[0].place;
    let server = app.platform().config().server(place.server.as_str()).unwrap();
    let file = rusqlite::Connection::open(server.path.join(format!("{}.db", place.physical))).unwrap();
    file.busy_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(file.execute("UPDATE _tenantry_place SET fenced = ?1", [fenced]).unwrap(), 1);
}

#[tokio::test]
async fn a_write_waits_for_its_place_and_nothing_is_refused() {
    let (app, _, acme) = TestApp::new().await;
    fence(&app, "acme", true).await;
    let writer = tokio::spawn(async move {
        let began = Instant::now();
        acme.post("/api/records/patients", &patient("late")).await.expect(201);
        acme.get("/api/tenant/usage").await.expect(200);
        began.elapsed()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!writer.is_finished(), "nothing is written past a fence");
    fence(&app, "acme", false).await;
    let waited = writer.await.unwrap();
    assert!(waited >= Duration::from_millis(250) && waited < Duration::from_secs(3), "{waited:?}");
}

#[tokio::test]
async fn a_fenced_place_is_read_and_a_write_waits_no_longer_than_configured() {
    let wait = Duration::from_millis(200);
    let text = format!("[operations]\nwrite_wait = \"{} ms\"\n", wait.as_millis());
    let app = TestApp::configured(&text, Options::default()).await;
    let acme = app.register("acme").await;
    let id = acme.post("/api/records/patients", &patient("early")).await.expect(201).json()["id"].clone();
    fence(&app, "acme", true).await;
    let (one, began) = (format!("/api/records/patients/{id}"), Instant::now());
    acme.get(&one).await.expect(200);
    acme.get("/api/records/patients").await.expect(200);
    for answer in [
        acme.post("/api/records/patients", &patient("late")).await,
        acme.patch(&one, &json!({"first_name": "late"})).await,
        acme.delete(&one).await,
        acme.post("/api/records/patients/batch", &json!([patient("late")])).await,
        acme.get("/api/tenant/usage").await,
    ] {
        let answer = answer.expect(503);
        assert_eq!((answer.header("retry-after"), answer.code().as_str()), ("1", "unavailable"));
        assert!(answer.text().contains("moved"), "{}", answer.text());
    }
    assert!(began.elapsed() >= 5 * wait && began.elapsed() < 5 * wait + Duration::from_secs(3));
    fence(&app, "acme", false).await;
    assert_eq!(acme.get("/api/records/patients?count=true").await.expect(200).json()["count"], 1);
}

#[tokio::test]
async fn in_maintenance_members_wait_outside_and_staff_are_let_in() {
    let (app, _, acme) = TestApp::new().await;
    let (staff, rival) = (app.staff().await, app.register("rival").await);
    let route = "/api/admin/tenants/acme/maintenance";
    staff.post(route, &json!({"on": true})).await.expect(422);
    let shown = staff.post(route, &json!({"on": true, "reason": "moving house"})).await.expect(200);
    assert_eq!(shown.json()["maintenance"], "moving house");
    let refused = acme.get("/api/records/patients").await.expect(503);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("maintenance", "60"));
    assert!(refused.text().contains("moving house"));
    acme.post("/api/records/patients", &patient("x")).await.expect(503);
    assert_eq!(acme.get("/api/tenant").await.expect(200).json()["maintenance"], "moving house");
    rival.get("/api/records/patients").await.expect(200);
    assert_eq!(inside(&app, &staff).await, 200, "staff who act as a member");
    staff.post(route, &json!({"on": true, "reason": "moving house"})).await.expect(200);
    staff.post(route, &json!({"on": false})).await.expect(200);
    acme.get("/api/records/patients").await.expect(200);
    let audit = staff.get("/api/admin/audit").await.expect(200).text();
    assert_eq!(audit.matches("tenant.maintenance").count(), 2, "on and off; on again was nothing new");
}

async fn inside(app: &TestApp, staff: &Client) -> u16 {
    let wish = json!({"tenant": "acme", "reason": "to see what is wrong"});
    let token = staff.post("/api/admin/impersonate", &wish).await.expect(201).json();
    let client = app.anon().with_token(token["token"].as_str().unwrap());
    client.get("/api/records/patients").await.status.as_u16()
}
