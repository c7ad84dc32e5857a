//! Databases that owners make, over HTTP and at the command line: attach, list, check, detach, rotate.

use super::{app::TestApp, binary::tenantry, doors::plain_staff, records::patient, web::Web};
use serde_json::{Value, json};
use std::{io::Write, path::Path, process::Stdio};
use tenantry_server::http::Options;
use tenantry_testkit::postgres::{self, Home, PASSWORD};

/// Changing routes, and the actions that each leaves in the log.
pub(super) const LOGGED: &[(&str, &str, &[&str])] = &[
    ("POST", "/api/admin/attachments", &["tenant.attach"]),
    // It is as it was.
    ("POST", "/api/admin/attachments/check", &[]),
    ("POST", "/api/admin/attachments/detach", &["tenant.detach"]),
    ("POST", "/api/admin/secrets/rotate", &["secrets.rotate"]),
];

const KEYS: [&str; 2] = [
    "old 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "new 101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
];

/// Returns the settings of an installation whose tenants are pooled in `shared` until an owner's database is attached.
fn settings(dir: &Path) -> String {
    std::fs::write(dir.join("keys"), KEYS[0]).unwrap();
    std::fs::create_dir_all(dir.join("owners")).unwrap();
    format!(
        "[stores.control]\n[stores.shared]\n[stores.tenant]\nname = \"org_{{slug}}\"\nprovision = \"external\"\n\
         pooled_in = \"shared\"\n[attachments]\ndirectories = [\"{0}/owners\"]\n[secrets]\nkey_file = \"{0}/keys\"\n",
        dir.display()
    )
}

