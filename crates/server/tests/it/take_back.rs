//! A manager stages a backup, compares it record by record, and takes single records back.

use super::{
    app::{Client, TestApp},
    limits::limited,
    records::patient,
    web::Web,
};
use http::Method;
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::{internals::discard_expired, operations::Filter, place::Isolation};
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

/// Routes of the pages with backups, for the tests of access: method, route, and a path that leads to it.
pub(super) const CASES: &[(&str, &str, &str)] = &[
    ("GET", "/settings/backups/", "/settings/backups/"),
    ("POST", "/settings/backups/", "/settings/backups/"),
    ("GET", "/settings/compare/", "/settings/compare/"),
    ("POST", "/settings/compare/", "/settings/compare/"),
    ("POST", "/settings/compare/close/", "/settings/compare/close/"),
    ("GET", "/settings/compare/{model}/", "/settings/compare/patients/"),
    ("POST", "/settings/compare/{model}/", "/settings/compare/patients/"),
];

const RECORDS: &str = "/api/tenant/restore/records";

/// Backs the tenant up and stages the backup.
pub(super) async fn stage(owner: &Client) {
    let made = owner.post("/api/tenant/backups?wait=60", &json!({})).await.expect(200).json();
    assert_eq!(made["state"], "done", "{made}");
    let form = json!({"backup": made["backup"]});
    let staged = owner.post("/api/tenant/restore?wait=60", &form).await.expect(200).json();
    assert_eq!(staged["state"], "done", "{staged}");
}

/// Waits until no operation is open.
pub(super) async fn rests(app: &TestApp) {
    let operations = app.platform().operations();
    let open = Filter { open: true, ..Filter::default() };
    for operation in operations.list(&open).await.unwrap() {
        operations.wait(operation.id).await.unwrap();
    }
}

