//! Complete answers of the HTTP API as snapshots: the answers to each kind of caller, and to each kind of mistake.

use super::{
    app::{Client, TestApp},
    commands::compare,
};
use serde_json::{Value, json};
use tenantry_server::http::Options;

/// Fields whose values differ from run to run.
const VARYING: [&str; 14] = [
    "address",
    "agent",
    "bytes",
    "size_bytes",
    "hash",
    "id",
    "key",
    "next",
    "prefix",
    "request_id",
    "schema_version",
    "since",
    "target",
    "token",
];

/// Replaces the values that differ from run to run.
fn masked(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(masked),
        Value::Object(fields) => {
            for (name, value) in fields {
                let varies = name.ends_with("_at") || VARYING.contains(&name.as_str());
                if varies && !matches!(value, Value::Null | Value::Object(_) | Value::Array(_)) {
                    *value = Value::String("#".into());
                }
                masked(value);
            }
        }
        _ => {}
    }
}

/// Compares the answers to these requests with their file. A request is a method and a path, and a body unless it is
/// null.
async fn answers(name: &str, client: &Client, requests: &[(&str, &str, Value)]) {
    let mut told = String::new();
    for (method, path, body) in requests {
        let media = (!body.is_null()).then_some("application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = client.send(method.parse().unwrap(), path, media, body.clone()).await;
        told += &format!("{method} {path} {body}\n{}", answer.status.as_u16());
        if !answer.body.is_empty() {
            let mut value = answer.json();
            masked(&mut value);
            told += &format!(" {}", serde_json::to_string_pretty(&value).unwrap());
        }
        told += "\n\n";
    }
    compare(name, &told);
}

fn get(path: &'static str) -> (&'static str, &'static str, Value) {
    ("GET", path, Value::Null)
}

#[tokio::test]
async fn what_an_owner_is_told() {
    let app = TestApp::with(Options::default()).await;
    let owner = app.register("acme").await;
    app.member(&owner, "nurse@acme.example", "member").await;
    let city = json!({"name": "Springfield", "region": 1});
    answers(
        "answers_owner",
        &owner,
        &[
            get("/api/me"),
            get("/api/plans"),
            get("/api/tenant"),
            get("/api/tenant/usage"),
            get("/api/tenant/users"),
            ("POST", "/api/tenant/invitations", json!({"email": "new@acme.example", "role": "member"})),
            get("/api/tenant/invitations"),
            ("POST", "/api/tenant/keys", json!({"name": "import", "role": "member"})),
            get("/api/tenant/keys"),
            get("/api/tenant/activity"),
            get("/api/tenant/operations"),
            get("/api/tenant/backups"),
            get("/api/auth/sessions"),
            get("/api/records/hospitals"),
            ("POST", "/api/records/cities", city),
            get("/api/admin/tenants"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_staff_are_told() {
    let app = TestApp::with(Options::default()).await;
    app.register("acme").await;
    let staff = app.staff().await;
    answers(
        "answers_staff",
        &staff,
        &[
            get("/api/me"),
            get("/api/admin/tenants"),
            get("/api/admin/tenants/acme"),
            get("/api/admin/tenants/acme/survey"),
            get("/api/admin/users"),
            get("/api/admin/mail"),
            get("/api/admin/orphans"),
            get("/api/admin/nodes"),
            get("/api/admin/backups"),
            get("/api/admin/backups/status"),
            get("/api/admin/audit/verify"),
            ("POST", "/api/admin/tenants/acme/suspend", json!({"reason": "unpaid"})),
            ("POST", "/api/admin/tenants/acme/suspend", json!({"reason": "unpaid"})),
            ("POST", "/api/admin/tenants/acme/resume", json!({})),
            ("POST", "/api/admin/tenants/nobody/suspend", json!({"reason": "unpaid"})),
            get("/api/tenant/users"),
            get("/api/records/hospitals"),
        ],
    )
    .await;
}

#[tokio::test]
async fn how_mistakes_are_answered() {
    let app = TestApp::with(Options::default()).await;
    let owner = app.register("acme").await;
    let hospital = json!({"name": "St. Mary"});
    owner.post("/api/records/hospitals", &hospital).await;
    answers(
        "answers_mistakes",
        &owner,
        &[
            get("/api/nothing"),
            ("DELETE", "/api/me", Value::Null),
            get("/api/records/nothing"),
            get("/api/records/hospitals/99"),
            get("/api/records/hospitals?limit=0"),
            get("/api/records/hospitals?nothing=1"),
            get("/api/records/hospitals?name__like=a"),
            get("/api/records/hospitals?cursor=x"),
            (
                "POST",
                "/api/records/patients",
                json!({"first_name": 7, "gender": "q", "born_on": "2001-02-30"}),
            ),
            ("POST", "/api/records/hospitals", json!([])),
            ("POST", "/api/tenant/invitations", json!({"email": "nobody", "role": "king"})),
            ("POST", "/api/tenant/sql", json!({"sql": "DELETE FROM hospitals"})),
            ("POST", "/api/tenant/sql", json!({"sql": "SELECT"})),
        ],
    )
    .await;
    answers(
        "answers_mistakes_anonymous",
        &app.anon(),
        &[
            get("/api/me"),
            ("POST", "/api/auth/login", json!({"email": "owner@acme.example", "password": "wrong"})),
            ("POST", "/api/auth/login", json!({"email": "owner@acme.example"})),
            (
                "POST",
                "/api/register",
                json!({"company": "Acme", "slug": "Acme!", "email": "x", "password": "short"}),
            ),
            (
                "POST",
                "/api/register",
                json!({"company": "Acme", "slug": "acme", "email": "a@acme.example", "password": "long enough"}),
            ),
            ("POST", "/api/auth/verify/confirm", json!({"token": "tnl_nothing", "password": "long enough"})),
        ],
    )
    .await;
}
