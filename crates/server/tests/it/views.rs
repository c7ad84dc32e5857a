//! Saved views of lists: limits, sharing, the default, members who leave, and the end of the tenant.

use super::{
    app::{Client, TestApp},
    limits::limited,
};
use serde_json::{Value, json};
use tenantry::place::Isolation;
use tenantry_server::http::Options;
use tenantry_testkit::postgres::servers;

/// A path for every route of views, as the cases of `access` are.
pub(super) const CASES: &[(&str, &str, &str)] = &[
    ("GET", "/{model}/views/", "/patients/views/"),
    ("POST", "/{model}/views/", "/patients/views/"),
    ("POST", "/{model}/views/change/", "/patients/views/change/"),
    ("GET", "/api/views/{model_name}", "/api/views/patients"),
    ("POST", "/api/views/{model_name}", "/api/views/patients"),
    ("PATCH", "/api/views/{model_name}/{id}", "/api/views/patients/999999"),
    ("DELETE", "/api/views/{model_name}/{id}", "/api/views/patients/999999"),
];

/// Changing routes, and the action that each leaves in the audit log.
pub(super) const TRIED: &[(&str, &str, &str)] = &[
    ("POST", "/api/views/{model_name}", "view.create"),
    ("PATCH", "/api/views/{model_name}/{id}", "view.change"),
    ("DELETE", "/api/views/{model_name}/{id}", "view.delete"),
];

const PATIENTS: &str = "/api/views/patients";

async fn save(client: &Client, name: &str, more: Value) -> Value {
    let mut view = json!({"name": name, "query": "last_name=Ash&sort=-id"});
    view.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    client.post(PATIENTS, &view).await.expect(201).json()
}

