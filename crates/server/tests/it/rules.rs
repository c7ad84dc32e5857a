//! Rules of records, and how a refusal reports them: every field at once, nothing ignored.

use super::{app::TestApp, copies, records::patient};
use http::Method;
use serde_json::{Value, json};

fn wrong(problem: &Value) -> Vec<(String, String)> {
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    let text =
        |error: &Value, key: &str| error[key].as_str().unwrap_or_else(|| panic!("{problem}")).to_owned();
    assert!(errors.iter().all(|error| !text(error, "message").is_empty()));
    let mut all: Vec<_> = errors.iter().map(|e| (text(e, "field"), text(e, "code"))).collect();
    all.sort();
    all
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let (_app, _, user) = TestApp::new().await;
    let body =
        json!({"first_name": 7, "last_name": "x".repeat(81), "gender": "?", "height": 3, "version": 2});
    let answer = user.post("/api/records/patients", &body).await.expect(422);
    let all = pairs(&[
        ("born_on", "required"),
        ("first_name", "invalid"),
        ("gender", "invalid"),
        ("height", "unknown_field"),
        ("last_name", "invalid"),
        ("version", "read_only"),
    ]);
    assert_eq!(wrong(&answer.json()), all);
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let change = json!({"first_name": null, "born_on": "soon", "height": 3});
    let answer = user.patch("/api/records/patients/1", &change).await.expect(422);
    let all = pairs(&[("born_on", "invalid"), ("first_name", "required"), ("height", "unknown_field")]);
    assert_eq!(wrong(&answer.json()), all);
    let batch = json!([patient("A"), {"first_name": 1}, {"last_name": "B", "born_on": 3}]);
    let answer = user.post("/api/records/patients/batch", &batch).await.expect(422);
    let all = pairs(&[
        ("1.born_on", "required"),
        ("1.first_name", "invalid"),
        ("1.last_name", "required"),
        ("2.born_on", "invalid"),
        ("2.first_name", "required"),
    ]);
    assert_eq!(wrong(&answer.json()), all);
    let mut lost = patient("C");
    (lost["city"], lost["doctor"]) = (json!(98), json!(99));
    let answer = user.post("/api/records/patients", &lost).await.expect(422);
    assert_eq!(wrong(&answer.json())[0], ("city".into(), "no_such_record".into()));
}

/// In JSON and in CSV files: a required text has at least one character.
#[tokio::test]
async fn a_required_text_is_not_empty() {
    let (_app, _, user) = TestApp::new().await;
    let answer = user.post("/api/records/patients", &patient("")).await.expect(422);
    assert_eq!(wrong(&answer.json()), pairs(&[("last_name", "required")]));
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    user.patch("/api/records/patients/1", &json!({"first_name": ""})).await.expect(422);
    user.patch("/api/records/patients/1", &json!({"phone": ""})).await.expect(200);
}

#[tokio::test]
async fn a_change_of_nothing_changes_nothing() {
    for pooled in [false, true] {
        let app = copies::app(pooled).await;
        let user = app.register("acme").await;
        let hospital = json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31",
            "figures": {"a": 1}});
        for (model, record) in [("patients", patient("Ash")), ("reports", hospital)] {
            let path = format!("/api/records/{model}/1");
            let made = user.post(&format!("/api/records/{model}"), &record).await.expect(201);
            for same in [json!({}), record.clone(), made.json()] {
                let mut same = same;
                for column in ["id", "created_at", "updated_at", "version", "document"] {
                    same.as_object_mut().unwrap().remove(column);
                }
                let answer = user.patch(&path, &same).await.expect(200);
                assert_eq!(answer.header("etag"), "\"1\"", "{model} {same}");
                assert_eq!(answer.body, made.body);
            }
            user.with("if-match", "\"7\"").patch(&path, &json!({})).await.expect(412);
            user.with("if-match", "\"1\"").patch(&path, &record).await.expect(200);
        }
        let activity = user.get("/api/tenant/activity").await.expect(200).json();
        let updates = activity["items"].as_array().unwrap().iter().filter(|line| line["action"] == "update");
        assert_eq!(updates.count(), 0, "{activity}");
        user.patch("/api/records/patients/1", &json!({"last_name": "ash"})).await.expect(200);
        user.patch("/api/records/patients/9", &json!({})).await.expect(404);
        assert_eq!(user.get("/api/records/patients/1").await.expect(200).json()["version"], 2);
    }
}

