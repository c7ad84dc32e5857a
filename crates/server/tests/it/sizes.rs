//! Sizes of databases, day by day: noted once a day on every database, shown to staff and to the company itself.

use super::{
    app::{Client, TestApp},
    records::patient,
    web::Web,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tenantry::{config::DEFAULT_TOML, name::Slug, place::Isolation};
use tenantry_server::http::Options;
use tenantry_testkit::postgres::servers;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
const STAFF: &str = "staff@platform.example";

/// Runs the background work until the sizes of the day are noted.
async fn note(app: &TestApp) {
    let background = app.platform().start_background();
    let (began, day) = (Instant::now(), app.platform().now_us() / DAY_US);
    while turn(app).await != Some((day, true)) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", turn(app).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    background.stop().await;
}

async fn turn(app: &TestApp) -> Option<(i64, bool)> {
    let sql = "SELECT value FROM settings WHERE key = 'sizes'";
    let rows = app.control().snapshot().await.unwrap().query(sql, &[]).await.unwrap();
    let value: Value = serde_json::from_str(rows.first()?.text(0).unwrap()).unwrap();
    Some((value["day"].as_i64()?, value["done"].as_bool()?))
}

async fn rows(app: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM sizes";
    app.control().snapshot().await.unwrap().query(sql, &[]).await.unwrap()[0].integer(0).unwrap()
}

/// Returns the sizes of the store of tenants, earliest first.
async fn sizes(of: &Client, path: &str) -> Vec<u64> {
    let found = of.get(path).await.expect(200).json();
    let stores = found.get("items").unwrap_or(&found["stores"]).as_array().unwrap().clone();
    let Some(store) = stores.iter().find(|of| of["store"] == "tenant") else { return vec![] };
    store["points"].as_array().unwrap().iter().map(|point| point["bytes"].as_u64().unwrap()).collect()
}

async fn grow(of: &Client, rows: u32) {
    for number in 0..rows {
        let mut row = patient(&format!("Ada {number}"));
        row["notes"] = json!("x".repeat(4000));
        of.post("/api/records/patients", &row).await.expect(201);
    }
}

const OF_ACME: &str = "/api/admin/tenants/acme/sizes";

async fn follows(app: &TestApp, what: &str) {
    let (acme, rival) = (app.register("acme").await, app.register("rival").await);
    assert_eq!(sizes(&acme, "/api/tenant/sizes").await, [0; 0], "{what}");
    grow(&acme, 1).await;
    grow(&rival, 1).await;
    note(app).await;
    let first = rows(app).await;
    note(app).await;
    assert_eq!(rows(app).await, first, "{what}: once a day");
    app.clock().advance_us(DAY_US);
    let acme = app.login("owner@acme.example").await;
    grow(&acme, 60).await;
    note(app).await;
    app.clock().advance_us(DAY_US);
    note(app).await;
    let (acme, staff) = (app.login("owner@acme.example").await, app.staff().await);
    let own = sizes(&acme, "/api/tenant/sizes").await;
    assert!(own.len() >= 2 && own[1] > own[0], "{what}: {own:?}");
    assert_eq!(sizes(&staff, OF_ACME).await, own, "{what}");
    let rival = sizes(&staff, "/api/admin/tenants/rival/sizes").await;
    assert_eq!(
        *rival.last().unwrap() + own.last().unwrap(),
        *sizes(&staff, "/api/admin/sizes").await.last().unwrap()
    );
    assert_eq!(
        sizes(&staff, &format!("{OF_ACME}?days=1")).await,
        own[own.len() - 1..],
        "{what}: the last before"
    );
    let all = staff.get("/api/admin/sizes").await.expect(200).json();
    let fastest = &all["fastest"][0];
    let grown = own.last().unwrap() - own[0];
    assert_eq!((&fastest["tenant"], &fastest["store"]), (&json!("acme"), &json!("tenant")), "{what}: {all}");
    assert_eq!(
        (&fastest["grown"], &fastest["bytes"]),
        (&json!(grown), &json!(own.last().unwrap())),
        "{what}"
    );
}

#[tokio::test]
async fn sizes_of_files_and_pools_are_noted_once_a_day() {
    let pooled = DEFAULT_TOML
        .replace("isolation = \"database\"", "isolation = \"pooled\"")
        .replace("name = \"tenant_{slug}\"", "name = \"tenants\"");
    for (text, what) in [(DEFAULT_TOML, "database"), (&*pooled, "pooled")] {
        let app = TestApp::configured(text, Options::default()).await;
        follows(&app, what).await;
    }
}

#[tokio::test]
async fn sizes_on_postgresql_are_noted_once_a_day() {
    for server in servers() {
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            let app = TestApp::on_postgres(&server, isolation).await;
            follows(&app, &format!("{server} {isolation:?}")).await;
        }
    }
}

