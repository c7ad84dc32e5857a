//! T11 for pages: each form leaves the audit rows that the same act leaves through the API.

use super::{
    app::{Client, PASSWORD, TestApp},
    records::patient,
    take_back::{rests, stage},
    web::Web,
};
use http::Method;
use serde_json::json;
use tenantry_server::http::Options;

/// Page routes that change something, and the actions that each leaves in the log, in order.
pub(super) const TRIED: &[(&str, &str, &[&str])] = &[
    ("POST", "/login/", &["session.create"]),
    ("POST", "/logout/", &["session.revoke"]),
    ("POST", "/companies/", &["session.switch"]),
    ("POST", "/account/", &["user.set_name"]),
    ("POST", "/account/password/", &["user.set_password", "session.create"]),
    ("POST", "/account/sessions/", &["session.revoke"]),
    ("POST", "/settings/members/", &["invitation.create"]),
    ("POST", "/settings/members/role/", &["member.set_role"]),
    ("POST", "/settings/members/remove/", &["member.remove"]),
    ("POST", "/settings/invitations/revoke/", &["invitation.revoke"]),
    ("POST", "/settings/keys/", &["api_key.create"]),
    ("POST", "/settings/keys/revoke/", &["api_key.revoke"]),
    ("POST", "/password/forgot/", &["user.request_reset"]),
    ("POST", "/account/reset/", &["user.set_password"]),
    ("POST", "/account/verify/", &["user.confirm_address"]),
    ("POST", "/account/invitation/", &["user.create", "invitation.accept", "member.add", "session.create"]),
    ("POST", "/master-admin/companies/{slug}/enter/", &["impersonation.start"]),
    ("POST", "/exit/", &["impersonation.stop"]),
    ("POST", "/settings/company/", &["tenant.set_name"]),
    ("POST", "/settings/close/", &["tenant.cancel"]),
    ("POST", "/settings/backups/", &["backup.create"]),
    ("POST", "/settings/compare/", &["tenant.restore"]),
    ("POST", "/settings/compare/close/", &["tenant.restore_discard"]),
    ("POST", "/settings/compare/{model}/", &["tenant.take_back"]),
    ("POST", "/{model}/views/", &["view.create"]),
    ("POST", "/{model}/views/change/", &["view.delete"]),
    // The company's own activity log has these changes, as it has those of records.
    ("POST", "/settings/fields/", &[]),
    ("POST", "/settings/fields/change/", &[]),
    // The form only sets a cookie.
    ("POST", "/account/theme/", &[]),
    ("POST", "/language/", &[]),
    ("POST", "/account/locale/", &["user.set_locale"]),
    ("POST", "/settings/company/locale/", &["tenant.settings"]),
];

/// Page routes that change records, and the action of the line that each leaves in the tenant's log.
pub(super) const LOGGED: &[(&str, &str, &str)] = &[
    ("POST", "/{model}/import/", "create"),
    ("POST", "/{model}/add/", "create"),
    ("POST", "/{model}/{id}/edit/", "update"),
    ("POST", "/{model}/change/", "update"),
    ("POST", "/{model}/{id}/delete/", "delete"),
    ("POST", "/{model}/delete/", "delete"),
    ("POST", "/{model}/{id}/override/", "create"),
];

#[tokio::test]
async fn every_form_of_a_record_leaves_its_line() {
    let (app, people) = super::console_data::filled().await;
    let mut web = Web::signed_in(&app, people[0]).await;
    let owner = app.login(people[0]).await;
    let path = |page: &super::web::Page| page.location().split('?').next().unwrap().to_owned();
    let mut record = String::new();
    let mut tried = 0;
    for (_, route, action) in LOGGED {
        if *route == "/{model}/import/" {
            let form = web.get("/patients/import/").await.expect(200);
            let file = ("a.csv", &b"first_name,last_name,born_on\nA,B,1990-01-01\n"[..]);
            web.send_file(&form, "/patients/import/", &[("_to", "import")], Some(file)).await.expect(303);
        } else if record.is_empty() {
            let form = web.get("/patients/add/").await.expect(200);
            let fields = [("first_name", "A"), ("last_name", "B"), ("born_on", "1990-01-01")];
            record = path(&web.submit(&form, "", &fields).await.expect(303));
        }
        let is_override = route.contains("/override/");
        let (model, id) = match is_override {
            true => ("clinics", "1".to_owned()),
            false => ("patients", record.split('/').nth(2).unwrap_or_default().to_owned()),
        };
        let page = route.replace("{model}", model).replace("{id}", &id);
        let sent: &[(&str, &str)] = match (*route, *action) {
            _ if is_override => &[("_own", "phone"), ("phone", "5")],
            (_, "create") => &[],
            ("/{model}/change/", _) => &[("_set", "notes"), ("notes", "all"), ("_confirm", "1")],
            ("/{model}/delete/", _) => &[("_number", "1")],
            _ => &[("notes", "changed")],
        };
        if *action != "create" || is_override {
            let form = web.get(&format!("{page}?id={id}")).await.expect(200);
            let action = form
                .forms()
                .iter()
                .find(|form| form.method == "post" && form.action != "/logout/")
                .unwrap()
                .action
                .clone();
            web.submit(&form, &action, sent).await.expect(303);
        }
        if *action == "delete" {
            record.clear();
        }
        let lines = owner.get("/api/tenant/activity?limit=1").await.expect(200).json();
        let line = &lines["items"][0];
        assert_eq!(
            (line["action"].as_str(), line["model"].as_str()),
            (Some(*action), Some(if is_override { "clinics_overrides" } else { model })),
            "{lines}"
        );
        assert!(line["actor"].as_str().is_some_and(|by| by.starts_with("user:")), "{lines}");
        tried += 1;
    }
    assert_eq!(tried, LOGGED.len());
}

