//! Settings of the operator for one tenant or for all: settings, closed registration, room for files.

use super::{
    app::{Client, PASSWORD, TestApp},
    binary::start,
    lives::{fine, refused},
};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::Options;

#[tokio::test]
async fn settings_are_merged_and_a_foreign_name_is_one_companys() {
    let (app, _, _) = TestApp::new().await;
    app.register("rival").await;
    let staff = app.staff().await;
    let of = |slug: &str| format!("/api/admin/tenants/{slug}/settings");
    assert_eq!(staff.get(&of("acme")).await.expect(200).json(), json!({"settings": {}}));
    let all = json!({"external_id": "org_1", "look": {"colour": "green", "logo": "a"}});
    let now = staff.patch(&of("acme"), &all).await.expect(200).json();
    assert_eq!(now["settings"], all);
    let now = staff.patch(&of("acme"), &json!({"look": {"logo": null}})).await.expect(200).json();
    assert_eq!(now["settings"], json!({"external_id": "org_1", "look": {"colour": "green"}}));
    let taken = staff.patch(&of("rival"), &json!({"external_id": "org_1"})).await.expect(409);
    assert!(taken.text().contains("nother tenant has this external_id"), "{}", taken.text());
    for wrong in [json!({"external_id": 7}), json!({"external_id": ""}), json!({"big": "x".repeat(70_000)})] {
        staff.patch(&of("rival"), &wrong).await.expect(422);
    }
    assert_eq!(staff.get(&of("rival")).await.expect(200).json(), json!({"settings": {}}));
    staff.patch(&of("acme"), &json!({"external_id": null})).await.expect(200);
    staff.patch(&of("rival"), &json!({"external_id": "org_1"})).await.expect(200);
    staff.patch(&of("nobody"), &json!({})).await.expect(404);
}

#[tokio::test]
async fn where_registration_is_closed_only_staff_make_companies() {
    let app = TestApp::configured("[registration]\nopen = false\n", Options::default()).await;
    let form = json!({"company": "Elm", "slug": "elm", "email": "ann@elm.example", "password": PASSWORD});
    let refused = app.anon().post("/api/register", &form).await.expect(409);
    assert!(refused.text().contains("egistration is closed"), "{}", refused.text());
    let staff = app.staff().await;
    assert_eq!(staff.get("/api/admin/tenants").await.expect(200).json()["items"], json!([]));
    staff.post("/api/admin/tenants", &form).await.expect(201);
}

#[tokio::test]
async fn files_take_no_more_room_than_the_plan_gives() {
    let plans = "[plans.small]\nlabel = \"Small\"\n[plans.small.limits]\nfile_bytes = \"10 KiB\"\n";
    let text = format!("{plans}[registration]\ndefault_plan = \"small\"\n");
    let app = TestApp::configured(&text, Options::default()).await;
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    let path = "/api/records/reports/1/files/document";
    let put = async |client: &Client, bytes: usize| {
        client.send(Method::PUT, path, Some("text/plain"), "x".repeat(bytes)).await
    };
    for client in [&acme, &rival] {
        client.post("/api/records/reports", &report).await.expect(201);
    }
    put(&acme, 6_000).await.expect(200);
    assert_eq!(put(&acme, 9_000).await.expect(403).code(), "limit_exceeded");
    assert_eq!(acme.get(path).await.expect(200).text().len(), 6_000, "what was there stays");
    put(&rival, 9_000).await.expect(200);
    acme.delete(path).await.expect(204);
    put(&acme, 9_000).await.expect(200);
}

#[test]
fn settings_at_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let set = |changes: &[&str]| -> Value {
        let args = [&["tenant", "settings", "city-hospital"], changes].concat();
        serde_json::from_str(&fine(dir.path(), &args)).unwrap()
    };
    assert_eq!(set(&[]), json!({}));
    assert_eq!(
        set(&["external_id=org_1", "beds=120", "wards=[\"a\"]"]),
        json!({"external_id": "org_1", "beds": 120, "wards": ["a"]})
    );
    assert_eq!(set(&["beds=", "wards="]), json!({"external_id": "org_1"}));
    let taken = refused(dir.path(), &["tenant", "settings", "green-clinic", "external_id=org_1"]);
    assert!(taken.contains("another tenant has this external_id"), "{taken}");
    assert!(refused(dir.path(), &["tenant", "settings", "city-hospital", "beds"]).contains("KEY=VALUE"));
    assert!(refused(dir.path(), &["tenant", "settings", "nobody", "a=1"]).contains("no such tenant"));
}
