//! Texts of errors for people: they name the cause and the remedy, over HTTP and at the command line.

use super::{
    app::{PASSWORD, TestApp},
    binary::start,
    lives::{fine, refused},
    records::patient,
};
use http::Method;
use serde_json::json;
use std::fs;
use tenantry_server::http::ROUTES;

#[tokio::test]
async fn a_reference_says_what_it_points_at_or_who_points_here() {
    let (app, _, user) = TestApp::new().await;
    let mut ann = patient("Ash");
    ann["doctor"] = json!(77);
    let nowhere = user.post("/api/records/patients", &ann).await.expect(422).json();
    assert_eq!(nowhere["errors"][0]["field"], "doctor");
    assert_eq!(nowhere["errors"][0]["message"], "there is no record 77 of doctors");
    ann["doctor"] = json!(null);
    ann["city"] = json!(78);
    let elsewhere = user.post("/api/records/patients", &ann).await.expect(422).json();
    assert_eq!(elsewhere["errors"][0]["message"], "there is no record 78 of cities", "across stores, alike");
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    let kept = staff.delete("/api/records/regions/1").await.expect(409).json();
    assert_eq!(kept["detail"], "Records of cities refer to this one.");
    assert_eq!(kept["remedy"], "change or delete those records first");
}

#[tokio::test]
async fn a_batch_says_which_record_is_wrong_whoever_finds_it() {
    let (_app, _, user) = TestApp::new().await;
    let batch = async |second| {
        let all = json!([patient("Ash"), second]);
        user.post("/api/records/patients/batch", &all).await.expect(422).json()["errors"][0]["field"].clone()
    };
    // The first fault is found before anything is written, the second by the database.
    assert_eq!(batch(json!({"first_name": 5})).await, "1.first_name");
    assert_eq!(batch(json!({"first_name": "B", "last_name": "C"})).await, "1.born_on");
    let listed = user.get("/api/records/patients?count=true").await.expect(200).json();
    assert_eq!(listed["count"], 0, "all or none");
}

#[tokio::test]
async fn queries_log_ins_and_files_say_what_is_wrong() {
    let (_app, anon, user) = TestApp::new().await;
    let query = user.get("/api/records/patients?limit=0&q=a&sort=x").await.expect(400).json();
    let detail = query["detail"].as_str().unwrap();
    assert!(
        detail.contains("limit: a number from 1 to 1000") && detail.contains("sort: no field"),
        "{detail}"
    );
    let wrong = json!({"email": "owner@acme.example", "password": "wrong wrong wrong"});
    let wrong = anon.post("/api/auth/login", &wrong).await.expect(401).json();
    let nobody = json!({"email": "nobody@acme.example", "password": PASSWORD});
    let nobody = anon.post("/api/auth/login", &nobody).await.expect(401).json();
    assert_eq!(wrong["detail"], "E-mail address, password or tenant is wrong.");
    assert_eq!((&wrong["detail"], &wrong["remedy"]), (&nobody["detail"], &nobody["remedy"]), "never which");
    for (key, said) in [
        (json!({"name": "k", "role": "king"}), "role: must be one of: owner, admin, member, viewer"),
        (
            json!({"name": "k", "role": "member", "expires_at": "2001-01-01T00:00:00Z"}),
            "expires_at: lies in the past",
        ),
    ] {
        let refused = user.post("/api/tenant/keys", &key).await.expect(422).text();
        assert!(refused.contains(said), "{refused}");
    }
    let import = async |bytes: &[u8]| {
        let path = "/api/records/patients/import";
        user.send(Method::POST, path, Some("text/csv"), bytes.to_vec()).await
    };
    for no_csv in [&b""[..], &[0xff, 0xfe, 0, 0xd8]] {
        assert!(import(no_csv).await.expect(422).text().contains("first line names the fields"));
    }
    let lines = b"first_name,last_name,born_on\nA,,1990-01-01\nB,C,soon\nD,E,1990-01-01\n";
    let report = import(lines).await.expect(200).json();
    let told: Vec<_> = report["errors"].as_array().unwrap().iter().map(|e| &e["line"]).collect();
    assert_eq!(told, [2, 3], "in the order of the file: {report}");
    assert_eq!(report["errors"][1]["reason"], "must be a date such as 2026-01-31", "the field stands beside");
}

