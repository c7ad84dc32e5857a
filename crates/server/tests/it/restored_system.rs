//! An older state of the control store under newer databases, pools, files and backups. A new tenant never gets data of
//! another tenant, whether a backup was restored or an older file was copied back by hand.

use super::{
    binary::{TestBinary, find, run, start, stdout},
    lives::{fine, refused},
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::demo::PASSWORD;

const POOLED: &str = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"pooled\"\n";
const OWN: &str = "[stores.control]\n[stores.shared]\n[stores.tenant]\nisolation = \"database\"\n";

/// Creates a demo with a backup of the platform's own stores.
fn demo(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[platform]\ndata_dir = \"tenantry-data\"\n{config}");
    fs::write(dir.path().join("tenantry.toml"), text).unwrap();
    drop(start(dir.path(), "demo"));
    fine(dir.path(), &["backup", "create", "--system"]);
    dir
}

/// Registers a tenant with its owner. Returns their ids and the owner's session.
fn register(server: &TestBinary, slug: &str, owner: &str) -> (i64, i64, String) {
    let form = json!({
        "slug": slug, "company": slug, "name": "Owner", "email": format!("{owner}@example.org"), "password": PASSWORD,
    });
    let (status, session) = server.ask("POST", "/api/register", "", Some(&form));
    assert_eq!(status, 201, "{session}");
    let id = |at: &str| session.pointer(at).and_then(Value::as_i64).unwrap_or_else(|| panic!("{session}"));
    (id("/tenants/0/tenant"), id("/user/id"), session["token"].as_str().unwrap().to_owned())
}

fn add_patient(server: &TestBinary, session: &str, name: &str) -> u16 {
    let patient = json!({ "first_name": name, "last_name": "Wal", "born_on": "2000-01-01" });
    server.ask("POST", "/api/records/patients", session, Some(&patient)).0
}

fn patients(server: &TestBinary, session: &str) -> Vec<Value> {
    let (status, list) = server.ask("GET", "/api/records/patients?limit=200", session, None);
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().unwrap().clone()
}

/// Registers a tenant with a secret, and returns the ids of the tenant and of its owner.
fn secret(dir: &Path, slug: &str) -> (i64, i64) {
    let server = start(dir, "serve");
    let (tenant, user, session) = register(&server, slug, "first");
    assert_eq!(add_patient(&server, &session, "SECRET"), 201);
    server.terminate();
    (tenant, user)
}

/// Registers another tenant in the older state, and asserts that it has nothing of the first one.
fn another(dir: &Path, slug: &str, (tenant, user): (i64, i64)) {
    let server = start(dir, "serve");
    let (new, owner, session) = register(&server, slug, "second");
    assert!(new > tenant, "the id {tenant} of another tenant was given to {slug}");
    assert!(owner > user, "the id {user} of another user was given to the owner of {slug}");
    assert_eq!(patients(&server, &session), Vec::<Value>::new());
    let activity = server.ask("GET", "/api/tenant/activity", &session, None).1;
    assert!(!activity.to_string().contains("patients"), "{activity}");
    let backups = server.ask("GET", "/api/tenant/backups", &session, None).1;
    assert_eq!(backups["items"], json!([]));
    assert_eq!(add_patient(&server, &session, "NEW"), 201);
    server.terminate();
}

#[test]
fn a_new_tenant_after_a_restore_gets_no_rows_of_a_pool() {
    let dir = demo(POOLED);
    let dir = dir.path();
    let first = secret(dir, "old-clinic");
    fine(dir, &["restore", "system"]);
    let found = stdout(&run(dir, &["check"]));
    assert!(found.contains(&format!("rows of tenant {}", first.0)), "{found}");
    another(dir, "new-clinic", first);
}

