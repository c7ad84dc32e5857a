//! The life of tenants on PostgreSQL over HTTP, for each isolation and server: separation of their rows, limits, backup
//! and restore, moves among pool, schema, database and SQLite, copies, and the end.

use super::{
    app::{Client, TestApp},
    binary,
    copies::{company, import},
    ends::{closed, purge},
    records::patient,
};
use serde_json::{Value, json};
use tenantry::place::Isolation;
use tenantry_testkit::postgres::{Home, servers};

const ALL: [Isolation; 3] = [Isolation::Database, Isolation::Schema, Isolation::Pooled];

async fn count(of: &Client) -> u64 {
    let found = of.get("/api/records/patients?count=true").await.expect(200).json();
    found["count"].as_u64().unwrap()
}

async fn place(staff: &Client, slug: &str) -> Value {
    staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json()["placements"][0]["place"]
        .clone()
}

/// Runs an operation of staff to its end.
async fn done(staff: &Client, path: &str, body: &Value) {
    let ended = staff.post(&format!("/api/admin/{path}?wait=60"), body).await;
    assert!(ended.status.is_success(), "{path}: {}", ended.text());
    assert_eq!(ended.json()["state"], "done", "{path}: {}", ended.text());
}

#[tokio::test]
async fn two_tenants_see_their_own_rows_and_no_others() {
    for url in servers() {
        for isolation in ALL {
            let app = TestApp::on_postgres(&url, isolation).await;
            let (acme, rival) = (app.register("acme").await, app.register("rival").await);
            for name in ["Ada", "Bea", "Cid"] {
                acme.post("/api/records/patients", &patient(name)).await.expect(201);
            }
            rival.post("/api/records/patients", &patient("Dan")).await.expect(201);
            assert_eq!((count(&acme).await, count(&rival).await), (3, 1), "{isolation:?}");
            acme.get("/api/records/patients/2").await.expect(200);
            rival.get("/api/records/patients/2").await.expect(404);
            let usage = acme.get("/api/tenant/usage").await.expect(200).json();
            assert_eq!(usage["stores"]["tenant"]["rows"], 3, "{usage}");
            assert!(usage["stores"]["tenant"]["bytes"].as_u64() > Some(0), "{usage}");
            let shown = place(&app.staff().await, "acme").await;
            assert_eq!(
                (&shown["server"], &shown["isolation"]),
                (&json!("postgres"), &json!(isolation.as_str()))
            );
        }
    }
}

#[tokio::test]
async fn a_tenant_moves_through_every_place_and_back_with_every_row() {
    for url in servers() {
        let app = TestApp::on_postgres(&url, Isolation::Pooled).await;
        let (staff, acme) = (app.staff().await, app.register("acme").await);
        let rival = app.register("rival").await;
        rival.post("/api/records/patients", &patient("Dan")).await.expect(201);
        let mut rows = 0;
        for (verb, body, server, isolation) in [
            ("promote", json!({"isolation": "schema"}), "postgres", "schema"),
            ("promote", json!({"server": "postgres"}), "postgres", "database"),
            ("demote", json!({"isolation": "schema"}), "postgres", "schema"),
            ("demote", json!({}), "postgres", "pooled"),
            ("promote", json!({"isolation": "database", "server": "postgres"}), "postgres", "database"),
            ("demote", json!({}), "postgres", "pooled"),
        ] {
            acme.post("/api/records/patients", &patient(&format!("Ada{rows}"))).await.expect(201);
            rows += 1;
            done(&staff, &format!("tenants/acme/{verb}"), &body).await;
            let now = place(&staff, "acme").await;
            assert_eq!(
                (&now["server"], &now["isolation"]),
                (&json!(server), &json!(isolation)),
                "{verb} {body}"
            );
            assert_eq!((count(&acme).await, count(&rival).await), (rows, 1), "{verb} {body}");
        }
        assert_eq!(acme.get("/api/records/patients/1").await.expect(200).json()["id"], 1);
    }
}

