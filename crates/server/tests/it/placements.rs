//! Databases created on first use, and databases that tenants bring, over HTTP.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::path::PathBuf;
use tenantry::access::Operator;
use tenantry_server::http::Options;

const CALLERS: usize = 16;

async fn app(provision: &str) -> TestApp {
    let text = format!(
        "[stores.control]\n[stores.shared]\n[stores.tenant]\nname = \"org_{{slug}}\"\nprovision = \"{provision}\"\n"
    );
    TestApp::configured(&text, Options::default()).await
}

fn databases(app: &TestApp) -> Vec<String> {
    let entries = std::fs::read_dir(root(app)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("org_") && name.ends_with(".db")).collect();
    names.sort();
    names
}

fn root(app: &TestApp) -> PathBuf {
    app.platform().config().servers[0].path().unwrap().to_owned()
}

async fn audited(staff: &Client, action: &str) -> usize {
    let log = staff.get("/api/admin/audit?limit=1000").await.expect(200).json();
    log["items"].as_array().unwrap().iter().filter(|row| row["action"] == action).count()
}

/// The first request that needs the database creates it; many concurrent requests create one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_first_requests_make_one_database() {
    let app = app("on_demand").await;
    let staff = app.staff().await;
    let acme = app.register("acme").await;
    let other = app.register("other").await;
    for path in ["/api/tenant", "/api/tenant/usage", "/api/tenant/users", "/api/records/regions"] {
        acme.get(path).await.expect(200);
    }
    assert_eq!(databases(&app), [""; 0], "none of these needs it");
    let asking = (0..CALLERS).map(|n| {
        let (acme, name) = (acme.clone(), format!("P{n}"));
        tokio::spawn(async move {
            match n % 4 {
                0 => acme.get("/api/records/patients").await.status.as_u16() - 200,
                1 => acme.get("/api/tenant/activity").await.status.as_u16() - 200,
                _ => acme.post("/api/records/patients", &patient(&name)).await.status.as_u16() - 201,
            }
        })
    });
    let refused: Vec<_> =
        join_all(asking).await.into_iter().map(Result::unwrap).filter(|s| *s != 0).collect();
    assert_eq!(refused, [0; 0]);
    assert_eq!(databases(&app), ["org_acme_1.db"]);
    assert_eq!(audited(&staff, "tenant.create_databases").await, 1);
    let count = acme.get("/api/records/patients?count=true").await.expect(200).json()["count"].clone();
    assert_eq!(count, json!(CALLERS / 2));
    other.get("/api/records/patients/1").await.expect(404);
    assert_eq!(databases(&app), ["org_acme_1.db", "org_other_1.db"]);
}

/// A database that was created and is lost is an error with its remedy; no request creates it again or uses
/// another.
#[tokio::test]
async fn a_database_that_is_lost_is_never_made_by_a_request() {
    for provision in ["on_demand", "managed"] {
        let app = app(provision).await;
        let acme = app.register("acme").await;
        acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
        app.platform().shutdown().await;
        for name in databases(&app) {
            std::fs::remove_file(root(&app).join(name)).unwrap();
        }
        for _ in 0..2 {
            let refused = acme.get("/api/records/patients").await.expect(503);
            assert_eq!(refused.code(), "no_database", "{provision}");
            acme.post("/api/records/patients", &patient("Birch")).await.expect(503);
        }
        assert_eq!(databases(&app), [""; 0], "{provision}");
    }
}