#[test]
fn a_new_tenant_after_a_restore_gets_no_database_of_its_name() {
    let dir = demo(OWN);
    let dir = dir.path();
    let first = secret(dir, "later-clinic");
    let file = find(dir, "tenant_later-clinic_1.db").unwrap();
    fine(dir, &["restore", "system"]);
    another(dir, "later-clinic", first);
    // The file of the first tenant is unchanged.
    let rows = rusqlite::Connection::open(&file).unwrap();
    let secrets: i64 = rows
        .query_row("SELECT count(*) FROM patients WHERE first_name = 'SECRET'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(secrets, 1);
}

#[test]
fn a_new_tenant_after_a_restore_gets_no_backups() {
    let dir = demo(OWN);
    let dir = dir.path();
    let first = secret(dir, "old-clinic");
    fine(dir, &["backup", "create", "old-clinic"]);
    fine(dir, &["restore", "system"]);
    another(dir, "new-clinic", first);
    let none = refused(dir, &["restore", "swap", "new-clinic", "latest"]);
    assert!(none.contains("tenantry backup create new-clinic"), "{none}");
}

#[test]
fn an_older_control_store_that_was_put_back_gives_no_id_twice() {
    for config in [POOLED, OWN] {
        let dir = demo(config);
        let dir = dir.path();
        let control = find(dir, "control.db").unwrap();
        let then = fs::read(&control).unwrap();
        let old = start(dir, "serve");
        let session = old.log_in("owner@city-hospital.example");
        old.terminate();
        let first = secret(dir, "later-clinic");
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(control.with_file_name(format!("control.db{suffix}"))).ok();
        }
        fs::write(&control, &then).unwrap();
        another(dir, "later-clinic", first);
        let server = start(dir, "serve");
        assert_eq!(server.ask("GET", "/api/me", &session, None).0, 401);
        server.terminate();
        let log = fine(dir, &["audit", "list", "--json"]);
        assert!(log.contains("system.rolled_back"), "{log}");
    }
}

#[test]
fn a_restore_ends_all_sessions() {
    let dir = demo(OWN);
    let dir = dir.path();
    let server = start(dir, "serve");
    let session = server.log_in("owner@city-hospital.example");
    server.terminate();
    fine(dir, &["backup", "create", "--system"]);
    let server = start(dir, "serve");
    assert_eq!(server.ask("GET", "/api/me", &session, None).0, 200);
    assert!(server.ask("POST", "/api/auth/logout", &session, None).0 < 300);
    server.terminate();
    let said = fine(dir, &["restore", "system"]);
    assert!(said.contains("keys, passwords and members are as they were then"), "{said}");
    let server = start(dir, "serve");
    assert_eq!(server.ask("GET", "/api/me", &session, None).0, 401);
    server.terminate();
}