async fn names(client: &Client) -> Vec<String> {
    let all = client.get(PATIENTS).await.expect(200).json();
    all["items"].as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_view_is_private_until_it_is_shared_and_managers_look_after_shared_ones() {
    for app in everywhere().await {
        is_private_until_it_is_shared(&app).await;
    }
}

/// Returns an app with its control store in a file, and one on each PostgreSQL server.
async fn everywhere() -> Vec<TestApp> {
    let mut all = vec![TestApp::with(Options::default()).await];
    for url in servers() {
        all.push(TestApp::all_on_postgres(&url, Isolation::Schema, None).await);
    }
    all
}

async fn is_private_until_it_is_shared(app: &TestApp) {
    let acme = app.register("acme").await;
    let ann = app.member(&acme, "ann@acme.example", "member").await;
    let view = save(&ann, " Ashes ", json!({})).await;
    assert_eq!(
        (&view["name"], &view["own"], &view["shared"]),
        (&json!("Ashes"), &json!(true), &json!(false))
    );
    let path = format!("{PATIENTS}/{}", view["id"]);
    assert!(names(&acme).await.is_empty());
    acme.patch(&path, &json!({"name": "Mine"})).await.expect(404);
    acme.delete(&path).await.expect(404);
    // The name is unique among the views of one owner, not among all.
    ann.post(PATIENTS, &json!({"name": "Ashes", "query": ""})).await.expect(422);
    save(&acme, "Ashes", json!({})).await;

    ann.patch(&path, &json!({"shared": true})).await.expect(200);
    let seen = acme.get(PATIENTS).await.expect(200).json();
    let seen = seen["items"].as_array().unwrap().iter().find(|v| v["id"] == view["id"]).unwrap();
    assert_eq!(
        (&seen["own"], &seen["may_change"]),
        (&json!(false), &json!(true)),
        "the owner manages: {seen}"
    );
    let bob = app.member(&acme, "bob@acme.example", "member").await;
    bob.patch(&path, &json!({"name": "Mine"})).await.expect(403);
    bob.delete(&path).await.expect(403);
    // The default is each reader's own.
    let mine = bob.patch(&path, &json!({"default": true})).await.expect(200).json();
    assert_eq!(mine["default"], true);
    let other = save(&bob, "Other", json!({"default": true})).await;
    let all = bob.get(PATIENTS).await.json();
    let defaults: Vec<_> = all["items"].as_array().unwrap().iter().filter(|v| v["default"] == true).collect();
    assert_eq!(defaults.len(), 1, "{all}");
    assert_eq!(defaults[0]["id"], other["id"]);
    assert_eq!(ann.get(PATIENTS).await.json()["items"][0]["default"], false);
    bob.patch(&path, &json!({"default": true})).await.expect(200);
    ann.patch(&path, &json!({"shared": false})).await.expect(200);
    assert_eq!(names(&bob).await, ["Other"]);
    acme.delete(&path).await.expect(404);
    ann.delete(&path).await.expect(204);
}

#[tokio::test]
async fn a_view_has_limits_and_a_query_that_a_list_takes() {
    let app = limited("database", "").await;
    let acme = app.register("acme").await;
    for (name, query, status) in [
        ("", "", 422),
        (&*"n".repeat(81), "", 422),
        ("a\nb", "", 422),
        ("a\u{202e}b", "", 422),
        ("q", "nothing=1", 422),
        ("q", "after=x", 422),
        ("q", "limit=5", 422),
        ("q", "any=(gender=female", 422),
        (
            &"n".repeat(80),
            "any=(gender=female,all(last_name=Ash,born_on__gte=1990-01-01))&q=x&fields=last_name",
            201,
        ),
    ] {
        let answer = acme.post(PATIENTS, &json!({"name": name, "query": query})).await;
        assert_eq!(answer.status, status, "{name:?} {query}: {}", answer.text());
    }
    let long = format!("last_name__in={}", vec!["Ash"; 1030].join(","));
    acme.post(PATIENTS, &json!({"name": "long", "query": long})).await.expect(422);
    for n in 1..50 {
        save(&acme, &format!("view {n}"), json!({})).await;
    }
    let full = acme.post(PATIENTS, &json!({"name": "one more", "query": ""})).await.expect(409);
    assert!(full.text().contains("50 views"), "{}", full.text());
    acme.post("/api/views/doctors", &json!({"name": "one more", "query": ""})).await.expect(201);
    acme.get("/api/views/nothing").await.expect(404);
    // Members who may not read a model see no views of it.
    let viewer = app.member(&acme, "v@acme.example", "viewer").await;
    let payments = viewer.get("/api/records/payments").await.status;
    assert_eq!(viewer.get("/api/views/payments").await.status, payments);
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
    key.get(PATIENTS).await.expect(200);
    key.post(PATIENTS, &json!({"name": "k", "query": ""})).await.expect(403);
}

/// Nothing of a tenant's views is another tenant's (`id-without-tenant`).
#[tokio::test]
async fn a_view_of_another_tenant_or_model_is_absent() {
    let (app, _, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let view = save(&acme, "Shared", json!({"shared": true})).await;
    assert!(names(&rival).await.is_empty());
    let path = format!("{PATIENTS}/{}", view["id"]);
    rival.patch(&path, &json!({"default": true})).await.expect(404);
    rival.delete(&path).await.expect(404);
    acme.delete(&path.replace("patients", "doctors")).await.expect(404);
    acme.delete(&path.replace(&view["id"].to_string(), "x")).await.expect(404);
    acme.delete(&path).await.expect(204);
}

#[tokio::test]
async fn what_a_member_saved_privately_ends_with_the_membership() {
    for app in everywhere().await {
        ends_with_the_membership(&app).await;
    }
}

async fn ends_with_the_membership(app: &TestApp) {
    let acme = app.register("acme").await;
    let ann = app.member(&acme, "ann@acme.example", "member").await;
    save(&ann, "Private", json!({"default": true})).await;
    let shared = save(&ann, "Shared", json!({"shared": true})).await;
    save(&acme, "Shared", json!({})).await;
    let members = acme.get("/api/tenant/users").await.expect(200).json();
    let id = members["items"].as_array().unwrap().iter().find(|m| m["email"] == "ann@acme.example").unwrap();
    acme.delete(&format!("/api/tenant/users/{}", id["id"])).await.expect(204);
    let left = acme.get(PATIENTS).await.expect(200).json();
    let left = left["items"].as_array().unwrap().iter().find(|v| v["id"] == shared["id"]).unwrap();
    assert_eq!((&left["owner"], &left["may_change"]), (&json!(null), &json!(true)), "{left}");
    assert_eq!(names(&acme).await, ["Shared", "Shared"]);
    let path = format!("{PATIENTS}/{}", shared["id"]);
    // A manager who takes it away from the others becomes its owner, who has one with that name.
    acme.patch(&path, &json!({"shared": false})).await.expect(422);
    let taken = acme.patch(&path, &json!({"name": "Taken", "shared": false})).await.expect(200).json();
    assert_eq!((&taken["own"], &taken["shared"]), (&json!(true), &json!(false)), "{taken}");
}

/// A purge counts the views and removes them: what members searched for is nobody's any more.
#[tokio::test]
async fn nothing_of_a_view_outlives_the_tenant() {
    let (app, _, acme) = TestApp::new().await;
    let staff = app.staff().await;
    save(&acme, "Searched for CANARY", json!({"shared": true, "default": true})).await;
    let id = staff.get("/api/admin/tenants/acme").await.expect(200).json()["id"].clone();
    let now = json!({"confirm": "acme", "grace_days": 0, "retention_days": 0});
    staff.post("/api/admin/tenants/acme/cancel", &now).await.expect(200);
    let purge = json!({"confirm": "acme", "id": id});
    staff.post("/api/admin/tenants/acme/purge?wait=60", &purge).await.expect(200);
    let certificate = staff.get("/api/admin/tenants/acme/certificate").await.expect(200).text();
    assert!(certificate.contains("saved views of lists"), "{certificate}");
    for table in ["views", "view_defaults"] {
        assert_eq!(app.catalog(&format!("UPDATE {table} SET tenant = tenant")).await, 0, "{table}");
    }
}

/// Each change leaves one row in the audit log, which names the view by its id and not by its name.
#[tokio::test]
async fn every_change_of_a_view_leaves_its_row() {
    let (app, _, acme) = TestApp::new().await;
    let staff = app.staff().await;
    let view = save(&acme, "CANARY", json!({})).await;
    let path = format!("{PATIENTS}/{}", view["id"]);
    acme.patch(&path, &json!({"shared": true, "default": true})).await.expect(200);
    acme.delete(&path).await.expect(204);
    let log = staff.get("/api/admin/audit?limit=3").await.expect(200).json();
    let rows = log["items"].as_array().unwrap();
    for (row, (.., action)) in rows.iter().rev().zip(TRIED) {
        let detail: Value = serde_json::from_str(row["detail"].as_str().unwrap()).unwrap();
        assert_eq!((&row["action"], &detail["view"]), (&json!(action), &view["id"]), "{log}");
        assert!(row["actor"].as_str().unwrap().starts_with("user:"), "{log}");
    }
    assert!(!log.to_string().contains("CANARY"), "{log}");
}
