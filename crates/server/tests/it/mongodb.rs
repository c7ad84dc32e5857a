//! Tenants on MongoDB over HTTP, with the catalog on SQLite: their own rows and no others, filters and groups, backup and
//! restore, moves to SQLite and back, and the end.

use super::{
    app::{Client, TestApp},
    copies::company,
    ends::{closed, purge},
    records::patient,
};
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::mongodb::{self, Home};

/// Opens an app with the tenants on MongoDB; shared data too if `shared` is its server.
pub(super) async fn app(home: &Home, isolation: &str, shared: &str) -> TestApp {
    app_with(home, isolation, shared, "").await
}

/// Opens an app as [`app`] does, with these sections too.
pub(super) async fn app_with(home: &Home, isolation: &str, shared: &str, more: &str) -> TestApp {
    let (url, prefix) = (mongodb::url(), home.prefix());
    let settings = format!(
        "[servers.main]\npath = \"databases\"\n\
         [servers.mongo]\nengine = \"mongodb\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n\
         [stores.control]\nserver = \"main\"\n[stores.shared]\nserver = \"{shared}\"\n\
         [stores.tenant]\nservers = [\"mongo\", \"main\"]\nisolation = \"{isolation}\"\n\
         [registration]\nplacement = \"first\"\n{more}"
    );
    TestApp::configured(&settings, Options::default()).await
}

async fn count(of: &Client, filter: &str) -> u64 {
    let found = of.get(&format!("/api/records/patients?count=true{filter}")).await.expect(200).json();
    found["count"].as_u64().unwrap()
}

pub(super) async fn place(staff: &Client, slug: &str) -> Value {
    let shown = staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json();
    shown["placements"][0]["place"].clone()
}

/// Runs an operation of staff to its end.
pub(super) async fn done(staff: &Client, path: &str, body: &Value) {
    let ended = staff.post(&format!("/api/admin/{path}?wait=60"), body).await;
    assert!(ended.status.is_success(), "{path}: {}", ended.text());
    assert_eq!(ended.json()["state"], "done", "{path}: {}", ended.text());
}

#[tokio::test]
async fn two_tenants_see_their_own_rows_and_no_others() {
    for (isolation, shared) in [("database", "main"), ("pooled", "main"), ("database", "mongo")] {
        let home = Home::new().await;
        let app = app(&home, isolation, shared).await;
        let (acme, rival) = (app.register("acme").await, app.register("rival").await);
        for name in ["Ada", "Bea", "Cid"] {
            acme.post("/api/records/patients", &patient(name)).await.expect(201);
        }
        rival.post("/api/records/patients", &patient("Dan")).await.expect(201);
        assert_eq!((count(&acme, "").await, count(&rival, "").await), (3, 1), "{isolation}");
        acme.get("/api/records/patients/2").await.expect(200);
        rival.get("/api/records/patients/2").await.expect(404);
        acme.delete("/api/records/patients/3").await.expect(204);
        let usage = acme.get("/api/tenant/usage").await.expect(200).json();
        assert_eq!(usage["stores"]["tenant"]["rows"], 2, "{usage}");
        // Operators of MongoDB are texts like any other.
        let odd = patient("$where");
        let id = acme.post("/api/records/patients", &odd).await.expect(201).json()["id"].clone();
        let stored = acme.get(&format!("/api/records/patients/{id}")).await.expect(200).json();
        assert_eq!(stored["last_name"], odd["last_name"], "{stored}");
        let shown = place(&app.staff().await, "acme").await;
        assert_eq!((&shown["server"], &shown["isolation"]), (&json!("mongo"), &json!(isolation)));
    }
}

