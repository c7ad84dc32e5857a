//! The fleet map: where tenants are and how well, moves while they run, and many tenants at once.

use super::{app::TestApp, web::Web};
use serde_json::json;
use std::time::Instant;
use tenantry_server::http::Options;

const STAFF: &str = "staff@platform.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_drawn_while_it_runs_and_cells_say_how_tenants_are() {
    let settings =
        tenantry_testkit::Settings::default().two_servers().set("registration", "placement = \"first\"");
    let app = TestApp::configured(&settings, Options::default()).await;
    for slug in ["acme", "birch", "cedar", "dogwood"] {
        app.register(slug).await;
    }
    let staff = app.staff().await;
    for slug in ["acme", "birch", "dogwood"] {
        staff.post(&format!("/api/admin/tenants/{slug}/backups?wait=60"), &json!({})).await.expect(200);
    }
    staff.post("/api/admin/tenants/dogwood/move?wait=60", &json!({"server": "disk"})).await.expect(200);
    staff.post("/api/admin/tenants/birch/suspend", &json!({"reason": "unpaid"})).await.expect(200);
    let map = staff.get("/api/admin/fleet").await.expect(200).json();
    let main = map["servers"].as_array().unwrap().iter().find(|server| server["name"] == "main").unwrap();
    assert_eq!(main["health"], json!({"fine": 1, "closed": 1, "no_backup": 1}), "{map}");
    assert_eq!(main["tenants"][0]["slug"], "acme");
    assert!(main["tenants"][0]["backup_bytes"].as_u64().unwrap() > 0, "{map}");
    assert_eq!((&map["moves"], &map["is_aggregated"]), (&json!([]), &json!(false)));
    let mut web = Web::signed_in(&app, STAFF).await;
    let page = web.get("/master-admin/map/").await.expect(200);
    assert!(page.attrs("a", "href").contains(&"/master-admin/companies/acme/".to_owned()));
    assert!(!page.attrs("path", "class").contains(&"moving".to_owned()));
    app.platform().operations().faults().arm("move:copy:before:wait-1500");
    let begun =
        staff.post("/api/admin/tenants/acme/move", &json!({"server": "disk"})).await.expect(202).json();
    let during = staff.get("/api/admin/fleet").await.expect(200).json();
    let wanted = json!([{"operation": begun["id"], "tenant": "acme", "from": "main", "to": "disk"}]);
    assert_eq!(during["moves"], wanted, "{during}");
    let page = web.get("/master-admin/map/").await.expect(200);
    assert!(page.attrs("path", "class").contains(&"moving".to_owned()), "{}", page.text());
    assert!(page.text().contains("acme moves from main to disk"), "{}", page.text());
    app.platform().operations().wait(begun["id"].as_i64().unwrap()).await.unwrap();
    let after = staff.get("/api/admin/fleet").await.expect(200).json();
    assert_eq!(after["moves"], json!([]));
}

/// Adds tenants to the catalog, with a placement each.
async fn add(app: &TestApp, first: i64, count: i64) {
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {})",
        first + count - 1
    );
    app.catalog(&format!(
        "INSERT INTO tenants (id, slug, name, email, state, state_at, created_at) {numbers} \
         SELECT i, 't' || i, 'Tenant ' || i, 'a@b.example', 'active', 0, 0 FROM n"
    ))
    .await;
    app.catalog(&format!(
        "INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, state) {numbers} \
         SELECT i, 'tenant', 'main', 'database', 'managed', 't' || i, 't' || i || '_1', 1, 'ready' FROM n"
    ))
    .await;
}

#[tokio::test]
async fn three_thousand_tenants_are_shown_one_by_one_and_more_are_counted() {
    let app = TestApp::with(Options::default()).await;
    let _staff = app.staff().await;
    add(&app, 1000, 3000).await;
    let mut web = Web::signed_in(&app, STAFF).await;
    let began = Instant::now();
    let page = web.get("/master-admin/map/").await.expect(200);
    let took = began.elapsed();
    let cells =
        page.attrs("a", "href").iter().filter(|href| href.starts_with("/master-admin/companies/t")).count();
    assert_eq!(cells, 3000);
    tenantry_testkit::tried(
        "fleet map of 3,000 tenants",
        1,
        &format!("{} ms, unoptimised", took.as_millis()),
    );
    add(&app, 5000, 1).await;
    let page = web.get("/master-admin/map/").await.expect(200);
    assert!(page.text().contains("up to 8 companies"), "{}", &page.text()[..2000]);
    let rects = page.attrs("rect", "class").iter().filter(|class| class.as_str() == "cell schema").count();
    assert!((370..=401).contains(&rects), "{rects}");
}