/// A size that does not change is noted every 30 days, and forgotten after two years. A removed company has none.
#[tokio::test]
async fn an_idle_company_takes_little_room() {
    let app = TestApp::configured(DEFAULT_TOML, Options::default()).await;
    let acme = app.register("acme").await;
    grow(&acme, 1).await;
    let sql = "SELECT count(*) FROM sizes WHERE tenant > 0";
    let points = async || {
        app.control().snapshot().await.unwrap().query(sql, &[]).await.unwrap()[0].integer(0).unwrap()
    };
    for days in 0..40 {
        note(&app).await;
        assert!(points().await <= 1 + days / 30 + 1, "after {days} days");
        app.clock().advance_us(DAY_US);
    }
    let before = points().await;
    app.clock().advance_us(800 * DAY_US);
    note(&app).await;
    assert_eq!(points().await, 1, "of {before}");
}

#[tokio::test]
async fn wrong_periods_and_other_companies_are_refused() {
    let (app, anon, acme) = TestApp::new().await;
    let staff = app.staff().await;
    for path in [OF_ACME, "/api/admin/sizes"] {
        for days in ["0", "731", "-1", "x"] {
            let refused = staff.get(&format!("{path}?days={days}")).await;
            assert!(refused.status.is_client_error(), "{path} {days}: {}", refused.status);
        }
        assert_eq!(acme.get(path).await.status, 404, "{path}");
        assert_ne!(anon.get(path).await.status, 200, "{path}");
    }
    assert_eq!(staff.get("/api/admin/tenants/nobody/sizes").await.status, 404);
    let own = acme.get("/api/tenant/sizes?days=731").await;
    assert!(own.status.is_client_error());
}

#[tokio::test]
async fn pages_draw_the_sizes() {
    let app = TestApp::configured(DEFAULT_TOML, Options::default()).await;
    let acme = app.register("acme").await;
    let staff = app.staff().await;
    note(&app).await;
    drop(staff);
    let mut web = Web::signed_in(&app, STAFF).await;
    for path in ["/master-admin/companies/acme/", "/master-admin/analytics/"] {
        let page = web.get(path).await.expect(200);
        assert!(page.text().contains("Size of databases"), "{path}: {}", page.text());
    }
    app.clock().advance_us(DAY_US);
    drop(acme);
    let acme = app.login("owner@acme.example").await;
    grow(&acme, 60).await;
    note(&app).await;
    let mut web = Web::signed_in(&app, STAFF).await;
    for path in ["/master-admin/companies/acme/", "/master-admin/analytics/"] {
        let page = web.get(path).await.expect(200);
        assert!(page.attrs("path", "d").iter().any(|line| line.starts_with('M')), "{path}: {}", page.text());
    }
    let slug = Slug::parse("acme").unwrap();
    let staff = tenantry::access::Operator::new("test");
    let sizes = app.platform().tenants().sizes(&staff, &slug, 90).await.unwrap();
    assert_eq!(sizes.len(), 1);
}
