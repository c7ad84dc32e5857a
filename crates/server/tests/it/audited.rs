//! T11: every route that changes something leaves the listed audit rows, with the right actor.
//!
//! A new route that changes something fails `every_changing_route_is_tried` until it has a line in [`TRIED`] with an
//! act in `act`, or in `audited_records`, which has the routes of records.

use super::{
    app::{Answer, Client, PASSWORD, TestApp},
    attachments, audited_accounts, audited_fleet, audited_life, audited_operators, audited_pages,
    audited_records, audited_staff, console_workflow,
    copies::company,
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenantry_server::http::{Options, ROUTES};
use tenantry_testkit::Settings;

/// Routes, and the actions that each leaves in the log, in order.
pub(super) const TRIED: &[(&str, &str, &[&str])] = &[
    ("POST", "/api/auth/login", &["session.create"]),
    ("POST", "/api/auth/logout", &["session.revoke"]),
    ("DELETE", "/api/auth/sessions/{id}", &["session.revoke"]),
    ("POST", "/api/auth/switch", &["session.switch"]),
    ("POST", "/api/auth/password", &["user.set_password", "session.create"]),
    ("POST", "/api/register", &["tenant.create", "session.create"]),
    ("POST", "/subscription/register/", &["tenant.create", "session.create"]),
    ("GET", "/api/tenant/export", &["tenant.export", "tenant.export_end"]),
    ("POST", "/api/tenant/cancel", &["tenant.cancel"]),
    ("DELETE", "/api/tenant/cancel", &["tenant.keep"]),
    ("POST", "/api/tenant/invitations", &["invitation.create"]),
    ("DELETE", "/api/tenant/invitations/{id}", &["invitation.revoke"]),
    (
        "POST",
        "/api/invitations/accept",
        &["user.create", "invitation.accept", "member.add", "session.create"],
    ),
    ("POST", "/api/invitations/refuse", &["invitation.refuse"]),
    ("POST", "/api/auth/verify", &["user.request_confirmation"]),
    ("POST", "/api/auth/verify/confirm", &["user.confirm_address"]),
    ("POST", "/api/auth/password/forgot", &["user.request_reset"]),
    ("POST", "/api/auth/password/reset", &["user.set_password"]),
    ("DELETE", "/api/me/memberships/{tenant}", &["member.leave"]),
    ("PATCH", "/api/me", &["user.set_name"]),
    ("PATCH", "/api/tenant", &["tenant.set_name"]),
    // This route only reads.
    ("POST", "/api/invitations/show", &[]),
    ("PATCH", "/api/tenant/users/{id}", &["member.set_role"]),
    ("DELETE", "/api/tenant/users/{id}", &["member.remove"]),
    ("POST", "/api/tenant/keys", &["api_key.create"]),
    ("DELETE", "/api/tenant/keys/{id}", &["api_key.revoke"]),
    ("POST", "/api/admin/tenants", &["tenant.create"]),
    ("POST", "/api/admin/tenants/{slug}/databases", &["tenant.create_databases"]),
    ("POST", "/api/admin/tenants/{slug}/suspend", &["tenant.suspend"]),
    ("POST", "/api/admin/tenants/{slug}/resume", &["tenant.resume"]),
    ("POST", "/api/admin/tenants/{slug}/maintenance", &["tenant.maintenance"]),
    ("PATCH", "/api/admin/tenants/{slug}/settings", &["tenant.settings"]),
    ("POST", "/api/admin/tenants/{slug}/rename", &["tenant.rename"]),
    ("POST", "/api/admin/tenants/{slug}/cancel", &["tenant.cancel", "tenant.close"]),
    ("DELETE", "/api/admin/tenants/{slug}/cancel", &["tenant.keep"]),
    ("POST", "/api/admin/tenants/{slug}/plan", &["subscription.change_plan", "subscription.set_state"]),
    ("POST", "/api/admin/tenants/{slug}/clone", &["tenant.clone", "tenant.create"]),
    ("POST", "/api/admin/import", &["tenant.import", "tenant.create"]),
    ("POST", "/api/admin/tenants/{slug}/purge", &["backup.create", "tenant.purge_begin", "tenant.purge"]),
    ("POST", "/api/admin/users", &["user.create"]),
    ("PATCH", "/api/admin/users/{id}", &["user.set_flags"]),
    ("DELETE", "/api/admin/users/{id}/sessions", &["session.revoke_all"]),
    ("PUT", "/api/admin/users/{id}/password", &["user.set_password"]),
    ("POST", "/api/admin/impersonate", &["impersonation.start"]),
    ("DELETE", "/api/admin/impersonate", &["impersonation.stop"]),
    // Nothing is behind, so nothing is done.
    ("POST", "/api/admin/tenants/{slug}/migrate", &[]),
    ("POST", "/api/admin/tenants/{slug}/attach", &["tenant.attach_database"]),
    ("POST", "/api/admin/tenants/{slug}/move", &["tenant.move", "tenant.moved"]),
    ("POST", "/api/admin/tenants/{slug}/promote", &["tenant.promote", "tenant.moved"]),
    ("POST", "/api/admin/tenants/{slug}/demote", &["tenant.demote", "tenant.moved"]),
    // Dry runs.
    ("POST", "/api/admin/tenants/{slug}/move/check", &[]),
    ("POST", "/api/admin/tenants/{slug}/promote/check", &[]),
    ("POST", "/api/admin/tenants/{slug}/demote/check", &[]),
    ("POST", "/api/admin/tenants/{slug}/release", &["tenant.release"]),
    ("POST", "/api/admin/tenants/{slug}/backups", &["backup.create"]),
    ("POST", "/api/tenant/backups", &["backup.create"]),
    ("POST", "/api/admin/backups", &["backup.create", "backup.run"]),
    ("POST", "/api/admin/backups/{id}/verify", &["backup.verify"]),
    (
        "POST",
        "/api/admin/backups/{id}/restore-as",
        &["member.add", "member.add", "tenant.restore_as", "tenant.create"],
    ),
    ("POST", "/api/admin/backups/drill", &["backup.drill"]),
    ("POST", "/api/admin/backups/prune", &["backup.expire"]),
    ("POST", "/api/admin/backups/rescan", &["backup.rescan"]),
    ("POST", "/api/tenant/restore", &["tenant.restore"]),
    ("POST", "/api/tenant/restore/records", &["tenant.take_back"]),
    ("DELETE", "/api/tenant/restore", &["tenant.restore_discard"]),
    ("POST", "/api/admin/tenants/{slug}/restore", &["tenant.restore"]),
    ("DELETE", "/api/admin/tenants/{slug}/restore", &["tenant.restore_discard"]),
    ("POST", "/api/admin/tenants/{slug}/restore/swap", &["tenant.restore_swap"]),
    ("POST", "/api/admin/tenants/{slug}/restore/undo", &["tenant.restore_undo"]),
    ("POST", "/api/admin/operations/{id}/cancel", &["operation.cancel", "backup.fail"]),
    ("POST", "/api/admin/operations/{id}/retry", &["operation.retry"]),
    ("POST", "/api/admin/operations/{id}/abandon", &["operation.abandon", "operation.abandoned"]),
    ("POST", "/api/admin/users/{id}/unlock", &["user.unlock"]),
    ("POST", "/api/tenant/sql", &["tenant.sql"]),
];

/// Two servers, a pool that is created on the first move into it, and a store whose databases tenants bring.
pub(super) fn settings() -> Settings {
    Settings::default()
        .two_servers()
        .set("registration", "placement = \"first\"")
        .set("licences", &super::licences::signing())
        .with("[stores.visits]\nserver = \"main\"\nname = \"visits_{slug}\"\nprovision = \"external\"\n")
}

#[test]
fn every_changing_route_is_tried() {
    let changes = ROUTES.iter().filter(|r| r.method != Method::GET);
    let changes: BTreeSet<_> = changes.map(|r| (r.method.as_str(), r.path)).collect();
    let logged = audited_records::LOGGED.iter().map(|t| (t.0, t.1));
    let logged = logged.chain(audited_pages::TRIED.iter().map(|t| (t.0, t.1)));
    let logged = logged.chain(audited_operators::ALIKE.iter().map(|alike| ("POST", alike.page)));
    let logged = logged.chain(audited_pages::LOGGED.iter().map(|t| (t.0, t.1)));
    let logged = logged.chain(audited_fleet::API.iter().map(|t| (t.0, t.1)));
    let logged = logged.chain([("POST", audited_fleet::IMPORT)]);
    let logged = logged.chain(attachments::LOGGED.iter().map(|t| (t.0, t.1)));
    let logged = logged.chain(audited_fleet::FORMS.iter().map(|form| ("POST", form.0)));
    let logged = logged.chain(audited_staff::API.iter().map(|t| (t.0, t.1)));
    let logged = logged.chain(audited_staff::FORMS.iter().map(|form| ("POST", form.0)));
    let logged = logged.chain(super::views::TRIED.iter().map(|t| (t.0, t.1)));
    let shared = audited_staff::RECORDS.iter().chain(console_workflow::LOGGED);
    let logged = logged.chain(shared.map(|form| ("POST", form.0)));
    let tried = TRIED.iter().map(|t| (t.0, t.1)).filter(|t| t.0 != "GET").chain(logged);
    assert_eq!(changes, tried.collect());
}

/// The state that the acts need, created before each of them.
pub(super) struct Stage {
    pub(super) app: TestApp,
    pub(super) staff: Client,
    pub(super) owner: Client,
    pub(super) slug: String,
    pub(super) id: i64,
    /// Id of a member who is not the owner.
    pub(super) member: i64,
}

impl Stage {
    pub(super) async fn set(app: &TestApp, staff: &Client, n: usize) -> Self {
        let slug = format!("firm-{n}");
        let owner = app.register(&slug).await;
        app.member(&owner, &format!("m@{slug}.example"), "member").await;
        let members = owner.get("/api/tenant/users").await.expect(200).json();
        let id =
            staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json()["id"].as_i64().unwrap();
        let member = members["items"][1]["id"].as_i64().unwrap_or_else(|| panic!("{members}"));
        Self { app: app.clone(), staff: staff.clone(), owner, slug, id, member }
    }

    pub(super) fn at(&self, end: &str) -> String {
        format!("/api/admin/tenants/{}/{end}", self.slug)
    }

    async fn retired(&self) {
        let now = json!({"confirm": self.slug, "grace_days": 0, "retention_days": 0});
        self.staff.post(&self.at("cancel"), &now).await.expect(200);
    }

    pub(super) async fn count(&self) -> i64 {
        let log = self.staff.get("/api/admin/audit?limit=1").await.expect(200).json();
        log["items"][0]["id"].as_i64().unwrap()
    }

    /// Returns the rows after `before`, oldest first.
    pub(super) async fn since(&self, before: i64) -> Vec<Value> {
        let log = self.staff.get("/api/admin/audit?limit=20").await.expect(200).json();
        let rows = log["items"].as_array().unwrap().iter().rev().cloned();
        rows.filter(|row| row["id"].as_i64() > Some(before)).collect()
    }
}

/// Creates the objects that must exist before the act, and that are not part of it.
pub(super) async fn before(s: &Stage, route: &str) -> Value {
    match route {
        "DELETE /api/auth/sessions/{id}" => {
            let other = s.app.login(&format!("owner@{}.example", s.slug)).await;
            let sessions = other.get("/api/auth/sessions").await.expect(200).json();
            let other = sessions["items"].as_array().unwrap().iter().find(|i| i["current"] == true).cloned();
            other.unwrap_or_else(|| panic!("{sessions}"))["id"].clone()
        }
        "DELETE /api/tenant/cancel" | "DELETE /api/admin/tenants/{slug}/cancel" => {
            let cancel = json!({"confirm": s.slug});
            s.owner.post("/api/tenant/cancel", &cancel).await.expect(200);
            Value::Null
        }
        "DELETE /api/tenant/keys/{id}" => {
            let key = json!({"name": "k", "role": "member"});
            s.owner.post("/api/tenant/keys", &key).await.expect(201).json()["id"].clone()
        }
        "POST /api/admin/tenants/{slug}/resume" => {
            s.staff.post(&s.at("suspend"), &json!({"reason": "x"})).await.expect(200);
            Value::Null
        }
        "POST /api/admin/tenants/{slug}/purge" => {
            s.retired().await;
            Value::Null
        }
        "POST /api/admin/tenants/{slug}/databases" => {
            let shown = s.staff.get(&format!("/api/admin/tenants/{}", s.slug)).await.expect(200).json();
            let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap();
            let root = s.app.platform().config().servers[0].path().unwrap();
            for end in ["db", "db-wal", "db-shm"] {
                std::fs::remove_file(root.join(format!("{physical}.{end}"))).ok();
            }
            Value::Null
        }
        "POST /api/admin/import" => {
            let archive = s.owner.get("/api/tenant/export").await.expect(200).body;
            json!(archive.to_vec())
        }
        "DELETE /api/admin/impersonate" => {
            let wish = json!({"tenant": s.slug, "reason": "ticket", "minutes": 5});
            s.staff.post("/api/admin/impersonate", &wish).await.json()["token"].clone()
        }
        _ => match audited_accounts::before(s, route).await {
            Some(ready) => ready,
            None => audited_life::before(s, route).await,
        },
    }
}

/// Performs the act.
async fn act(s: &Stage, route: &str, ready: &Value, n: usize) -> Answer {
    let (slug, owner, staff, anon) = (&s.slug, &s.owner, &s.staff, s.app.anon());
    let none = json!({});
    let form = |name: String| json!({"company": name, "slug": name, "email": format!("o@{name}.example"), "password": PASSWORD});
    match route {
        "POST /api/auth/login" => {
            anon.post(
                "/api/auth/login",
                &json!({"email": format!("owner@{slug}.example"), "password": PASSWORD}),
            )
            .await
        }
        "POST /api/auth/logout" => owner.post("/api/auth/logout", &none).await,
        "DELETE /api/auth/sessions/{id}" => owner.delete(&format!("/api/auth/sessions/{ready}")).await,
        "POST /api/auth/switch" => owner.post("/api/auth/switch", &json!({"tenant": slug})).await,
        "POST /api/auth/password" => {
            owner.post("/api/auth/password", &json!({"old": PASSWORD, "new": "another horse battery"})).await
        }
        "POST /api/register" => anon.post("/api/register", &form(format!("new-{n}"))).await,
        "POST /subscription/register/" => {
            anon.post("/subscription/register/", &form(format!("sub-{n}"))).await
        }
        "GET /api/tenant/export" => owner.get("/api/tenant/export").await,
        "POST /api/tenant/cancel" => owner.post("/api/tenant/cancel", &json!({"confirm": slug})).await,
        "DELETE /api/tenant/cancel" => owner.delete("/api/tenant/cancel").await,
        "PATCH /api/tenant/users/{id}" => {
            owner.patch(&format!("/api/tenant/users/{}", s.member), &json!({"role": "viewer"})).await
        }
        "DELETE /api/tenant/users/{id}" => owner.delete(&format!("/api/tenant/users/{}", s.member)).await,
        "POST /api/tenant/keys" => {
            owner.post("/api/tenant/keys", &json!({"name": "k", "role": "member"})).await
        }
        "DELETE /api/tenant/keys/{id}" => owner.delete(&format!("/api/tenant/keys/{ready}")).await,
        "POST /api/admin/tenants" => {
            let name = format!("made-{n}");
            staff
                .post("/api/admin/tenants", &json!({"slug": name, "company": name, "email": "a@b.example"}))
                .await
        }
        "POST /api/admin/tenants/{slug}/databases" => staff.post(&s.at("databases"), &none).await,
        "POST /api/admin/tenants/{slug}/suspend" => {
            staff.post(&s.at("suspend"), &json!({"reason": "x"})).await
        }
        "POST /api/admin/tenants/{slug}/migrate" => staff.post(&s.at("migrate"), &none).await,
        "POST /api/admin/tenants/{slug}/resume" => staff.post(&s.at("resume"), &none).await,
        "POST /api/admin/tenants/{slug}/maintenance" => {
            staff.post(&s.at("maintenance"), &json!({"on": true, "reason": "x"})).await
        }
        "PATCH /api/admin/tenants/{slug}/settings" => {
            staff.patch(&s.at("settings"), &json!({"colour": n})).await
        }
        "POST /api/admin/tenants/{slug}/rename" => {
            staff.post(&s.at("rename"), &json!({"slug": format!("other-{n}")})).await
        }
        "POST /api/admin/tenants/{slug}/cancel" => {
            staff.post(&s.at("cancel"), &json!({"confirm": slug, "grace_days": 0})).await
        }
        "DELETE /api/admin/tenants/{slug}/cancel" => staff.delete(&s.at("cancel")).await,
        "POST /api/admin/tenants/{slug}/plan" => {
            staff.post(&s.at("plan"), &json!({"plan": "clinic", "state": "active"})).await
        }
        "POST /api/admin/tenants/{slug}/clone" => {
            staff.post(&format!("{}?wait=60", s.at("clone")), &json!({"slug": format!("twin-{n}")})).await
        }
        "POST /api/admin/import" => {
            let archive: Vec<u8> = serde_json::from_value(ready.clone()).unwrap();
            let path = format!("/api/admin/import?slug=copy-{n}&wait=60");
            staff.send(Method::POST, &path, Some("application/zip"), archive).await
        }
        "POST /api/admin/tenants/{slug}/purge" => {
            staff.post(&format!("{}?wait=60", s.at("purge")), &json!({"confirm": slug, "id": s.id})).await
        }
        "POST /api/admin/users" => {
            staff
                .post("/api/admin/users", &json!({"email": format!("u{n}@x.example"), "password": PASSWORD}))
                .await
        }
        "PATCH /api/admin/users/{id}" => {
            staff.patch(&format!("/api/admin/users/{}", s.member), &json!({"active": false})).await
        }
        "PUT /api/admin/users/{id}/password" => {
            let path = format!("/api/admin/users/{}/password", s.member);
            staff.put(&path, &json!({"password": "another horse battery"})).await
        }
        "DELETE /api/admin/users/{id}/sessions" => {
            s.app.login(&format!("m@{slug}.example")).await;
            staff.delete(&format!("/api/admin/users/{}/sessions", s.member)).await
        }
        "POST /api/admin/impersonate" => {
            staff
                .post("/api/admin/impersonate", &json!({"tenant": slug, "reason": "ticket", "minutes": 5}))
                .await
        }
        "DELETE /api/admin/impersonate" => {
            anon.with_token(ready.as_str().unwrap()).delete("/api/admin/impersonate").await
        }
        _ => match audited_accounts::act(s, route, ready).await {
            Some(answer) => answer,
            None => audited_life::act(s, route, ready, n).await,
        },
    }
}

/// Number of rounds over all routes.
const ROUNDS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_over_http_is_in_the_log_with_who_did_it() {
    let app = TestApp::configured(&settings(), Options::default()).await;
    let staff = app.staff().await;
    let mut tried = 0;
    for round in 0..ROUNDS {
        for (index, (method, path, wanted)) in TRIED.iter().enumerate() {
            let (route, n) = (format!("{method} {path}"), round * 100 + index);
            let stage = Stage::set(&app, &staff, n).await;
            let ready = before(&stage, &route).await;
            let start = stage.count().await;
            let answer = act(&stage, &route, &ready, n).await;
            assert!(answer.status.is_success(), "{route}: {}", answer.text());
            let rows = stage.since(start).await;
            let mut actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
            if route.ends_with("/sessions") || route.ends_with("/memberships/{tenant}") {
                // Ignore the sign-in that the act needs.
                actions.retain(|action| *action != "session.create");
            }
            assert_eq!(actions, *wanted, "{route}");
            assert!(
                rows.iter().all(|row| row["actor"].as_str().is_some_and(|by| !by.is_empty())),
                "{rows:?}"
            );
            tried += 1;
        }
    }
    // The log also contains the preparations.
    let rows =
        staff.get("/api/admin/audit?limit=1").await.expect(200).json()["items"][0]["id"].as_i64().unwrap();
    let report = staff.get("/api/admin/audit/verify").await.expect(200).json();
    assert_eq!(report["faults"], json!([]), "{report}");
    let detail = format!("over {} routes, {rows} rows, none missing", TRIED.len());
    tenantry_testkit::tried("T11 changes over HTTP", tried, &detail);
    assert!(rows > 900, "{rows}");
}

/// `impersonation-abuse`: both identities are named, in the platform's log and in the tenant's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impersonation_shows_both_identities() {
    let app = super::copies::app(false).await;
    let staff = app.staff().await;
    company(&app, &staff, "acme", "Ash").await;
    let wish = json!({"tenant": "acme", "reason": "ticket 7", "minutes": 5});
    let token = staff.post("/api/admin/impersonate", &wish).await.json()["token"].clone();
    let acting = app.anon().with_token(token.as_str().unwrap());
    acting.post("/api/records/patients", &patient("By-staff")).await.expect(201);
    acting.delete("/api/admin/impersonate").await;
    let owner = app.login("owner@acme.example").await;
    let activity = owner.get("/api/tenant/activity").await.expect(200).json();
    let line = &activity["items"][0];
    assert!(line["actor"].as_str().is_some_and(|a| a.starts_with("user:")), "{line}");
    assert!(line["impersonator"].as_str().is_some_and(|a| a.starts_with("user:")), "{line}");
    assert_ne!(line["actor"], line["impersonator"]);
    let log = staff.get("/api/admin/audit?limit=50").await.expect(200).json();
    let of = |action: &str| log["items"].as_array().unwrap().iter().find(|r| r["action"] == action).cloned();
    for action in ["impersonation.start", "impersonation.stop"] {
        let row = of(action).unwrap_or_else(|| panic!("{action} in {log}"));
        assert_eq!((&row["actor"], &row["impersonator"]), (&line["actor"], &line["impersonator"]), "{row}");
    }
}