/// Creates the objects that must exist before the act. Returns the value that its form names.
async fn before(app: &TestApp, owner: &Client, route: &str, slug: &str) -> String {
    let email = format!("new@{slug}.example");
    let invitation = json!({"email": email, "role": "viewer"});
    let own = format!("owner@{slug}.example");
    match route {
        "/settings/members/role/" | "/settings/members/remove/" => {
            app.member(owner, &email, "member").await;
            let members = owner.get("/api/tenant/users").await.expect(200).json();
            members["items"][1]["id"].to_string()
        }
        "/settings/invitations/revoke/" => {
            owner.post("/api/tenant/invitations", &invitation).await.expect(201).json()["id"].to_string()
        }
        "/settings/keys/revoke/" => {
            let key = json!({"name": "k", "role": "member"});
            owner.post("/api/tenant/keys", &key).await.expect(201).json()["id"].to_string()
        }
        "/settings/fields/change/" => {
            let field = json!({"name": "room", "label": "Room", "type": "text"});
            owner.post("/api/tenant/fields/appointments", &field).await.expect(201);
            "room".to_owned()
        }
        "/{model}/views/change/" => {
            let view = json!({"name": "v", "query": "sort=-id"});
            owner.post("/api/views/patients", &view).await.expect(201).json()["id"].to_string()
        }
        "/account/reset/" => {
            app.anon().post("/api/auth/password/forgot", &json!({"email": own})).await.expect(202);
            super::audited_accounts::forgotten(app, &own).await
        }
        "/account/verify/" => {
            let form = json!({"company": "Late", "slug": format!("late-{slug}"), "email": email, "password": PASSWORD});
            app.anon().post("/api/register", &form).await.expect(201);
            app.letter(&email).await
        }
        "/account/invitation/" => {
            owner.post("/api/tenant/invitations", &invitation).await.expect(201);
            app.letter(&email).await
        }
        "/settings/compare/" => {
            let made = owner.post("/api/tenant/backups?wait=60", &json!({})).await.expect(200).json();
            made["backup"].as_str().unwrap().to_owned()
        }
        "/settings/compare/close/" => {
            stage(owner).await;
            String::new()
        }
        "/settings/compare/{model}/" => {
            owner.post("/api/records/patients", &patient("Ash")).await.expect(201);
            stage(owner).await;
            owner.delete("/api/records/patients/1").await.expect(204);
            String::new()
        }
        _ => String::new(),
    }
}

/// Begins a support visit.
pub(super) async fn enter(web: &mut Web, slug: &str) -> http::StatusCode {
    enter_because(web, slug, "Ticket 4711").await
}

/// Begins a support visit for this reason.
pub(super) async fn enter_because(web: &mut Web, slug: &str, reason: &str) -> http::StatusCode {
    let form = web.get(&format!("/master-admin/companies/{slug}/enter/")).await.expect(200);
    web.submit(&form, "", &[("reason", reason), ("password", PASSWORD)]).await.status
}