/// A route refuses unknown parameters: an ignored `dry_run` would write.
#[tokio::test]
async fn unknown_parameters_are_refused_on_every_record_route() {
    let (_app, _, user) = TestApp::new().await;
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let (json, csv) = (Some("application/json"), Some("text/csv"));
    let lines = "first_name,last_name,born_on\nAnn,Ash,1990-01-01\n";
    for (method, path, media, body) in [
        (Method::POST, "patients?draft=1", json, patient("B").to_string()),
        (Method::POST, "patients/batch?dry_run=true", json, json!([patient("B")]).to_string()),
        (Method::POST, "patients/import?dryrun=true", csv, lines.to_owned()),
        (Method::POST, "patients/import?dry_run=maybe", csv, lines.to_owned()),
        (Method::PATCH, "patients/1?force=true", json, "{}".to_owned()),
        (Method::DELETE, "patients/1?force=true", None, String::new()),
        (Method::GET, "patients/1?foo=1", None, String::new()),
        (Method::GET, "patients/1?limit=1", None, String::new()),
        (Method::GET, "patients?foo=1", None, String::new()),
        (Method::GET, "patients/export?limit=10", None, String::new()),
        (Method::PUT, "reports/1/files/document?x=1", Some("text/plain"), "x".to_owned()),
    ] {
        let answer = user.send(method.clone(), &format!("/api/records/{path}"), media, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "bad_request".into()), "{method} {path}");
    }
    assert_eq!(user.get("/api/records/patients?count=true").await.expect(200).json()["count"], 1);
    let text = user.get("/api/records/patients/1?foo=1").await.text();
    assert!(text.contains("fields, expand") && !text.contains("sort"), "only what applies: {text}");
}

#[tokio::test]
async fn a_form_is_told_everything_at_once() {
    let (_app, anon, _) = TestApp::new().await;
    let form = json!({"company": "", "slug": "x", "email": "nobody", "password": "short"});
    let answer = anon.post("/api/register", &form).await.expect(422);
    let fields: Vec<_> = wrong(&answer.json()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["company", "email", "password", "slug"]);
    let form = json!({"company": "Ärzte", "email": "a@b.example", "password": "short"});
    let answer = anon.post("/api/register", &form).await.expect(422);
    let fields: Vec<_> = wrong(&answer.json()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["password", "slug"]);
}

/// Text order is time order only if every instant has the same number of digits.
#[tokio::test]
async fn every_instant_has_six_digits() {
    fn look(at: &str, value: &Value, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    assert!(!name.ends_with("at_us"), "{at}.{name} is a number");
                    look(&format!("{at}.{name}"), value, seen);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| look(at, item, seen)),
            Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {
                assert!(
                    text.len() == 27 && text.ends_with('Z') && text.as_bytes()[19] == b'.',
                    "{at}: {text}"
                );
                *seen += 1;
            }
            _ => {}
        }
    }
    let (app, _, user) = TestApp::new().await;
    let staff = app.staff().await;
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    let key = json!({"name": "k", "role": "member", "expires_at": "2099-01-01T00:00:00Z"});
    user.post("/api/tenant/keys", &key).await.expect(201);
    user.post("/api/tenant/cancel", &json!({"confirm": "acme"})).await.expect(200);
    staff.post("/api/admin/backups?wait=60", &json!({"tenants": ["acme"]})).await.expect(200);
    let mut seen = 0;
    for (client, path) in [
        (&user, "/api/me"),
        (&user, "/api/auth/sessions"),
        (&user, "/api/tenant"),
        (&user, "/api/tenant/users"),
        (&user, "/api/tenant/keys"),
        (&user, "/api/tenant/activity"),
        (&user, "/api/tenant/operations"),
        (&user, "/api/tenant/backups"),
        (&user, "/api/records/patients"),
        (&staff, "/api/admin/tenants"),
        (&staff, "/api/admin/audit"),
        (&staff, "/api/admin/operations"),
        (&staff, "/api/admin/backups"),
        (&staff, "/api/admin/backups/status"),
        (&staff, "/api/admin/backups/runs"),
    ] {
        let before = seen;
        look(path, &client.get(path).await.expect(200).json(), &mut seen);
        assert!(seen > before, "{path} shows no instant");
    }
    let id = staff.get("/api/admin/backups").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    look("backup", &staff.get(&format!("/api/admin/backups/{id}")).await.expect(200).json(), &mut seen);
}
