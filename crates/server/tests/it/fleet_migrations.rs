//! Migration runs over all tenants through the API and the pages: dry runs, failures with their reasons, repeated runs.

use super::{
    app::{Client, TestApp},
    web::Web,
};
use serde_json::{Value, json};
use tenantry_server::http::Options;

const STAFF: &str = "staff@platform.example";

/// Creates tenants whose databases the catalog says are behind.
async fn behind() -> (TestApp, Client) {
    let app = TestApp::with(Options::default()).await;
    for slug in ["acme", "birch", "cedar"] {
        app.register(slug).await;
    }
    app.catalog("UPDATE placements SET schema_version = 'before' WHERE store = 'tenant'").await;
    let staff = app.staff().await;
    (app, staff)
}

async fn standing(staff: &Client) -> Value {
    staff.get("/api/admin/migrations").await.expect(200).json()
}

fn store(standing: &Value) -> &Value {
    standing["stores"].as_array().unwrap().iter().find(|store| store["store"] == "tenant").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_tried_first_then_brings_all_tenants_up_to_date() {
    let (app, staff) = behind().await;
    assert_eq!(store(&standing(&staff).await)["behind"], 3);
    let log = staff.get("/api/admin/audit?limit=1").await.json()["items"][0]["id"].clone();
    let tried = staff.post("/api/admin/migrations/check", &json!({"canaries": 2})).await.expect(200).json();
    let tried =
        tried["items"].as_array().unwrap().iter().find(|store| store["store"] == "tenant").unwrap().clone();
    assert_eq!((&tried["total"], tried["tried"].as_array().unwrap().len()), (&json!(3), 2), "{tried}");
    assert!(tried["tried"].as_array().unwrap().iter().all(|one| one["reason"].is_null()), "{tried}");
    assert_eq!(store(&standing(&staff).await)["behind"], 3, "a dry run changes nothing");
    assert_eq!(staff.get("/api/admin/audit?limit=1").await.json()["items"][0]["id"], log);
    let run = staff.post("/api/admin/migrations?wait=60", &json!({"parallel": 2})).await.expect(200).json();
    let told =
        run["result"]["stores"].as_array().unwrap().iter().find(|store| store["store"] == "tenant").unwrap();
    assert_eq!(
        (&told["total"], &told["migrated"], &told["failed"]),
        (&json!(3), &json!(3), &json!(0)),
        "{run}"
    );
    let after = standing(&staff).await;
    assert_eq!((&store(&after)["behind"], &after["run"]["id"]), (&json!(0), &run["id"]));
    for wrong in [json!({"parallel": 0}), json!({"parallel": 65}), json!({"canaries": 1001})] {
        staff.post("/api/admin/migrations", &wrong).await.expect(422);
    }
    app.login("owner@acme.example").await.post("/api/admin/migrations", &json!({})).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_grouped_and_tried_again_alone() {
    let (app, staff) = behind().await;
    let failed =
        "UPDATE placements SET migration_error = 'a duplicate' WHERE store = 'tenant' AND tenant IN (1, 2)";
    app.catalog(failed).await;
    let found = standing(&staff).await;
    assert_eq!(
        found["failures"],
        json!([{"store": "tenant", "reason": "a duplicate", "count": 2, "tenants": ["acme", "birch"]}])
    );
    let mut web = Web::signed_in(&app, STAFF).await;
    let page = web.get("/master-admin/migrations/").await.expect(200);
    assert!(page.text().contains("a duplicate") && page.text().contains("acme, birch"), "{}", page.text());
    let form = web.get("/master-admin/migrations/run/?failed=true").await.expect(200);
    let tried = web.submit(&form, "", &[("_check", "yes")]).await.expect(200).text();
    assert!(
        tried.contains("of 2. Nothing was changed") && tried.contains("Tried and rolled back"),
        "{tried}"
    );
    let wrong = web.submit(&form, "", &[("parallel", "900")]).await.expect(422).text();
    assert!(wrong.contains("from 1 to 64"), "{wrong}");
    let begun = web.submit(&form, "", &[]).await.expect(303);
    let id = begun.location().trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
    app.platform().operations().wait(id).await.unwrap();
    let after = standing(&staff).await;
    assert_eq!(
        (&after["failures"], &store(&after)["behind"]),
        (&json!([]), &json!(1)),
        "cedar had not failed"
    );
    let page = web.get("/master-admin/migrations/").await.expect(200).text();
    assert!(page.contains("2 of 2 migrated, 0 failed"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_waits_for_the_first_and_a_cancelled_one_leaves_what_is_done() {
    let (app, staff) = behind().await;
    app.platform().operations().faults().arm("migration_run:all:before:wait-1500");
    let first = staff.post("/api/admin/migrations", &json!({})).await.expect(202).json();
    let second = staff.post("/api/admin/migrations", &json!({})).await.expect(409);
    assert!(second.text().contains("wait for its end"), "{}", second.text());
    let cancel = format!("/api/admin/operations/{}/cancel", first["id"]);
    staff.post(&cancel, &json!({})).await;
    let over = app.platform().operations().wait(first["id"].as_i64().unwrap()).await.unwrap();
    assert_eq!(over.state, tenantry::operations::State::Undone);
    assert_eq!(store(&standing(&staff).await)["behind"], 3, "it was cancelled before its first database");
    staff.post("/api/admin/migrations?wait=60", &json!({})).await.expect(200);
    assert_eq!(store(&standing(&staff).await)["behind"], 0);
}
