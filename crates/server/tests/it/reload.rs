//! Apps are reloaded while the server runs, with the shipped binary: by `tenantry reload`, by SIGHUP and, if a database
//! is ahead, without a command (`known-schema`). No request is dropped, and no value is read under another schema.

use super::{
    binary::{TestBinary, run, start, stdout},
    lives::fine,
    versions::{Versions, copy, edit, thousandths},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};
use tenantry::demo::PASSWORD;

const SCALE: (&str, &str) = ("scale = 2", "scale = 3");

/// Replaces the apps with the new version, as a deployment does.
fn deploy(versions: &Versions) {
    fs::remove_dir_all(versions.old.join("apps")).unwrap();
    copy(&versions.new.join("apps"), &versions.old.join("apps"));
}

fn sum(server: &TestBinary, token: &str) -> Value {
    let (status, bill) = server.ask("GET", "/api/records/bills/1", token, None);
    assert_eq!(status, 200, "{bill}");
    bill["sum"].clone()
}

fn scale_in_openapi(server: &TestBinary) -> String {
    server.ask("GET", "/api/openapi.json", "", None).1["components"]["schemas"].to_string()
}

fn reload(folder: &Path) -> String {
    fine(folder, &["reload"])
}

/// A rolling deployment: new apps, reload, migrate. Both versions are served meanwhile.
#[test]
fn a_reload_and_a_migration_under_load_refuse_no_request() {
    for isolation in ["database", "pooled"] {
        let versions = Versions::new(isolation, SCALE);
        let server = start(&versions.old, "serve");
        let token = &server.log_in("owner@acme.example");
        assert_eq!(sum(&server, token), "1.00");
        deploy(&versions);
        let (stop, served) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for id in 1..=3_u64 {
                let (server, stop, served) = (&server, &stop, &served);
                scope.spawn(move || {
                    while !stop.load(Relaxed) {
                        let (status, bill) =
                            server.ask("GET", &format!("/api/records/bills/{id}"), token, None);
                        // Between the commit of a migration and the catalog's update, a request may be told to retry.
                        if status == 503 && bill["code"] == "server_outdated" {
                            continue;
                        }
                        assert_eq!((status, thousandths(&bill["sum"])), (200, id * 1000), "{bill}");
                        served.fetch_add(1, Relaxed);
                    }
                });
            }
            let said = reload(&versions.old);
            assert!(said.contains("reloaded, schema versions now"), "{said}");
            // The reload migrates a pool; the command migrates own databases.
            let now = if isolation == "database" { "1.00" } else { "1.000" };
            assert_eq!(sum(&server, token), now, "not migrated yet, and served");
            let change = json!({"sum": "1.00"});
            assert_eq!(server.ask("PATCH", "/api/records/bills/1", token, Some(&change)).0, 200);
            fine(&versions.old, &["migrate", "tenants"]);
            assert_eq!(sum(&server, token), "1.000");
            assert_eq!(server.ask("PATCH", "/api/records/bills/1", token, Some(&change)).1["sum"], "1.000");
            stop.store(true, Relaxed);
        });
        assert!(served.load(Relaxed) > 0, "{isolation}");
        assert!(reload(&versions.old).contains("as before"));
    }
}

#[test]
fn apps_that_cannot_be_used_leave_those_that_were_loaded() {
    let versions = Versions::new("database", SCALE);
    let server = start(&versions.old, "serve");
    let token = server.log_in("owner@acme.example");
    edit(&versions.old, "scale = 2", "scale = many");
    let refused = run(&versions.old, &["reload"]);
    assert!(!refused.status.success() && stdout(&refused).contains("bills.toml"), "{}", stdout(&refused));
    edit(&versions.old, "scale = many", "scale = 3");
    let refused = run(&versions.old, &["reload"]);
    assert!(!refused.status.success() && stdout(&refused).contains("migrate make"), "{}", stdout(&refused));
    assert_eq!(sum(&server, &token), "1.00");
    drop(server);
    assert!(reload(&versions.old).contains("no server"), "its socket is swept");
}

/// Waits for background work of a server.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_reloads_on_a_signal_and_by_itself_where_a_database_is_ahead() {
    let versions =
        Versions::new("database", ("[fields.note]", "[fields.remark]\ntype = \"text\"\n[fields.note]"));
    let server = start(&versions.old, "serve");
    let token = server.log_in("owner@acme.example");
    assert!(!scale_in_openapi(&server).contains("remark"));
    deploy(&versions);
    server.signal("HUP");
    until("the document names the new field", || scale_in_openapi(&server).contains("remark"));
    drop(server);

    let versions = Versions::new("database", SCALE);
    let server = start(&versions.old, "serve");
    fine(&versions.new, &["migrate", "tenants"]);
    let (status, answer) = server.ask("GET", "/api/records/bills/1", &token_of(&server), None);
    assert_eq!((status, &answer["code"]), (503, &json!("server_outdated")), "{answer}");
    let ready = server.ask_raw("GET", "/readyz", "").1;
    assert!(ready.contains("tenant databases, 1: migrated by newer apps"), "{ready}");
    deploy(&versions);
    let token_now = token_of(&server);
    until("the server has the apps of the database", || {
        server.ask("GET", "/api/records/bills/1", &token_now, None).1["sum"] == "1.000"
    });
    assert_eq!(server.ask_raw("GET", "/readyz", "").1, "ready\n");
    drop(token);
}

fn token_of(server: &TestBinary) -> String {
    server.log_in("owner@acme.example")
}

#[test]
fn health_and_lists_show_who_is_behind_and_ahead() {
    let versions = Versions::new("database", SCALE);
    let servers = [start(&versions.old, "serve"), start(&versions.new, "serve")];
    fine(&versions.new, &["user", "create-superuser", "--email", "root@x.example", "--password", PASSWORD]);
    let staff = servers[1].log_in("root@x.example");
    let shown = |server: &TestBinary| {
        (server.ask_raw("GET", "/readyz", "").1, server.ask_raw("GET", "/metrics", &staff).1)
    };
    let (ready, metrics) = shown(&servers[1]);
    assert!(ready.contains("tenant databases, 1: behind"), "{ready}");
    assert!(metrics.contains("tenantry_tenants_behind 1") && metrics.contains("tenantry_tenants_ahead 0"));
    let list = fine(&versions.new, &["tenant", "show", "acme"]);
    assert!(list.contains("behind"), "{list}");
    fine(&versions.new, &["migrate", "tenants"]);
    let (ready, metrics) = shown(&servers[0]);
    assert!(ready.contains("tenant databases, 1: migrated by newer apps"), "{ready}");
    assert!(metrics.contains("tenantry_tenants_behind 0") && metrics.contains("tenantry_tenants_ahead 1"));
    assert_eq!(shown(&servers[1]).0, "ready\n");
    let list = fine(&versions.old, &["tenant", "show", "acme"]);
    assert!(list.contains("ahead"), "{list}");
}