/// The database is absent until staff attach it; the answer names the remedy.
#[tokio::test]
async fn staff_name_the_database_that_a_company_brings() {
    let app = app("external").await;
    let staff = app.staff().await;
    let acme = app.register("acme").await;
    let refused = acme.get("/api/records/patients").await.expect(503).json();
    assert_eq!(refused["code"], "no_database");
    assert!(refused["remedy"].as_str().unwrap().contains("tenantry attach acme"), "{refused}");
    let path = "/api/admin/tenants/acme/attach";
    let absent = staff.post(path, &json!({"store": "tenant"})).await.expect(422).json();
    assert_eq!(absent["errors"][0]["field"], "physical");
    staff.post(path, &json!({"store": "tenant", "physical": "../x"})).await.expect(422);
    staff.post(path, &json!({"store": "shared"})).await.expect(404);
    std::fs::write(root(&app).join("org_acme.db"), b"").unwrap();
    let done: Value = staff.post(path, &json!({"store": "tenant"})).await.expect(200).json();
    assert_eq!(
        (&done["database"], &done["pending"]),
        (&json!("org_acme"), &json!(["medadmin/0001_initial", "medadmin/0002_custom_fields"]))
    );
    acme.get("/api/records/patients").await.expect(503);
    let options = tenantry::migrations::fleet::Options { external: true, ..Default::default() };
    app.platform().migrations().run(&Operator::new("system"), None, options, |_, _| {}).await.unwrap();
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    assert_eq!(audited(&staff, "tenant.attach_database").await, 1);
}

/// A brought database belongs to the tenant: no operation puts another in its place, and a purge leaves it.
#[tokio::test]
async fn what_a_company_brought_is_left_alone_and_staff_are_told() {
    let app = app("external").await;
    let staff = app.staff().await;
    let acme = app.register("acme").await;
    let at = |what: &str| format!("/api/admin/tenants/acme/{what}");
    let file = root(&app).join("org_acme.db");
    std::fs::write(&file, b"").unwrap();
    staff.post(&at("attach"), &json!({"store": "tenant"})).await.expect(200);
    let options = tenantry::migrations::fleet::Options { external: true, ..Default::default() };
    app.platform().migrations().run(&Operator::new("system"), None, options, |_, _| {}).await.unwrap();
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let backup = staff.post(&at("backups?wait=60"), &json!({})).await.expect(200).json();
    assert_eq!(backup["state"], "done", "{backup}");
    let newest = staff.get(&at("backups")).await.expect(200).json()["items"][0]["id"].clone();
    for (verb, form) in [
        ("restore", json!({"backup": newest})),
        ("move", json!({"server": "main"})),
        ("move", json!({"back": true})),
        ("move", json!({"back": true, "lost": true})),
        ("promote", json!({})),
        ("demote", json!({})),
        ("demote", json!({"store": "tenant"})),
    ] {
        let refused = staff.post(&at(verb), &form).await.expect(409).text();
        assert!(refused.contains("brought by its owner"), "{verb} {form}: {refused}");
    }
    let cloned = staff.post(&at("clone?wait=60"), &json!({"slug": "twin"})).await.expect(200).json();
    assert_eq!(cloned["state"], "done", "{cloned}");
    assert_eq!(databases(&app), ["org_acme.db", "org_twin_1.db"], "the copy is the platform's");
    let brought = rusqlite::Connection::open(&file).unwrap();
    brought.execute_batch("CREATE TABLE ledger_of_mine(x)").unwrap();
    let refused = staff.post(&at("clone?wait=60"), &json!({"slug": "third"})).await.text();
    assert!(refused.contains("ledger_of_mine"), "{refused}");
    for slug in ["twin", "acme"] {
        let path = |what: &str| format!("/api/admin/tenants/{slug}/{what}");
        let id = staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json()["id"].clone();
        let now = json!({"confirm": slug, "grace_days": 0, "retention_days": 0});
        staff.post(&path("cancel"), &now).await.expect(200);
        let form = json!({"confirm": slug, "id": id, "early": true});
        assert_eq!(staff.post(&path("purge?wait=60"), &form).await.expect(200).json()["state"], "done");
    }
    assert_eq!(databases(&app), ["org_acme.db"]);
    let left: i64 = brought.query_row("SELECT count(*) FROM patients", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
    let certificate = staff.get(&at("certificate")).await.expect(200).text();
    assert!(certificate.contains("brought by its owner, who keeps it"), "{certificate}");
}