#[tokio::test]
async fn a_store_that_is_none_of_a_company_is_not_a_missing_database() {
    let (app, _, user) = TestApp::new().await;
    let staff = app.staff().await;
    for store in ["shared", "control", "nothing"] {
        let sql = json!({"sql": "SELECT 1", "store": store});
        assert_eq!(user.post("/api/tenant/sql", &sql).await.expect(404).code(), "not_found", "{store}");
        let moved = json!({"server": "main", "store": store});
        assert_eq!(staff.post("/api/admin/tenants/acme/move", &moved).await.expect(404).code(), "not_found");
    }
}

#[test]
fn commands_name_what_is_wrong_once_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fine(dir, &["init"]);
    let again = refused(dir, &["init"]);
    assert!(again.contains("stays as it is") && !again.contains("os error"), "{again}");
    let app = refused(dir, &["migrate", "make", "workshop"]);
    assert!(app.contains("workshop is not installed") && app.contains("[apps]"), "{app}");
    fine(dir, &["tenant", "create", "acme", "--email", "a@acme.example"]);
    let taken = refused(dir, &["tenant", "create", "acme", "--email", "a@acme.example"]);
    assert_eq!(taken.trim(), "error: the name acme is taken");
    let absent = refused(dir, &["sql", "nobody", "SELECT 1"]);
    assert!(absent.contains("tenantry tenant list"), "{absent}");
    let wrong = refused(dir, &["sql", "acme", "SELECT * FROM absent"]);
    assert_eq!(wrong.trim(), "error: the statement is not valid: no such table: absent");
    for command in [
        &["sql", "acme", "SELECT 1"][..],
        &["backup", "create", "acme"],
        &["tenant", "move", "acme", "--to", "main"],
    ] {
        let store = refused(dir, &[command, &["--store", "shared"]].concat());
        assert!(store.contains("no such store") && store.contains("scope = \"tenant\""), "{store}");
    }
    assert!(fine(dir, &["backup", "status"]).contains("failed (1 day)    0"), "a slip is no failed backup");
    fine(dir, &["tenant", "suspend", "acme", "--reason", "not paid"]);
    let twice = refused(dir, &["tenant", "suspend", "acme", "--reason", "not paid"]);
    assert!(twice.contains("acme is suspended already"), "{twice}");
}

#[test]
fn an_export_that_has_nowhere_to_go_is_not_begun() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fine(dir, &["tenant", "create", "acme", "--email", "a@acme.example"]);
    fs::write(dir.join("acme.zip"), "mine").unwrap();
    assert!(refused(dir, &["tenant", "export", "acme", "--out", "acme.zip"]).contains("exists already"));
    let unknown = refused(dir, &["tenant", "export", "nobody", "--out", "nobody.zip"]);
    assert!(unknown.contains("no such tenant"), "{unknown}");
    assert!(!fine(dir, &["audit", "list"]).contains("tenant.export"), "nothing was taken out");
    assert_eq!(fs::read_to_string(dir.join("acme.zip")).unwrap(), "mine");
    let left: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".part")), "{left:?}");
}

#[test]
fn one_tenant_is_shown_with_its_end_and_the_places_of_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    drop(start(dir, "demo"));
    fine(dir, &["tenant", "cancel", "green-clinic", "--yes", "green-clinic"]);
    let shown = fine(dir, &["tenant", "show", "green-clinic"]);
    for wanted in [
        "works until",
        "tenantry tenant revoke-cancellation green-clinic",
        "tenant_green-clinic_1",
        "starter, trial, 14 days left",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(fine(dir, &["tenant", "list"]).contains("active, cancelled"));
    let survey = fine(dir, &["tenant", "purge", "green-clinic", "--dry-run"]);
    assert!(survey.contains("retained: for 90 days after the purge"), "{survey}");
    assert!(survey.lines().all(|line| line == line.trim_end()), "lines end where their text does");
    let log = fine(dir, &["audit", "list"]);
    assert!(log.contains(" 20") && log.lines().all(|line| line == line.trim_end()), "{log}");
}