#[test]
fn a_restore_after_a_restore_of_the_platform_has_the_contents_of_its_backup() {
    let dir = demo(OWN);
    let dir = dir.path();
    let owner = "owner@city-hospital.example";
    fine(dir, &["backup", "create", "city-hospital"]);
    let server = start(dir, "serve");
    let then = patients(&server, &server.log_in(owner));
    server.terminate();
    fine(dir, &["restore", "swap", "city-hospital", "latest"]);
    let server = start(dir, "serve");
    assert_eq!(add_patient(&server, &server.log_in(owner), "AFTER"), 201);
    server.terminate();
    // The catalog names the database that the swap replaced, which refuses writes permanently.
    fine(dir, &["restore", "system"]);
    let found = stdout(&run(dir, &["check"]));
    let line = found.lines().find(|line| line.contains("is fenced")).unwrap_or_else(|| panic!("{found}"));
    assert!(
        line.starts_with("tenant_city-hospital_1: ") && line.contains("restore swap city-hospital latest"),
        "{line}"
    );
    let server = start(dir, "serve");
    let body = json!({ "first_name": "B", "last_name": "Wal", "born_on": "2000-01-01" });
    let (status, problem) = server.ask("POST", "/api/records/patients", &server.log_in(owner), Some(&body));
    assert_eq!((status, &problem["code"]), (503, &json!("no_database")), "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("tenantry restore swap city-hospital latest"));
    server.terminate();
    fine(dir, &["restore", "swap", "city-hospital", "latest"]);
    assert!(find(dir, "tenant_city-hospital_2.db").is_some(), "the file of the newer state is left alone");
    let server = start(dir, "serve");
    let session = server.log_in(owner);
    assert_eq!(patients(&server, &session), then);
    assert_eq!(add_patient(&server, &session, "goes on"), 201);
    server.terminate();
}

#[test]
fn restore_all_restores_a_tenant_whose_database_was_replaced_by_a_newer_one() {
    let dir = demo(OWN);
    let dir = dir.path();
    let owner = "owner@city-hospital.example";
    fine(dir, &["backup", "--all"]);
    let server = start(dir, "serve");
    let then = patients(&server, &server.log_in(owner));
    server.terminate();
    fine(dir, &["restore", "swap", "city-hospital", "latest"]);
    fine(dir, &["restore", "system"]);
    assert!(stdout(&run(dir, &["check"])).contains("is fenced"));
    let said = fine(dir, &["restore", "all"]);
    assert!(said.contains("1 lost, 1 restored") && said.contains("city-hospital"), "{said}");
    let found = stdout(&run(dir, &["check"]));
    assert!(!found.contains("is fenced"), "{found}");
    let server = start(dir, "serve");
    let session = server.log_in(owner);
    assert_eq!(patients(&server, &session), then);
    assert_eq!(add_patient(&server, &session, "goes on"), 201);
    server.terminate();
    assert!(fine(dir, &["restore", "all"]).contains("0 lost"));
}

#[test]
fn a_purged_tenant_stays_purged() {
    for with_final in [true, false] {
        let dir = demo(&format!("{OWN}[retention]\nfinal_backup = {with_final}\n"));
        let dir = dir.path();
        let (slug, owner) = ("city-hospital", "owner@city-hospital.example");
        fine(dir, &["tenant", "cancel", slug, "--grace-days", "0", "--yes", slug]);
        fine(dir, &["tenant", "purge", slug, "--early", "--yes", slug]);
        let certificate = fine(dir, &["tenant", "certificate", slug, "--json"]);
        let said = fine(dir, &["restore", "system"]);
        assert!(said.contains("1 tenant closed"), "{said}");
        let said = fine(dir, &["restore", "all"]);
        assert!(said.contains("city-hospital: skipped, it was purged") && said.contains("0 lost"), "{said}");
        let server = start(dir, "serve");
        let form = json!({ "email": owner, "password": PASSWORD });
        let (status, session) = server.ask("POST", "/api/auth/login", "", Some(&form));
        let token = session["token"].as_str().unwrap_or_default();
        let entered = server.ask("GET", "/api/records/patients", token, None).0;
        assert!(status >= 400 || entered >= 400, "{session}");
        server.terminate();
        assert_eq!(fine(dir, &["tenant", "certificate", slug, "--json"]), certificate);
        // A tenant that came back is purged again, or an operator keeps it.
        fine(dir, &["tenant", "purge", slug, "--early", "--yes", slug]);
        let gone = refused(dir, &["tenant", "revoke-cancellation", slug]);
        assert!(gone.contains("was purged"), "{gone}");
    }
}

#[test]
fn a_new_tenant_under_a_file_of_its_name_gets_another_one() {
    let dir = demo(OWN);
    let dir = dir.path();
    let stray = find(dir, "tenant_green-clinic_1.db").unwrap().with_file_name("tenant_new-clinic_1.db");
    fs::copy(stray.with_file_name("tenant_green-clinic_1.db"), &stray).unwrap();
    let then = fs::read(&stray).unwrap();
    let server = start(dir, "serve");
    let (.., session) = register(&server, "new-clinic", "owner");
    assert_eq!(patients(&server, &session), Vec::<Value>::new());
    assert_eq!(add_patient(&server, &session, "NEW"), 201);
    server.terminate();
    assert!(then == fs::read(&stray).unwrap(), "the file was used");
}
