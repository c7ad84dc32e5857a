//! A tenant's overrides of shared records over HTTP: visible to this tenant only, checked, logged, removable.

use super::app::{Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

const CLINIC: &str = "/api/records/clinics/1";
const OVERRIDE: &str = "/api/records/clinics/1/override";
const UUID_MODEL: &str = r#"
store = "shared"
id = "uuid"
[fields.name]
type = "text"
max_length = 20
[fields.rate]
type = "decimal"
[overrides]
store = "tenant"
fields = ["rate"]
"#;

/// Creates an app with one clinic, in this isolation.
async fn clinics(isolation: &str) -> (TestApp, Client, Client) {
    let app = TestApp::configured(&Settings::default().isolation(isolation), Options::default()).await;
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    let clinic = json!({"name": "Elm Street", "city": 1, "phone": "1", "email": "a@b.example"});
    staff.post("/api/records/clinics", &clinic).await.expect(201);
    let acme = app.register("acme").await;
    (app, acme, staff)
}

async fn field(client: &Client, name: &str) -> Value {
    client.get(CLINIC).await.expect(200).json()[name].clone()
}

#[tokio::test]
async fn a_company_sees_its_own_values_and_others_do_not() {
    for isolation in ["database", "pooled"] {
        let (app, acme, staff) = clinics(isolation).await;
        let rival = app.register("rival").await;
        let set = acme.put(OVERRIDE, &json!({"phone": "555", "active": false})).await.expect(200).json();
        assert_eq!(
            (&set["phone"], &set["active"], &set["email"]),
            (&json!("555"), &json!(false), &json!("a@b.example"))
        );
        assert_eq!(acme.get(CLINIC).await.expect(200).json(), set, "the answer is what is seen from now on");
        let listed = acme.get("/api/records/clinics?phone=555&active=false&count=true").await.expect(200);
        assert_eq!(listed.json()["count"], 1, "{isolation}: lists filter what the company sees");
        for other in [&rival, &staff] {
            assert_eq!(field(other, "phone").await, "1", "{isolation}");
        }
        let both = json!({"shared": {"phone": "1", "email": "a@b.example", "active": true},
                          "own": {"phone": "555", "active": false}});
        assert_eq!(acme.get(OVERRIDE).await.expect(200).json(), both, "{isolation}");
        assert_eq!(rival.get(OVERRIDE).await.expect(200).json()["own"], json!({}));
        staff.get(OVERRIDE).await.expect(404);
        acme.get("/api/records/clinics/2/override").await.expect(404);
        acme.get("/api/records/cities/1/override").await.expect(404);
        acme.put(OVERRIDE, &json!({"email": null})).await.expect(200);
        let seen = acme.get(CLINIC).await.expect(200).json();
        assert_eq!(
            (&seen["phone"], &seen["email"]),
            (&json!("1"), &Value::Null),
            "PUT puts all of them in place"
        );
        rival.delete(OVERRIDE).await.expect(404);
        acme.delete(OVERRIDE).await.expect(204);
        acme.delete(OVERRIDE).await.expect(404);
        assert_eq!(field(&acme, "email").await, "a@b.example", "{isolation}");
        let log = acme.get("/api/tenant/activity").await.expect(200).json();
        let actions: Vec<_> =
            log["items"].as_array().unwrap().iter().map(|l| l["model"].as_str().unwrap()).collect();
        assert_eq!(actions, ["clinics_overrides"; 3], "{isolation}: {log}");
    }
}

#[tokio::test]
async fn what_may_not_be_overridden_is_refused() {
    let (app, acme, staff) = clinics("database").await;
    for (changes, field) in [
        (json!({"name": "Mine"}), "name"),
        (json!({"city": 1}), "city"),
        (json!({"id": 2}), "id"),
        (json!({"phone": 7}), "phone"),
        (json!({"phone": "x".repeat(41)}), "phone"),
        (json!({"active": null}), "active"),
        (json!({"nothing": 1}), "nothing"),
        (json!({}), "override"),
    ] {
        let refused = acme.put(OVERRIDE, &changes).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{changes}: {refused}");
    }
    for body in ["[]", "null", "{\"phone\":"] {
        acme.send(Method::PUT, OVERRIDE, Some("application/json"), body).await.expect(400);
    }
    let phone = json!({"phone": "2"});
    for path in [
        "/api/records/clinics/9/override",
        "/api/records/clinics/x/override",
        "/api/records/regions/1/override",
    ] {
        acme.put(path, &phone).await.expect(404);
        acme.delete(path).await.expect(404);
    }
    // Staff have no overrides: they change the clinic itself.
    staff.put(OVERRIDE, &phone).await.expect(404);
    let member = app.member(&acme, "m@acme.example", "member").await;
    member.put(OVERRIDE, &phone).await.expect(403);
    member.delete(OVERRIDE).await.expect(403);
    assert_eq!(field(&acme, "phone").await, "1", "nothing of the above may have changed it");
}

/// The rows that store overrides are not records: the shared model checks their values.
#[tokio::test]
async fn what_keeps_overrides_is_absent_as_a_model() {
    let (app, acme, _) = clinics("database").await;
    acme.put(OVERRIDE, &json!({"phone": "555"})).await.expect(200);
    let base = "/api/records/clinics_overrides";
    for path in [base.to_owned(), format!("{base}/1"), format!("{base}/export"), format!("/t/acme{base}/1")] {
        acme.get(&path).await.expect(404);
    }
    let row = json!({"shared_id": 1, "changes": {"name": "Mine"}});
    acme.post(base, &row).await.expect(404);
    acme.patch(&format!("{base}/1"), &row).await.expect(404);
    acme.delete(&format!("{base}/1")).await.expect(404);
    acme.send(Method::POST, &format!("{base}/import"), Some("text/csv"), "shared_id,changes\n1,{}\n")
        .await
        .expect(404);
    assert!(app.platform().models().iter().all(|m| m.name.as_str() != "clinics_overrides"));
    let document = acme.get("/api/openapi.json").await.expect(200).text();
    assert!(
        !document.contains("clinics_overrides") && document.contains("/api/records/clinics/{id}/override")
    );
    assert_eq!(field(&acme, "phone").await, "555");
}

/// UUID keys, and many concurrent requests for one override: one row of values remains, with the last request's values.
#[tokio::test]
async fn many_may_set_one_at_once_and_keys_may_be_uuids() {
    let app = TestApp::with_model("banks", UUID_MODEL, "").await;
    let staff = app.staff().await;
    let bank =
        staff.post("/api/records/banks", &json!({"name": "First", "rate": "1.50"})).await.expect(201).json();
    let acme = app.register("acme").await;
    let path = format!("/api/records/banks/{}", bank["id"].as_str().unwrap());
    let setting = (1..=8).map(|n| {
        let (acme, path) = (acme.clone(), format!("{path}/override"));
        async move { acme.put(&path, &json!({"rate": format!("{n}.25")})).await.status }
    });
    let all = futures_util::future::join_all(setting).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    let seen = acme.get(&path).await.expect(200).json()["rate"].as_str().unwrap().to_owned();
    assert!(seen.ends_with(".25"), "{seen}");
    acme.delete(&format!("{path}/override")).await.expect(204);
    assert_eq!(acme.get(&path).await.expect(200).json()["rate"], "1.50");
    staff.delete(&path).await.expect(204);
    acme.put(&format!("{path}/override"), &json!({"rate": "2"})).await.expect(404);
}