#[tokio::test]
async fn who_forgot_the_password_gets_a_new_one_from_a_superuser_only() {
    let (app, anon, user) = TestApp::new().await;
    let me = user.get("/api/me").await.expect(200).json()["user"]["id"].clone();
    let path = format!("/api/admin/users/{me}/password");
    let new = json!({"password": "another horse battery"});
    user.put(&path, &new).await.expect(404);
    let superuser = app.staff().await;
    superuser.put(&path, &json!({"password": "short"})).await.expect(422);
    superuser.put("/api/admin/users/999999/password", &new).await.expect(404);
    superuser.put(&path, &new).await.expect(204);
    user.get("/api/me").await.expect(401);
    let login = |password: &str| json!({"email": "owner@acme.example", "password": password});
    anon.post("/api/auth/login", &login(PASSWORD)).await.expect(401);
    anon.post("/api/auth/login", &login("another horse battery")).await.expect(200);
}

#[test]
fn passwords_and_plans_are_set_at_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), "demo");
    let dir = dir.path();
    let email = "owner@green-clinic.example";
    let token = server.log_in(email);
    assert!(refused(dir, &["user", "set-password", email, "--password", "short"]).contains("at least 10"));
    assert!(
        refused(dir, &["user", "set-password", "no@body.example", "--password", PASSWORD])
            .contains("no user no@body")
    );
    fine(dir, &["user", "set-password", email, "--password", PASSWORD]);
    assert_eq!(server.ask("GET", "/api/me", &token, None).0, 401, "logged out everywhere");
    let login = json!({"email": email, "password": PASSWORD});
    let (status, answer) = server.ask("POST", "/api/auth/login", "none", Some(&login));
    assert_eq!(status, 200, "{answer}");
    let token = answer["token"].as_str().unwrap();
    assert!(refused(dir, &["plan", "set", "green-clinic", "gold"]).contains("gold"));
    assert!(
        fine(dir, &["plan", "set", "green-clinic", "hospital", "--state", "active"])
            .contains("hospital: active")
    );
    let tenant = server.ask("GET", "/api/tenant", token, None).1;
    assert_eq!((&tenant["plan"], &tenant["subscription"]), (&json!("hospital"), &json!("active")));
    fine(dir, &["plan", "set", "green-clinic", "--state", "expired"]);
    assert_eq!(server.ask("GET", "/api/records/doctors", token, None).0, 402);
    fine(dir, &["plan", "set", "green-clinic", "--state", "active", "--ends-at", "2099-01-01T00:00:00Z"]);
    assert_eq!(server.ask("GET", "/api/records/doctors", token, None).0, 200);
}

#[tokio::test]
async fn whatever_the_path_says_a_refusal_is_a_problem() {
    let (app, _, user) = TestApp::new().await;
    let staff = app.staff().await;
    let (mut tried, mut wrong) = (0, Vec::new());
    for route in ROUTES.iter().filter(|r| r.path.contains('{')) {
        for rubbish in ["x", "-1", "99999999999999999999", "%FF", "%00", "..%2F"] {
            let path = route.path.split('/').map(|part| if part.starts_with('{') { rubbish } else { part });
            let path = path.collect::<Vec<_>>().join("/");
            for client in [&staff, &user] {
                let answer = client.send(route.method.clone(), &path, Some("application/json"), "{}").await;
                let media = answer.headers.get("content-type").and_then(|media| media.to_str().ok());
                if !answer.status.is_client_error() || media != Some("application/problem+json") {
                    wrong.push(format!("{} {path}: {} {}", route.method, answer.status, answer.text()));
                }
                tried += 1;
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    tenantry_testkit::tried("T4 paths", tried, "refusals, each a problem");
}