#[tokio::test]
async fn a_backup_is_restored_beside_the_live_rows_and_swapped_in() {
    for isolation in ["database", "pooled"] {
        let home = Home::new().await;
        let app = app(&home, isolation, "main").await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", "Quetzal").await;
        done(&staff, "tenants/acme/backups", &json!({})).await;
        let backups = staff.get("/api/admin/tenants/acme/backups").await.expect(200).json();
        let id = backups["items"][0]["id"].clone();
        acme.delete("/api/records/patients/2").await.expect(204);
        acme.post("/api/records/patients", &patient("Late")).await.expect(201);
        done(&staff, "tenants/acme/restore", &json!({"backup": id})).await;
        assert_eq!(count(&acme, "").await, 3, "nothing changes before the swap");
        done(&staff, "tenants/acme/restore/swap", &json!({})).await;
        acme.get("/api/records/patients/2").await.expect(200);
        acme.get("/api/records/patients/4").await.expect(404);
        done(&staff, "tenants/acme/restore/undo", &json!({})).await;
        acme.get("/api/records/patients/4").await.expect(200);
    }
}

#[tokio::test]
async fn a_tenant_moves_to_sqlite_and_back() {
    let home = Home::new().await;
    let app = app(&home, "database", "main").await;
    let (staff, acme) = (app.staff().await, app.register("acme").await);
    for (rows, server) in [(1, "main"), (2, "mongo"), (3, "main")] {
        acme.post("/api/records/patients", &patient(&format!("Ada{rows}"))).await.expect(201);
        done(&staff, "tenants/acme/move", &json!({"server": server})).await;
        assert_eq!(place(&staff, "acme").await["server"], server);
        assert_eq!(count(&acme, "").await, rows);
    }
}

#[tokio::test]
async fn a_cancelled_tenant_is_purged_and_its_neighbour_stays() {
    for isolation in ["database", "pooled"] {
        let home = Home::new().await;
        let app = app(&home, isolation, "main").await;
        let staff = app.staff().await;
        company(&app, &staff, "acme", "Quetzal").await;
        let rival = app.register("rival").await;
        rival.post("/api/records/patients", &patient("Dan")).await.expect(201);
        let physical = place(&staff, "acme").await["physical"].as_str().unwrap().to_owned();
        let id = closed(&staff, "acme").await;
        let ended = purge(&staff, "acme", &json!({"confirm": "acme", "id": id})).await.expect(200).json();
        assert_eq!(ended["state"], "done", "{ended}");
        assert_eq!(count(&rival, "").await, 1, "{isolation}");
        let is_there = home.databases().await.contains(&format!("{}{physical}", home.prefix()));
        assert_eq!(is_there, isolation == "pooled", "{isolation}");
    }
}

#[tokio::test]
async fn a_proof_holds_and_finds_documents_of_nobody() {
    for isolation in ["database", "pooled"] {
        let home = Home::new().await;
        let app = app(&home, isolation, "main").await;
        let staff = app.staff().await;
        for slug in ["acme", "rival"] {
            app.register(slug).await.post("/api/records/patients", &patient(slug)).await.expect(201);
        }
        let violated = async || {
            let over = staff.post("/api/admin/proofs?wait=120", &json!({})).await.expect(200).json();
            let id = over["result"]["proof"].as_i64().unwrap();
            let proof = staff.get(&format!("/api/admin/proofs/{id}")).await.expect(200).json();
            assert_eq!((&proof["missed"], &proof["places"]), (&json!(0), &json!(2)), "{proof:#}");
            let rules = proof["rules"].as_array().unwrap().iter().filter(|rule| rule["violated"] != 0);
            rules.map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert!(violated().await.is_empty(), "{isolation}");
        let physical = place(&staff, "acme").await["physical"].as_str().unwrap().to_owned();
        let client = mongodb::client().await;
        let log = client.database(&format!("{}{physical}", home.prefix()));
        let log = log.collection::<mongodb::Document>("_tenantry_activity");
        let planted = mongodb::doc! { "_id": { "p": "999/tenant", "n": 1_i64 } };
        log.insert_one(&planted).await.unwrap();
        assert_eq!(violated().await, ["rows"], "{isolation}");
        log.delete_one(planted).await.unwrap();
        assert!(violated().await.is_empty(), "{isolation}");
    }
}