fn form(url: &str) -> Value {
    json!({"tenant": "acme", "store": "tenant", "url": url, "grant_schema": true})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_act_is_in_the_log_and_no_answer_has_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(&postgres::servers()[0]).await;
    let app = TestApp::configured(&settings(dir.path()), Options::default()).await;
    let (staff, acme) = (app.staff().await, app.register("acme").await);
    let other = app.register("other").await;
    other.post("/api/records/patients", &patient("Of the pool")).await.expect(201);
    let of = json!({"tenant": "acme", "store": "tenant"});
    let log = async || staff.get("/api/admin/audit?limit=1000").await.expect(200).json()["items"].clone();
    for (_, path, wanted) in LOGGED {
        let before = log().await.as_array().unwrap().len();
        let body = match *path {
            "/api/admin/attachments" => form(home.url()),
            "/api/admin/attachments/detach" => json!({"tenant": "acme", "store": "tenant", "data": "leave"}),
            "/api/admin/secrets/rotate" => {
                staff.post("/api/admin/attachments", &form(home.url())).await.expect(200);
                std::fs::write(dir.path().join("keys"), format!("{}\n{}", KEYS[1], KEYS[0])).unwrap();
                json!({})
            }
            _ => of.clone(),
        };
        let before = if path.ends_with("rotate") { log().await.as_array().unwrap().len() } else { before };
        let answer = staff.post(path, &body).await.expect(200).text();
        assert!(!answer.contains(PASSWORD), "{path}: {answer}");
        let all = log().await;
        let rows = all.as_array().unwrap();
        let new: Vec<_> =
            rows[..rows.len() - before].iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(new, *wanted, "{path}");
        assert!(!all.to_string().contains(PASSWORD), "{path}");
        if path.ends_with("attachments") {
            acme.post("/api/records/patients", &patient("Of the database")).await.expect(201);
        }
    }
    let listed = staff.get("/api/admin/attachments?tenant=acme").await.expect(200);
    assert!(!listed.text().contains(PASSWORD));
    let one = &listed.json()["items"][0];
    assert_eq!((&one["health"], &one["key"], &one["in_use"]), (&json!("ok"), &json!("new"), &json!(true)));
    assert_eq!(
        acme.get("/api/records/patients").await.expect(200).json()["items"].as_array().unwrap().len(),
        1
    );
    let pooled = other.get("/api/records/patients").await.expect(200).json();
    assert_eq!(pooled["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_gives_503_to_its_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(&postgres::servers()[0]).await;
    let app = TestApp::configured(&settings(dir.path()), Options::default()).await;
    let (staff, acme, other) = (app.staff().await, app.register("acme").await, app.register("other").await);
    let nowhere = form("postgresql://me@127.0.0.1:1/none");
    let refused = staff.post("/api/admin/attachments", &nowhere).await.expect(422).json();
    assert!(refused.to_string().contains("does not answer"), "{refused}");
    staff.post("/api/admin/attachments", &form(home.url())).await.expect(200);
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let name = home.name();
    home.administer(&format!("ALTER ROLE {name} NOLOGIN")).await;
    home.administer(&format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    let away = acme.get("/api/records/patients").await;
    assert!(away.status.is_server_error(), "{}", away.text());
    other.post("/api/records/patients", &patient("Birch")).await.expect(201);
    let of = json!({"tenant": "acme", "store": "tenant"});
    let checked = staff.post("/api/admin/attachments/check", &of).await.expect(200).json();
    assert_eq!(checked["health"], "no_access");
    let needs = staff.get("/api/admin/overview").await.expect(200).text();
    assert!(needs.contains("attachment"), "{needs}");
    home.administer(&format!("ALTER ROLE {name} LOGIN")).await;
    acme.get("/api/records/patients").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_superusers_attach_and_detach() {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::configured(&settings(dir.path()), Options::default()).await;
    let staff = app.staff().await;
    app.register("acme").await;
    let helper = plain_staff(&app, &staff).await;
    std::fs::write(dir.path().join("owners/acme.db"), b"").unwrap();
    let url = format!("sqlite:{}/owners/acme.db", dir.path().display());
    helper.post("/api/admin/attachments", &form(&url)).await.expect(403);
    staff.post("/api/admin/attachments", &form(&url)).await.expect(200);
    let listed = helper.get("/api/admin/attachments").await.expect(200).json();
    assert_eq!(listed["items"][0]["tenant"], "acme");
    let detach = json!({"tenant": "acme", "store": "tenant", "data": "leave"});
    helper.post("/api/admin/attachments/detach", &detach).await.expect(403);
    helper.post("/api/admin/secrets/rotate", &json!({})).await.expect(403);
    let sql = helper.get("/api/admin/schema?store=tenant&engine=postgres").await.expect(200).json();
    assert!(sql["statements"][0].as_str().unwrap().starts_with("CREATE TABLE"), "{sql}");
}

/// Runs a command in the installation of `dir` with text on standard input. Returns everything that it printed.
fn said(dir: &Path, words: &[&str], input: &str) -> (bool, String) {
    let mut command = tenantry(dir);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(!text.contains(PASSWORD), "{words:?}: {text}");
    (output.status.success(), text)
}

#[test]
fn the_command_line_attaches_and_detaches_and_shows_no_password() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let home = runtime.block_on(Home::new(&postgres::servers()[0]));
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    std::fs::write(here.join("tenantry.toml"), settings(here)).unwrap();
    let owner = ["tenant", "create", "acme", "--email", "a@acme.example", "--no-owner"];
    let (created, text) = said(here, &owner, "");
    assert!(created, "{text}");
    let of = ["acme", "--store", "tenant"];
    let attach = |more: &[&str], input: &str| said(here, &[&["attach"], &of[..], more].concat(), input);
    let (attached, text) = attach(&[], "");
    assert!(!attached && text.contains("no URL is given"), "{text}");
    let (attached, text) = attach(&[], home.url());
    assert!(!attached && text.contains("tenantry schema --store tenant --sql"), "{text}");
    // The owner makes the tables from what the command prints.
    let (_, sql) = said(here, &["schema", "--store", "tenant", "--sql"], "");
    runtime.block_on(home.administer_in(&home.name(), &format!("SET ROLE {}; {sql}", home.name())));
    let (attached, text) = attach(&[], home.url());
    assert!(attached && text.contains("acme uses postgresql://"), "{text}");
    let (_, text) = attach(&["--url", &home.url().replace(PASSWORD, "shown")], "");
    assert!(text.contains("other processes can see") && text.contains("refuses the role"), "{text}");
    let (_, text) = said(here, &["attachments", "list"], "");
    assert!(text.contains("acme") && text.contains("ok"), "{text}");
    let (well, text) = said(here, &[&["attachments", "check"], &of[..]].concat(), "");
    assert!(well && text.contains("ok"), "{text}");
    let (_, line) = said(here, &["secrets", "new-key"], "");
    std::fs::write(here.join("keys"), format!("{line}{}", KEYS[0])).unwrap();
    let (rotated, text) = said(here, &["secrets", "rotate"], "");
    assert!(rotated && text.contains("1 URL") && text.contains("can be removed"), "{text}");
    std::fs::write(here.join("keys"), line).unwrap();
    let (checked, text) = said(here, &["check"], "");
    assert!(checked, "{text}");
    let (detached, text) = said(here, &[&["detach"], &of[..], &["--take-data"]].concat(), "");
    assert!(detached && text.contains("every record is the same"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_names_a_store_reaches_no_other_one() {
    let (app, _, acme) = TestApp::new().await;
    let _ = &app;
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let of = async |store: &'static str, path: &str| acme.with("x-store", store).get(path).await;
    of("tenant", "/api/records/patients").await.expect(200);
    of("tenant", "/api/records/patients/1").await.expect(200);
    for path in ["/api/records/patients", "/api/records/patients/1"] {
        let refused = of("shared", path).await.expect(422).json();
        assert!(refused.to_string().contains("patients is in the store tenant, not in shared"), "{refused}");
    }
    of("shared", "/api/records/regions").await.expect(200);
    of("tenant", "/api/records/regions").await.expect(422);
    of("No Store", "/api/records/patients").await.expect(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_show_the_other_stores_while_one_has_no_database() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(&postgres::servers()[0]).await;
    let text = settings(dir.path()).replace("pooled_in = \"shared\"\n", "");
    let app = TestApp::configured(&text, Options::default()).await;
    let (staff, acme) = (app.staff().await, app.register("acme").await);
    let mut web = Web::signed_in(&app, "owner@acme.example").await;
    let used = acme.get("/api/tenant/usage").await.expect(200).json();
    assert_eq!(used["stores"]["tenant"]["rows"], 0, "{used}");
    for path in ["/dashboard/", "/settings/subscription/"] {
        web.get(path).await.expect(200);
    }
    assert!(web.get("/dashboard/").await.text().contains('–'));
    let refused = acme.get("/api/records/patients").await.expect(503).text();
    assert!(refused.contains("tenantry attach acme --store tenant"), "{refused}");
    staff.post("/api/admin/attachments", &form(home.url())).await.expect(200);
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    assert!(web.get("/dashboard/").await.expect(200).text().contains('1'));
}
