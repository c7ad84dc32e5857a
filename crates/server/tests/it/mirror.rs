//! The mirror of the catalog on MongoDB: what programs find there, soon after each change, whichever server made it, and
//! after the catalog or the mirror was replaced.

use super::{
    app::{Client, TestApp},
    valuation::{config, mongo, organisations},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tenantry_server::http::Options;
use tenantry_testkit::mongodb::{self, Document, Home, doc};

/// Longest wait for a document. The guide promises a second; test machines are slow.
const PATIENCE: Duration = Duration::from_secs(20);

async fn app(home: &Home, database: &str) -> (TestApp, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mirror = format!("{}[mirror]\nserver = \"mongo\"\ndatabase = \"{database}\"\n", mongo(home));
    let text = config(dir.path()).replace("[stores.control]", &format!("{mirror}[stores.control]"));
    (TestApp::configured(&text, Options::default()).await, dir)
}

async fn documents(home: &Home, collection: &str) -> Vec<Value> {
    let database = mongodb::client().await.database(&format!("{}valuation_mirror", home.prefix()));
    let documents = database.collection::<Document>(collection);
    let mut cursor = documents.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
    let mut found = vec![];
    while cursor.advance().await.unwrap() {
        found.push(serde_json::to_value(cursor.deserialize_current().unwrap()).unwrap());
    }
    found
}

/// Waits until the collection is as `is_right` says, and returns it.
async fn until(home: &Home, collection: &str, is_right: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let found = documents(home, collection).await;
        if is_right(&found) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{collection}: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn find<'a>(all: &'a [Value], field: &str, value: &str) -> Option<&'a Value> {
    all.iter().find(|document| document[field] == value)
}

async fn count(app: &TestApp, sql: &str) -> usize {
    let rows = app.control().snapshot().await.unwrap().query(sql, &[]).await.unwrap();
    usize::try_from(rows[0].integer(0).unwrap()).unwrap()
}

/// Asserts that the mirror has the audit log, all tenants, users and subscriptions of the catalog.
async fn agrees(app: &TestApp, home: &Home) {
    for (collection, sql) in [
        ("audit_logs", "SELECT count(*) FROM audit"),
        ("organizations", "SELECT count(*) FROM tenants WHERE state <> 'gone'"),
        ("users", "SELECT count(*) FROM users"),
        ("subscriptions", "SELECT count(*) FROM subscriptions"),
        ("system_config", "SELECT count(*) FROM plans"),
    ] {
        let wanted = count(app, sql).await;
        until(home, collection, |all| all.len() == wanted).await;
    }
}

#[tokio::test]
async fn changes_of_the_catalog_are_found_on_mongodb() {
    let home = Home::new().await;
    let (app, _dir) = app(&home, "valuation_mirror").await;
    let (staff, _) = organisations(&app).await;
    // Another server of the installation mirrors too.
    let other = app.beside().await;
    let background = [app.platform().start_background(), other.platform().start_background()];
    agrees(&app, &home).await;
    let first = until(&home, "organizations", |all| all.len() == 2).await;
    assert_eq!(find(&first, "organization_id", "demo_org_001").unwrap()["status"], "active");
    assert!(first[0]["created_at"]["$date"].is_object(), "{}", first[0]);

    staff.post("/api/admin/tenants/demo_org_001/suspend", &json!({"reason": "unpaid"})).await.expect(200);
    until(&home, "organizations", |all| {
        find(all, "organization_id", "demo_org_001").is_some_and(|one| one["status"] == "suspended")
    })
    .await;
    staff.post("/api/admin/tenants/demo_org_002/rename", &json!({"slug": "demo_org_003"})).await.expect(200);
    until(&home, "users", |all| {
        let user = find(all, "email", "owner@demo-org-002.example");
        user.is_some_and(|one| one["organizations"][0]["organization_id"] == "demo_org_003")
    })
    .await;
    until(&home, "subscriptions", |all| find(all, "organization_id", "demo_org_003").is_some()).await;
    made_by(&staff, &home).await;
    agrees(&app, &home).await;
    for collection in ["organizations", "users", "subscriptions", "audit_logs", "system_config"] {
        let text = format!("{:?}", documents(&home, collection).await).to_lowercase();
        for secret in ["argon2", "password_hash", "token_hash", "ten characters"] {
            assert!(!text.contains(secret), "{secret} in {collection}");
        }
    }
    for background in background {
        background.stop().await;
    }
}

/// Creates and removes, and waits for both.
async fn made_by(staff: &Client, home: &Home) {
    let form = json!({"slug": "demo_org_009", "company": "Nine", "email": "nine@nine.example",
        "password": "ten characters or more"});
    staff.post("/api/admin/tenants", &form).await.expect(201);
    let all = until(home, "users", |all| find(all, "email", "nine@nine.example").is_some()).await;
    let user = find(&all, "email", "nine@nine.example").unwrap();
    let role = user["organizations"][0]["role"].clone();
    assert_eq!((&role, &user["is_staff"]), (&json!("owner"), &json!(false)), "{user}");
    let log = until(home, "audit_logs", |all| {
        all.iter().any(|row| row["organization_id"] == "demo_org_009" && row["action"] == "tenant.create")
    })
    .await;
    assert!(log.iter().all(|row| row["hash"].as_str().is_some_and(|hash| hash.len() == 64)), "{log:?}");
}

/// A catalog from a backup knows less than the mirror, which then loses what the catalog does not have.
#[tokio::test]
async fn a_mirror_of_another_state_is_filled_again() {
    let home = Home::new().await;
    let (app, _dir) = app(&home, "valuation_mirror").await;
    organisations(&app).await;
    let background = app.platform().start_background();
    agrees(&app, &home).await;
    background.stop().await;
    let database = mongodb::client().await.database(&format!("{}valuation_mirror", home.prefix()));
    for collection in ["organizations", "users", "subscriptions", "audit_logs", "system_config"] {
        let stray = doc! { "_id": 5_000_i64, "organization_id": "of another catalog" };
        database.collection::<Document>(collection).insert_one(stray).await.unwrap();
    }
    let positions = database.collection::<Document>("_tenantry_mirror");
    let position = positions.find_one(doc! {}).await.unwrap().unwrap();
    let mut replaced: Value = serde_json::from_str(position.get_str("position").unwrap()).unwrap();
    replaced["hash"] = json!("of another catalog");
    let change = doc! { "$set": { "position": replaced.to_string() } };
    positions.update_one(doc! {}, change).await.unwrap();
    let background = app.platform().start_background();
    agrees(&app, &home).await;
    background.stop().await;
    for collection in ["organizations", "users", "subscriptions", "audit_logs", "system_config"] {
        assert!(documents(&home, collection).await.iter().all(|one| one["_id"] != 5_000), "{collection}");
    }
}

#[tokio::test]
async fn a_database_of_something_else_is_not_written() {
    let home = Home::new().await;
    let foreign = format!("{}valuation_mirror", home.prefix());
    let database = mongodb::client().await.database(&foreign);
    database.collection::<Document>("orders").insert_one(doc! { "_id": 1 }).await.unwrap();
    let (app, _dir) = app(&home, "valuation_mirror").await;
    let background = app.platform().start_background();
    let began = Instant::now();
    while !app.platform().background_passes().iter().any(|pass| pass.work == "mirror" && pass.failed > 0) {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    background.stop().await;
    assert_eq!(mongodb::collections(&mongodb::url(), &foreign).await, ["orders"]);
    let needs = app.staff().await.get("/api/admin/overview").await.expect(200).json();
    assert!(needs.to_string().contains("mirror"), "{needs}");
}