async fn differences(owner: &Client, model: &str) -> Vec<Value> {
    let (mut items, mut after) = (vec![], String::new());
    loop {
        let path = format!("{RECORDS}?model={model}&limit=2{after}");
        let page = owner.get(&path).await.expect(200).json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

async fn take(owner: &Client, model: &str, ids: &[i64]) -> Value {
    owner.post(RECORDS, &json!({"model": model, "ids": ids})).await.expect(200).json()
}

/// Runs the whole procedure with the data in this isolation, in files or on a PostgreSQL server.
async fn then_and_now(app: TestApp) {
    let (owner, rival) = (app.register("acme").await, app.register("rival").await);
    for name in ["Ash", "Elm", "Oak", "Yew"] {
        owner.post("/api/records/patients", &patient(name)).await.expect(201);
        rival.post("/api/records/patients", &patient("Other")).await.expect(201);
    }
    owner.get("/api/tenant/restore").await.expect(409);
    owner.get(&format!("{RECORDS}?model=patients")).await.expect(409);
    stage(&owner).await;
    assert_eq!(differences(&owner, "patients").await, [Value::Null; 0]);
    let before = owner.get("/api/records/patients/2").await.expect(200).json();
    owner.delete("/api/records/patients/1").await.expect(204);
    owner.delete("/api/records/patients/2").await.expect(204);
    owner.patch("/api/records/patients/3", &json!({"last_name": "Changed", "notes": "n"})).await.expect(200);
    owner.post("/api/records/patients", &patient("New")).await.expect(201);
    let found = differences(&owner, "patients").await;
    let seen: Vec<_> = found
        .iter()
        .map(|d| (d["id"].as_i64().unwrap(), d["fields"].clone(), d["now"].is_null(), d["then"].is_null()))
        .collect();
    let expected = [
        (1, json!([]), true, false),
        (2, json!([]), true, false),
        (3, json!(["last_name", "notes"]), false, false),
        (5, json!([]), false, true),
    ];
    assert_eq!(seen, expected);
    assert_eq!(found[1]["then"], before, "as the record route wrote it");
    assert_eq!(
        (&found[2]["now"]["last_name"], &found[2]["then"]["last_name"]),
        (&json!("Changed"), &json!("Oak"))
    );
    let counted = owner.get("/api/tenant/restore").await.expect(200).json();
    let model = counted["stores"][0]["models"].as_array().unwrap().iter().find(|m| m["model"] == "patients");
    assert_eq!(model.unwrap(), &json!({"model": "patients", "added": 2, "changed": 1, "removed": 1}));

    assert_eq!(
        take(&owner, "patients", &[2, 3, 4]).await,
        json!({"created": 1, "changed": 1, "files_lost": 0})
    );
    let back = owner.get("/api/records/patients/2").await.expect(200).json();
    assert_eq!((&back["last_name"], &back["born_on"]), (&before["last_name"], &before["born_on"]));
    let third = owner.get("/api/records/patients/3").await.expect(200).json();
    assert_eq!((&third["last_name"], &third["notes"]), (&json!("Oak"), &Value::Null));
    let left: Vec<_> = differences(&owner, "patients").await.iter().map(|d| d["id"].clone()).collect();
    assert_eq!(left, [json!(1), json!(5)]);
    // An id that is not in the backup takes nothing back.
    let wrong = owner.post(RECORDS, &json!({"model": "patients", "ids": [1, 5]})).await.expect(422);
    assert!(wrong.text().contains("record 5 is not in the backup"), "{}", wrong.text());
    owner.get("/api/records/patients/1").await.expect(404);
    owner.delete("/api/tenant/restore").await.expect(204);
    owner.get(&format!("{RECORDS}?model=patients")).await.expect(409);
    let next = owner.post("/api/records/patients", &patient("Next")).await.expect(201).json();
    assert_eq!(next["id"], 6, "no id is assigned twice");
    let others = rival.get("/api/records/patients?count=true").await.expect(200).json();
    assert_eq!(others["count"], 4);
    rival.get("/api/tenant/restore").await.expect(409);
}

/// The platform closes a comparison that its manager has forgotten, but not one that staff staged or that is younger.
#[tokio::test]
async fn a_comparison_closes_by_itself() {
    let (app, _, owner) = TestApp::new().await;
    owner.post("/api/records/patients", &patient("Ash")).await.expect(201);
    stage(&owner).await;
    let staged = owner.get("/api/tenant/restore").await.expect(200).json();
    let instant = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let hours = (instant(&staged["expires_at"]) - instant(&staged["at"])) / 3_600_000_000;
    assert_eq!(hours, 72, "{staged}");
    let pass = async || {
        app.control().refresh().await.unwrap();
        discard_expired(app.platform()).await.unwrap();
        rests(&app).await;
        app.login("owner@acme.example").await
    };
    app.clock().advance_us(71 * 3_600_000_000);
    let owner = pass().await;
    let page = Web::signed_in(&app, "owner@acme.example").await.get("/settings/compare/").await.expect(200);
    assert!(page.text().contains("closes by itself on"), "{}", page.text());
    owner.get("/api/tenant/restore").await.expect(200);
    app.clock().advance_us(2 * 3_600_000_000);
    let owner = pass().await;
    owner.get("/api/tenant/restore").await.expect(409);
    let staff = app.staff().await;
    let log = staff.get("/api/admin/audit?limit=5").await.expect(200).text();
    assert!(log.contains("tenant.restore_discard"), "{log}");
    // A backup that staff staged stays until they discard it.
    let backup = &staged["backup"];
    let form = json!({"backup": backup});
    staff.post("/api/admin/tenants/acme/restore?wait=60", &form).await.expect(200);
    app.clock().advance_us(900 * 3_600_000_000);
    let staff = app.login("staff@platform.example").await;
    pass().await;
    let kept = staff.get("/api/admin/tenants/acme/restore").await.expect(200).json();
    assert_eq!(kept["expires_at"], Value::Null);
}

#[tokio::test]
async fn records_are_taken_back_from_a_backup() {
    for isolation in ["database", "pooled"] {
        let settings = Settings::default().isolation(isolation);
        then_and_now(TestApp::configured(&settings, Options::default()).await).await;
    }
}

#[tokio::test]
async fn records_are_taken_back_on_postgresql() {
    for server in tenantry_testkit::postgres::servers() {
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            then_and_now(TestApp::on_postgres(&server, isolation).await).await;
        }
    }
}

#[tokio::test]
async fn what_no_longer_fits_is_refused_and_files_come_back() {
    let (app, _, owner) = TestApp::new().await;
    owner.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let payment =
        |reference: &str| json!({"reference": reference, "patient": 1, "amount": "1.00", "method": "cash"});
    owner.post("/api/records/payments", &payment("A")).await.expect(201);
    let report = json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    owner.post("/api/records/reports", &report).await.expect(201);
    let file = "/api/records/reports/1/files/document";
    owner.send(Method::PUT, file, Some("text/plain"), "bytes").await.expect(200);
    stage(&owner).await;
    owner.delete("/api/records/payments/1").await.expect(204);
    owner.delete("/api/records/patients/1").await.expect(204);
    let orphan = owner.post(RECORDS, &json!({"model": "payments", "ids": [1]})).await;
    assert!(matches!(orphan.status.as_u16(), 409 | 422), "its patient is gone: {}", orphan.text());
    take(&owner, "patients", &[1]).await;
    owner.post("/api/records/payments", &payment("A")).await.expect(201);
    let taken = owner.post(RECORDS, &json!({"model": "payments", "ids": [1]})).await.expect(409);
    assert_eq!(
        (taken.code(), &taken.json()["errors"][0]["field"]),
        ("not_unique".into(), &json!("1.reference"))
    );
    owner.delete("/api/records/payments/2").await.expect(204);
    assert_eq!(take(&owner, "payments", &[1]).await["created"], 1);
    let used = || async { owner.get("/api/tenant/usage").await.expect(200).json()["file_bytes"].clone() };
    owner.send(Method::PUT, file, Some("text/plain"), "longer bytes").await.expect(200);
    assert_eq!(used().await, 12);
    assert_eq!(take(&owner, "reports", &[1]).await, json!({"created": 0, "changed": 1, "files_lost": 0}));
    assert_eq!(owner.get(file).await.expect(200).text(), "bytes");
    assert_eq!(used().await, 5, "the other file went with its record's values");
    owner.delete("/api/records/reports/1").await.expect(204);
    assert_eq!(take(&owner, "reports", &[1]).await, json!({"created": 1, "changed": 0, "files_lost": 0}));
    assert_eq!(owner.get(file).await.expect(200).text(), "bytes", "its file was in the backup");
    // The archive of files is lost, and the file with its record.
    owner.delete("/api/records/reports/1").await.expect(204);
    remove_archives(&app.platform().config().platform.data_dir);
    let refused = owner.post(RECORDS, &json!({"model": "reports", "ids": [1]})).await.expect(409);
    assert!(refused.text().contains("backup"), "{}", refused.text());
    owner.get("/api/records/reports/1").await.expect(404);
    for (body, status) in [
        (json!({"model": "patients", "ids": []}), 422),
        (json!({"model": "patients", "ids": vec![1; 101]}), 422),
        (json!({"model": "patients", "ids": ["x"]}), 404),
        (json!({"model": "nothing", "ids": [1]}), 404),
        (json!({"model": "cities", "ids": [1]}), 409),
    ] {
        owner.post(RECORDS, &body).await.expect(status);
    }
    let admin = app.member(&owner, "m@acme.example", "admin").await;
    admin.post(RECORDS, &json!({"model": "patients", "ids": [1]})).await.expect(403);
    admin.get(&format!("{RECORDS}?model=patients")).await.expect(403);
    let other = app.register("rival").await;
    let backups = owner.get("/api/tenant/backups").await.expect(200).json();
    let id = &backups["items"][0]["id"];
    let refused = other.post("/api/tenant/restore", &json!({"backup": id})).await;
    assert!(matches!(refused.status.as_u16(), 404 | 409), "{}", refused.text());
}

#[tokio::test]
async fn files_that_exceed_the_plan_are_not_taken_back() {
    let app = limited("database", "file_bytes = \"10 B\"").await;
    let owner = app.register("acme").await;
    let report = json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    let file = |id: i64| format!("/api/records/reports/{id}/files/document");
    for _ in 0..2 {
        owner.post("/api/records/reports", &report).await.expect(201);
    }
    owner.send(Method::PUT, &file(1), Some("text/plain"), "12345678").await.expect(200);
    stage(&owner).await;
    owner.delete("/api/records/reports/1").await.expect(204);
    owner.send(Method::PUT, &file(2), Some("text/plain"), "12345678").await.expect(200);
    let refused = owner.post(RECORDS, &json!({"model": "reports", "ids": [1]})).await.expect(403);
    assert_eq!(refused.code(), "limit_exceeded");
    owner.get("/api/records/reports/1").await.expect(404);
    assert_eq!(owner.get("/api/tenant/usage").await.expect(200).json()["file_bytes"], 8);
}

/// Removes the archives of files from all backups under this directory.
fn remove_archives(dir: &Path) {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            remove_archives(&path);
        } else if name.starts_with("files.") && name.ends_with(".tar.zst") {
            fs::remove_file(path).unwrap();
        }
    }
}