#[tokio::test]
async fn a_backup_is_restored_beside_the_live_rows_and_swapped_in() {
    for url in servers() {
        for isolation in ALL {
            let app = TestApp::on_postgres(&url, isolation).await;
            let staff = app.staff().await;
            let acme = company(&app, &staff, "acme", "Quetzal").await;
            done(&staff, "tenants/acme/backups", &json!({})).await;
            let backups = staff.get("/api/admin/tenants/acme/backups").await.expect(200).json();
            let id = backups["items"][0]["id"].clone();
            acme.delete("/api/records/patients/2").await.expect(204);
            acme.post("/api/records/patients", &patient("Late")).await.expect(201);
            done(&staff, "tenants/acme/restore", &json!({"backup": id})).await;
            assert_eq!(count(&acme).await, 3, "nothing changes before the swap");
            done(&staff, "tenants/acme/restore/swap", &json!({})).await;
            acme.get("/api/records/patients/2").await.expect(200);
            acme.get("/api/records/patients/4").await.expect(404);
            done(&staff, "tenants/acme/restore/undo", &json!({})).await;
            acme.get("/api/records/patients/4").await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_tenant_moves_up_from_sqlite_and_back_down() {
    for url in servers() {
        let app = TestApp::on_postgres(&url, Isolation::Pooled).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", "Quetzal").await;
        let rows = acme.get("/api/records/patients").await.expect(200).json();
        for (verb, body, server, isolation) in [
            ("promote", json!({"server": "main"}), "main", "database"),
            ("move", json!({"server": "postgres"}), "postgres", "database"),
            ("move", json!({"server": "main"}), "main", "database"),
            ("demote", json!({}), "postgres", "pooled"),
        ] {
            done(&staff, &format!("tenants/acme/{verb}"), &body).await;
            let now = place(&staff, "acme").await;
            assert_eq!(
                (&now["server"], &now["isolation"]),
                (&json!(server), &json!(isolation)),
                "{verb} {body}"
            );
            assert_eq!(acme.get("/api/records/patients").await.expect(200).json(), rows, "{verb} {body}");
            let found = acme.get("/api/records/patients?q=quetzal1").await.expect(200).json();
            assert_eq!(found["items"].as_array().unwrap().len(), 1, "{verb} {body}");
        }
        acme.post("/api/records/patients", &patient("Next")).await.expect(201);
        acme.get("/api/records/patients/4").await.expect(200);
    }
}

#[tokio::test]
async fn a_tenant_is_exported_imported_cloned_and_purged() {
    for url in servers() {
        for isolation in ALL {
            let app = TestApp::on_postgres(&url, isolation).await;
            let staff = app.staff().await;
            let acme = company(&app, &staff, "acme", "Quetzal").await;
            let rows = acme.get("/api/records/patients").await.expect(200).json();
            let archive = acme.get("/api/tenant/export").await.expect(200).body.to_vec();
            assert_eq!(import(&staff, "other", archive).await.expect(200).json()["state"], "done");
            let wish = json!({"slug": "staging", "owner": "owner@acme.example"});
            done(&staff, "tenants/acme/clone", &wish).await;
            let clone = app.login("owner@acme.example").await;
            clone.post("/api/auth/switch", &json!({"tenant": "staging"})).await.expect(200);
            assert_eq!(clone.get("/api/records/patients").await.expect(200).json(), rows, "{isolation:?}");
            let id = closed(&staff, "staging").await;
            let purged =
                purge(&staff, "staging", &json!({"confirm": "staging", "id": id})).await.expect(200).json();
            assert_eq!(purged["state"], "done", "{purged}");
            assert_eq!(acme.get("/api/records/patients").await.expect(200).json(), rows, "{isolation:?}");
            assert_eq!(staff.get("/api/admin/tenants/other").await.expect(200).json()["state"], "active");
        }
    }
}

/// `tenantry demo --postgres` and its removal, with the shipped program.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_on_a_server_leaves_nothing_there_when_it_is_removed() {
    for url in servers() {
        for isolation in ALL {
            let (home, dir) = (Home::new(&url).await, tempfile::tempdir().unwrap());
            let before = home.leftovers().await;
            let command = |more: &[&str]| {
                let mut command = binary::tenantry(dir.path());
                command
                    .args(["demo", "--postgres", home.url(), "--isolation", isolation.as_str()])
                    .args(more);
                command
            };
            let demo = binary::launch(command(&["--listen", "127.0.0.1:0"]));
            let token = demo.log_in("owner@city-hospital.example");
            let (status, page) = demo.ask("GET", "/api/records/doctors?count=true", &token, None);
            assert_eq!((status, &page["count"]), (200, &json!(3)), "{isolation:?}");
            drop(demo);
            assert!(home.leftovers().await.len() > before.len(), "{isolation:?}");
            let removed = command(&["--remove"]).output().unwrap();
            assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
            assert_eq!(home.leftovers().await, before, "{isolation:?}");
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{isolation:?}: no data directory");
        }
    }
}