async fn act(web: &mut Web, other: &mut Web, route: &str, slug: &str, ready: &str) -> http::StatusCode {
    let email = format!("owner@{slug}.example");
    let new = format!("new@{slug}.example");
    let (page, fields): (&str, Vec<(&str, &str)>) = match route {
        "/login/" => ("/login/?again=1", vec![("email", &email), ("password", PASSWORD)]),
        "/logout/" => ("/account/", vec![]),
        "/companies/" => ("/companies/", vec![("tenant", slug)]),
        "/account/" => ("/account/", vec![("name", "Another")]),
        "/account/password/" => ("/account/", vec![("old", PASSWORD), ("new", "another horse battery")]),
        "/account/sessions/" => {
            let id = other.get("/account/").await;
            let ids = id.attrs("button", "value");
            let id = ids.iter().find(|value| value.parse::<i64>().is_ok()).cloned().unwrap();
            let page = other.get("/account/").await;
            return other.submit(&page, route, &[("session", &id)]).await.status;
        }
        "/account/theme/" => ("/account/", vec![("theme", "dark")]),
        "/language/" => ("/login/?again=1", vec![("language", "az")]),
        "/account/locale/" => ("/account/", vec![("language", "az"), ("time_zone", "Asia/Baku")]),
        "/settings/company/locale/" => ("/settings/company/", vec![("language", "az"), ("time_zone", "")]),
        "/settings/members/" => ("/settings/members/", vec![("email", &new), ("role", "viewer")]),
        "/settings/members/role/" => ("/settings/members/", vec![("id", ready), ("role", "viewer")]),
        "/settings/members/remove/" | "/settings/invitations/revoke/" => {
            ("/settings/members/", vec![("id", ready)])
        }
        "/settings/keys/" => ("/settings/keys/", vec![("name", "Import"), ("role", "member")]),
        "/settings/keys/revoke/" => ("/settings/keys/", vec![("id", ready)]),
        "/settings/company/" => (route, vec![("name", "Another Name")]),
        "/settings/close/" => (route, vec![("confirm", slug), ("act", "cancel")]),
        "/settings/backups/" => (route, vec![]),
        "/settings/compare/" => ("/settings/backups/", vec![("backup", ready)]),
        "/settings/compare/close/" => ("/settings/compare/", vec![]),
        "/settings/compare/{model}/" => {
            let page = web.get("/settings/compare/patients/").await.expect(200);
            return web.submit(&page, "/settings/compare/patients/", &[("id", "1")]).await.status;
        }
        "/password/forgot/" => (route, vec![("email", &email)]),
        "/account/reset/" => (route, vec![("token", ready), ("password", "another horse battery")]),
        "/account/verify/" => (route, vec![("token", ready), ("password", PASSWORD)]),
        "/account/invitation/" => {
            // The browser of the invited person.
            other.cookies.clear();
            let page = other.get(route).await.expect(200);
            let shown = other.submit(&page, route, &[("token", ready), ("act", "show")]).await.expect(200);
            let fields = [("act", "accept"), ("name", "Newcomer"), ("password", PASSWORD)];
            return other.submit(&shown, route, &fields).await.status;
        }
        "/settings/fields/" => {
            (route, vec![("model", "appointments"), ("label", "Ward"), ("name", "ward"), ("kind", "text")])
        }
        "/settings/fields/change/" => {
            let page = web.get("/settings/fields/").await.expect(200);
            let sent = [("model", "appointments"), ("name", ready), ("label", "R"), ("act", "save")];
            return web.submit(&page, route, &sent).await.status;
        }
        "/{model}/views/" => {
            let page = web.get("/patients/?sort=-id").await.expect(200);
            return web.submit(&page, "/patients/views/", &[("name", "v")]).await.status;
        }
        "/{model}/views/change/" => {
            let page = web.get("/patients/views/").await.expect(200);
            let sent = [("id", ready), ("act", "delete")];
            return web.submit(&page, "/patients/views/change/", &sent).await.status;
        }
        "/exit/" => ("/exit/", vec![]),
        "/master-admin/companies/{slug}/enter/" => return enter(web, slug).await,
        _ => panic!("{route} has no act"),
    };
    let page = web.get(page).await.expect(200);
    web.submit(&page, route, &fields).await.status
}

async fn last(staff: &Client) -> i64 {
    staff.get("/api/admin/audit?limit=1").await.expect(200).json()["items"][0]["id"].as_i64().unwrap()
}

#[tokio::test]
async fn every_form_leaves_its_rows_in_the_log() {
    let app = TestApp::with(Options::default()).await;
    let staff = app.staff().await;
    for (index, (method, path, wanted)) in TRIED.iter().enumerate() {
        assert_eq!(*method, Method::POST);
        let slug = format!("firm-{index}");
        app.register(&slug).await;
        let email = format!("owner@{slug}.example");
        let is_of_staff = path.starts_with("/master-admin/") || *path == "/exit/";
        let by = if is_of_staff { "staff@platform.example" } else { &email };
        let mut web = Web::signed_in(&app, by).await;
        if *path == "/exit/" {
            enter(&mut web, &slug).await;
        }
        let mut other = Web::signed_in(&app, &email).await;
        let owner = app.login(&email).await;
        let ready = before(&app, &owner, path, &slug).await;
        let before = last(&staff).await;
        let status = act(&mut web, &mut other, path, &slug, &ready).await;
        // A backup writes its row when it ends.
        rests(&app).await;
        if *path == "/password/forgot/" {
            super::audited_accounts::forgotten(&app, &email).await;
        }
        // Two forms are answered with a page: the request for a letter, and the new key.
        assert!([200, 201, 303].contains(&status.as_u16()), "{path}: {status}");
        let log = staff.get("/api/admin/audit?limit=20").await.expect(200).json();
        let rows =
            log["items"].as_array().unwrap().iter().rev().filter(|row| row["id"].as_i64() > Some(before));
        let actions: Vec<_> = rows.map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions, *wanted, "{path}");
    }
}
