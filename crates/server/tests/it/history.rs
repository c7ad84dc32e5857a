//! The history of a record over HTTP: field by field, with support visits, also for deleted records, and never for
//! another tenant.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};
use tenantry::place::Isolation;
use tenantry_server::http::Options;
use tenantry_testkit::{Settings, postgres::servers};

const ASH: &str = "/api/records/patients/1/history";

async fn history(client: &Client, path: &str) -> Value {
    client.get(path).await.expect(200).json()
}

/// Returns the actions, oldest first.
fn actions(history: &Value) -> Vec<String> {
    let items = history["items"].as_array().unwrap();
    items.iter().rev().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

async fn lives(app: &TestApp) {
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    for client in [&acme, &rival] {
        client.post("/api/records/patients", &patient("Ash")).await.expect(201);
    }
    acme.patch("/api/records/patients/1", &json!({"gender": "female", "notes": "n"})).await.expect(200);
    acme.patch("/api/records/patients/1", &json!({"gender": "other"})).await.expect(200);
    acme.post("/api/records/patients", &patient("Birch")).await.expect(201);
    let found = history(&acme, ASH).await;
    assert_eq!(actions(&found), ["create", "update", "update"], "{found}");
    let last = json!([{"field": "gender", "values": "known", "before": "female", "after": "other"}]);
    assert_eq!(found["items"][0]["changes"], last);
    assert!(found["items"][0]["actor"].as_str().unwrap().starts_with("user:"), "{found}");
    let personal = json!({"field": "notes", "values": "personal", "before": null, "after": null});
    assert!(found["items"][1]["changes"].as_array().unwrap().contains(&personal), "{found}");
    // A creation has the values of that time: `gender` was empty, names are personal.
    let created = found["items"][2]["changes"].as_array().unwrap();
    let fields: Vec<_> = created.iter().map(|change| change["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"last_name") && !fields.contains(&"gender"), "{found}");
    assert!(created.iter().all(|change| change["values"] == "personal"), "{found}");
    assert_eq!(actions(&history(&rival, ASH).await), ["create"], "no change of another company");
    // The history has pages.
    let first = history(&acme, &format!("{ASH}?limit=1")).await;
    let second = history(&acme, &format!("{ASH}?limit=1&before={}", first["next"].as_str().unwrap())).await;
    assert_eq!([&first["items"][0], &second["items"][0]], [&found["items"][0], &found["items"][1]]);
    // A deleted record has a history with its last values.
    acme.delete("/api/records/patients/1").await.expect(204);
    let gone = history(&acme, ASH).await;
    assert_eq!(actions(&gone).last().unwrap(), "delete");
    let changes = gone["items"][0]["changes"].as_array().unwrap();
    let gender = json!({"field": "gender", "values": "known", "before": "other", "after": null});
    assert!(changes.contains(&gender), "{gone}");
    assert!(!gone.to_string().contains("Ash"), "personal data is never in the log");
    acme.get("/api/records/patients/99/history").await.expect(404);
    acme.get("/api/records/patients/x/history").await.expect(404);
}

#[tokio::test]
async fn a_history_tells_each_change_and_outlives_the_record() {
    for isolation in ["database", "pooled"] {
        lives(&TestApp::configured(&Settings::default().isolation(isolation), Options::default()).await)
            .await;
    }
    for url in servers() {
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            lives(&TestApp::on_postgres(&url, isolation).await).await;
        }
    }
}

#[tokio::test]
async fn those_who_may_change_records_see_their_history() {
    let (app, _, acme) = TestApp::new().await;
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    for (role, expected) in [("admin", 200), ("member", 200), ("viewer", 403)] {
        let client = app.member(&acme, &format!("{role}@acme.example"), role).await;
        client.get(ASH).await.expect(expected);
    }
    // The history of shared records belongs to the platform.
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.patch("/api/records/regions/1", &json!({"name": "Far North"})).await.expect(200);
    let found = history(&staff, "/api/records/regions/1/history").await;
    assert_eq!(found["items"][0]["changes"][0]["before"], "North");
    acme.get("/api/records/regions/1/history").await.expect(404);
}

#[tokio::test]
async fn support_visits_and_emptied_references_are_told() {
    let (app, _, acme) = TestApp::new().await;
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    staff.post("/api/records/specialisations", &json!({"name": "Heart", "code": "H"})).await.expect(201);
    let doctor = json!({"first_name": "Ida", "last_name": "Berg", "licence_number": "1", "specialisation": 1,
        "region": 1, "city": 1});
    acme.post("/api/records/doctors", &doctor).await.expect(201);
    let mut ash = patient("Ash");
    ash["doctor"] = json!(1);
    acme.post("/api/records/patients", &ash).await.expect(201);
    let wish = json!({"tenant": "acme", "reason": "ticket 4711"});
    let acting = staff.post("/api/admin/impersonate", &wish).await.expect(201).json();
    let acting = app.anon().with_token(acting["token"].as_str().unwrap());
    acting.delete("/api/records/doctors/1").await.expect(204);
    let found = history(&acme, ASH).await;
    assert_eq!(
        found["items"][0]["changes"],
        json!([{"field": "doctor", "values": "target_deleted", "before": null, "after": null}])
    );
    assert!(found["items"][0]["impersonator"].is_string(), "{found}");
    assert!(found["items"][1]["impersonator"].is_null(), "{found}");
    // A model that is not audited records only the changes of support visits.
    let doctor = history(&acme, "/api/records/doctors/1/history").await;
    assert_eq!(actions(&doctor).last().unwrap(), "delete");
}
