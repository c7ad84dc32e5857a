//! Changes and deletes of all matching records: exactly those that the caller counted, or none.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::{Settings, tried};

const PATIENTS: &str = "/api/records/patients";

async fn add(client: &Client, names: &[&str]) {
    let all: Vec<Value> = names.iter().map(|name| patient(name)).collect();
    client.post(&format!("{PATIENTS}/batch"), &all.into()).await.expect(201);
}

async fn names(client: &Client) -> Vec<String> {
    let page = client.get(&format!("{PATIENTS}?sort=id&limit=1000")).await.expect(200).json();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["last_name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_the_counted_records_of_the_tenant_are_changed_and_deleted() {
    for isolation in ["database", "pooled"] {
        let app = TestApp::configured(&Settings::default().isolation(isolation), Options::default()).await;
        let (acme, rival) = (app.register("acme").await, app.register("rival").await);
        for client in [&acme, &rival] {
            add(client, &["Ash", "Ash", "Elm", "Oak"]).await;
        }
        let ash = format!("{PATIENTS}?last_name=Ash");
        let change = json!({"last_name": "Birch"});
        for wrong in [0, 1, 3, 4] {
            let refused = acme.patch(&format!("{ash}&expect={wrong}"), &change).await.expect(409);
            assert!(refused.text().contains("look at them again"), "{}", refused.text());
            acme.delete(&format!("{ash}&expect={wrong}")).await.expect(409);
        }
        let tried = acme.patch(&format!("{ash}&expect=2&dry_run=true"), &change).await.expect(200);
        assert_eq!(tried.json(), json!({"count": 2}));
        assert_eq!(names(&acme).await, ["Ash", "Ash", "Elm", "Oak"]);
        acme.patch(&format!("{ash}&expect=2"), &change).await.expect(200);
        assert_eq!(names(&acme).await, ["Birch", "Birch", "Elm", "Oak"]);
        acme.delete(&format!("{PATIENTS}?q=birch&expect=2&dry_run=true")).await.expect(200);
        acme.delete(&format!("{PATIENTS}?q=birch&expect=2")).await.expect(200);
        assert_eq!(names(&acme).await, ["Elm", "Oak"]);
        acme.delete(&format!("{PATIENTS}?expect=2")).await.expect(200);
        assert_eq!((names(&acme).await.len(), names(&rival).await.len()), (0, 4), "{isolation}");
    }
}

#[tokio::test]
async fn one_refused_record_keeps_all_of_them() {
    let (app, _, user) = TestApp::new().await;
    add(&user, &["Ash", "Elm", "Oak"]).await;
    let payment = json!({"reference": "1", "patient": 2, "amount": "1.00", "method": "cash"});
    user.post("/api/records/payments", &payment).await.expect(201);
    let refused = user.delete(&format!("{PATIENTS}?expect=3")).await.expect(409);
    assert!(refused.text().contains("payments"), "{}", refused.text());
    assert_eq!(names(&user).await, ["Ash", "Elm", "Oak"]);
    user.post(
        "/api/records/payments",
        &json!({"reference": "2", "patient": 1, "amount": "1.00", "method": "cash"}),
    )
    .await
    .expect(201);
    let same = user.patch("/api/records/payments?expect=2", &json!({"reference": "same"})).await.expect(409);
    assert_eq!(
        (same.code(), &same.json()["errors"][0]["field"]),
        ("not_unique".into(), &json!("2.reference"))
    );
    let wrong =
        user.patch(&format!("{PATIENTS}?expect=3"), &json!({"born_on": "soon", "x": 1})).await.expect(422);
    assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 2);
    for path in ["", "?last_name=Ash", "?expect=many", "?expect=1&limit=1", "?expect=10001"] {
        let refused = user.delete(&format!("{PATIENTS}{path}")).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{path}: {}", refused.text());
    }
    assert_eq!(names(&user).await.len(), 3);
    let viewer = app.member(&user, "v@acme.example", "viewer").await;
    viewer.delete(&format!("{PATIENTS}?expect=3")).await.expect(403);
    viewer.patch(&format!("{PATIENTS}?expect=3"), &json!({"notes": "n"})).await.expect(403);
    let member = app.member(&user, "m@acme.example", "member").await;
    member.delete(&format!("{PATIENTS}?expect=3")).await.expect(403);
}

#[tokio::test]
async fn files_of_deleted_records_go_and_those_of_refused_ones_stay() {
    let (_app, _, user) = TestApp::new().await;
    let report = json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    for id in [1, 2] {
        user.post("/api/records/reports", &report).await.expect(201);
        let path = format!("/api/records/reports/{id}/files/document");
        user.send(Method::PUT, &path, Some("text/plain"), "bytes").await.expect(200);
    }
    let used = || async { user.get("/api/tenant/usage").await.expect(200).json()["file_bytes"].clone() };
    let before = used().await;
    user.delete("/api/records/reports?expect=2&dry_run=true").await.expect(200);
    user.delete("/api/records/reports?expect=1").await.expect(409);
    assert_eq!(used().await, before);
    user.patch("/api/records/reports?id=1&expect=1", &json!({"document": null})).await.expect(200);
    assert_eq!(used().await.as_u64(), before.as_u64().map(|bytes| bytes / 2));
    user.delete("/api/records/reports?expect=2").await.expect(200);
    assert_eq!(used().await, 0);
}

/// A record that another caller changes at the same moment is deleted before that change or not at all.
#[tokio::test]
async fn a_record_that_no_longer_matches_is_not_deleted() {
    let (_app, _, user) = TestApp::new().await;
    let (mut deleted, mut changed) = (0, 0);
    add(&user, &["Ash"; 45]).await;
    for id in 1..=45 {
        let one = format!("{PATIENTS}/{id}");
        let matching = format!("{PATIENTS}?id={id}&last_name=Ash&expect=1");
        let change = json!({"last_name": "Elm"});
        let (delete, change) = tokio::join!(user.delete(&matching), user.patch(&one, &change));
        match (delete.status.as_u16(), change.status.as_u16()) {
            (200, 404) => deleted += 1,
            (409 | 412, 200) => changed += 1,
            other => panic!("{other:?}: {}", delete.text()),
        }
    }
    tried("deletes of matching records beside changes", deleted + changed, "deleted or changed, never both");
}

#[tokio::test]
async fn ten_thousand_records_are_one_change() {
    let (_app, _, user) = TestApp::new().await;
    let thousand = vec!["Ash"; 1000];
    for _ in 0..10 {
        add(&user, &thousand).await;
    }
    let path = format!("{PATIENTS}?expect=10000");
    assert_eq!(user.patch(&path, &json!({"notes": "n"})).await.expect(200).json()["count"], 10_000);
    add(&user, &["Elm"]).await;
    user.delete(&path).await.expect(409);
    user.delete(&format!("{path}&notes=n")).await.expect(200);
    assert_eq!(names(&user).await, ["Elm"]);
}

/// Shared records, to which tenants may refer, are deleted singly; they can be changed together.
#[tokio::test]
async fn shared_records_are_changed_together_and_deleted_one_by_one() {
    let (app, _, user) = TestApp::new().await;
    let staff = app.staff().await;
    for name in ["North", "South"] {
        staff.post("/api/records/regions", &json!({"name": name, "code": name})).await.expect(201);
    }
    let refused = staff.delete("/api/records/regions?expect=2").await.expect(422);
    assert!(refused.text().contains("one by one"), "{}", refused.text());
    user.patch("/api/records/regions?expect=2", &json!({"name": "x"})).await.expect(403);
    user.delete("/api/records/regions?expect=2").await.expect(403);
}
