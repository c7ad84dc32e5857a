//! Old entries of activity logs are removed, on every database, for each tenant once a day, and nothing else is.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tenantry::{config::DEFAULT_TOML, place::Isolation};
use tenantry_server::http::Options;
use tenantry_testkit::postgres::servers;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

async fn log(of: &Client) -> Vec<Value> {
    let log = of.get("/api/tenant/activity?limit=100").await.expect(200).json();
    log["items"].as_array().unwrap().clone()
}

/// Runs the background work until the day's work on activity logs is over.
async fn work(app: &TestApp) {
    let background = app.platform().start_background();
    let began = Instant::now();
    let day = app.platform().now_us() / DAY_US;
    while turn(app).await != Some((day, true)) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", turn(app).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    background.stop().await;
}

/// Returns the last day on which the work began, and whether it is over.
async fn turn(app: &TestApp) -> Option<(i64, bool)> {
    let sql = "SELECT value FROM settings WHERE key = 'activity_trim'";
    let rows = app.control().snapshot().await.unwrap().query(sql, &[]).await.unwrap();
    let value: Value = serde_json::from_str(rows.first()?.text(0).unwrap()).unwrap();
    Some((value["day"].as_i64()?, value["done"].as_bool()?))
}

async fn removes(app: &TestApp, what: &str) {
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    for name in ["Ada", "Bea", "Cid"] {
        acme.post("/api/records/patients", &patient(name)).await.expect(201);
    }
    rival.post("/api/records/patients", &patient("Dan")).await.expect(201);
    work(app).await;
    assert_eq!((log(&acme).await.len(), log(&rival).await.len()), (3, 1), "{what}: nothing is old");
    app.clock().advance_us(4 * DAY_US);
    let (acme, staff) = (app.login("owner@acme.example").await, app.staff().await);
    acme.patch("/api/records/patients/1", &json!({"notes": "late"})).await.expect(200);
    work(app).await;
    let left = log(&acme).await;
    assert_eq!(left.len(), 1, "{what}: {left:?}");
    assert_eq!(left[0]["action"], "update", "{what}");
    let rival = app.login("owner@rival.example").await;
    assert_eq!(log(&rival).await.len(), 1, "{what}: the newest entry stays, whatever its age");
    let count = acme.get("/api/records/patients?count=true").await.expect(200).json()["count"].clone();
    assert_eq!(count, 3, "{what}: records stay");
    acme.post("/api/records/patients", &patient("Eve")).await.expect(201);
    let newest = log(&acme).await;
    assert!(newest[0]["id"].as_i64() > left[0]["id"].as_i64(), "{what}: numbers go on: {newest:?}");
    let audit = staff.get("/api/admin/audit?action=tenant.trim_activity").await.expect(200).json();
    let told: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|row| row["detail"].to_string()).collect();
    assert!(told.len() == 1 && told[0].contains("\\\"entries\\\":3"), "{what}: {audit}");
}

fn with_days(text: &str) -> String {
    assert!(text.contains("activity_days = 0"));
    text.replace("activity_days = 0", "activity_days = 3")
}

#[tokio::test]
async fn old_entries_are_removed_from_files() {
    let pooled = DEFAULT_TOML
        .replace("isolation = \"database\"", "isolation = \"pooled\"")
        .replace("name = \"tenant_{slug}\"", "name = \"tenants\"");
    for (text, what) in [(DEFAULT_TOML, "database"), (&*pooled, "pooled")] {
        let app = TestApp::configured(&with_days(text), Options::default()).await;
        removes(&app, what).await;
    }
}

#[tokio::test]
async fn old_entries_are_removed_on_postgresql() {
    for server in servers() {
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            let app = TestApp::on_postgres_with(&server, isolation, &with_days(DEFAULT_TOML)).await;
            removes(&app, &format!("{server} {isolation:?}")).await;
        }
    }
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn old_entries_are_removed_on_mongodb() {
    for isolation in ["database", "pooled"] {
        let home = tenantry_testkit::mongodb::Home::new().await;
        let app =
            super::mongodb::app_with(&home, isolation, "main", "[retention]\nactivity_days = 3\n").await;
        removes(&app, isolation).await;
    }
}

/// An age of 0 days is no limit.
#[tokio::test]
async fn without_a_limit_every_entry_stays() {
    let (app, _, acme) = TestApp::new().await;
    acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
    acme.patch("/api/records/patients/1", &json!({"notes": "late"})).await.expect(200);
    app.clock().advance_us(10 * DAY_US);
    let background = app.platform().start_background();
    tokio::time::sleep(Duration::from_secs(1)).await;
    background.stop().await;
    assert_eq!(turn(&app).await, None);
    let acme = app.login("owner@acme.example").await;
    assert_eq!(log(&acme).await.len(), 2);
}
