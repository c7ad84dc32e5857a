//! T11 for staff: plans, letters and users over the API, and every form of `/admin/`, leave their audit rows. Forms of
//! shared records leave lines in the log of the shared store.

use super::{
    app::{Client, PASSWORD, TestApp},
    audited::{self, Stage},
    audited_records::Lines,
    web::Web,
};
use serde_json::json;
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

/// Routes of the API, and the actions that each leaves in the log, in order.
pub(super) const API: &[(&str, &str, &[&str])] = &[
    ("PUT", "/api/admin/tenants/{slug}/licence", &["licence.issue"]),
    // Uses are counted, not logged.
    ("POST", "/api/tenant/features", &[]),
    ("POST", "/api/admin/tenants/{slug}/licence/renew", &["licence.renew"]),
    ("PATCH", "/api/admin/tenants/{slug}/licence", &["licence.set_status"]),
    ("POST", "/api/admin/plans", &["plan.create"]),
    ("PATCH", "/api/admin/plans/{code}", &["plan.change"]),
    ("POST", "/api/admin/plans/{code}/reset", &["plan.reset", "plans.initialize"]),
    ("POST", "/api/admin/plans/{code}/place", &["plan.place"]),
    ("POST", "/api/admin/users/{id}/reset", &["user.request_reset"]),
    ("POST", "/api/admin/mail/{id}/send", &["mail.send_again"]),
];

type Form = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

/// Forms, their values, and the actions that each leaves in the log. `OWN` stands for the superuser's password.
pub(super) const FORMS: &[Form] = &[
    ("/admin/plans/add/", &[("name", "Silver"), ("code", "silver")], &["plan.create"]),
    ("/admin/plans/{code}/edit/", &[("price", "5 €"), ("users", "7")], &["plan.change"]),
    ("/admin/plans/{code}/archive/", &[], &["plan.change"]),
    ("/admin/plans/{code}/reset/", &[], &["plan.reset", "plans.initialize"]),
    ("/admin/plans/{code}/place/", &[], &["plan.place"]),
    ("/admin/subscriptions/{slug}/plan/", &[("plan", "clinic")], &["subscription.change_plan"]),
    ("/admin/subscriptions/{slug}/extend/", &[("until", "2090-01-31")], &["subscription.set_state"]),
    ("/admin/subscriptions/{slug}/cancel/", &[("until", "2090-01-31")], &["subscription.set_state"]),
    ("/admin/subscriptions/{slug}/reactivate/", &[], &["subscription.set_state"]),
    (
        "/admin/users/add/",
        &[
            ("email", "new@platform.example"),
            ("name", "New"),
            ("new_password", PASSWORD),
            ("staff", "yes"),
            ("password", "OWN"),
        ],
        &["user.create", "user.set_flags"],
    ),
    ("/admin/users/{id}/reset/", &[], &["user.request_reset"]),
    ("/admin/users/{id}/sign-out/", &[], &["session.revoke_all"]),
    ("/admin/users/{id}/unlock/", &[], &["user.unlock"]),
    ("/admin/users/{id}/rights/", &[("staff", "yes"), ("password", "OWN")], &["user.set_flags"]),
    (
        "/admin/users/{id}/password/",
        &[("new_password", PASSWORD), ("password", "OWN")],
        &["user.set_password"],
    ),
    ("/admin/letters/{id}/send/", &[], &["mail.send_again"]),
];

/// Forms of shared records, and the action of the line that each leaves in the log of the shared store.
pub(super) const RECORDS: &[(&str, &str)] = &[
    ("/admin/data/{model}/import/", "create"),
    ("/admin/data/{model}/add/", "create"),
    ("/admin/data/{model}/{id}/edit/", "update"),
    ("/admin/data/{model}/change/", "update"),
    ("/admin/data/{model}/{id}/delete/", "delete"),
    ("/admin/data/{model}/delete/", "delete"),
];

/// A shared model to which no tenant refers, so that several of its records can be deleted at once.
const CONTACTS: &str =
    "store = \"shared\"\n[fields.name]\ntype = \"text\"\n[fields.phone]\ntype = \"text\"\n";

async fn stage() -> (TestApp, Client, Stage) {
    let app = TestApp::configured(&audited::settings(), Options::default()).await;
    let staff = app.staff().await;
    let stage = Stage::set(&app, &staff, 1).await;
    (app, staff, stage)
}

/// Lets a letter to the member be sent, and returns its id.
async fn sent_letter(app: &TestApp, staff: &Client, stage: &Stage) -> i64 {
    staff.post(&format!("/api/admin/users/{}/reset", stage.member), &json!({})).await.expect(200);
    app.platform().letters().send_due().await.unwrap();
    let letters = staff.get("/api/admin/mail?state=sent").await.expect(200).json();
    letters["items"][0]["id"].as_i64().unwrap_or_else(|| panic!("{letters}"))
}

/// Makes the plan of the tenant ask for a label that no server has.
async fn nowhere(staff: &Client) {
    let labels = json!({"servers": {"region": "moon"}});
    staff.patch("/api/admin/plans/starter", &labels).await.expect(200);
}

fn actions(rows: &[serde_json::Value]) -> Vec<&str> {
    rows.iter().map(|row| row["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_staff_do_over_the_api_is_in_the_log() {
    let (app, staff, stage) = stage().await;
    for (method, path, wanted) in API {
        let letter = if path.contains("/mail/") { sent_letter(&app, &staff, &stage).await } else { 0 };
        if path.ends_with("/{code}/reset") {
            staff.patch("/api/admin/plans/clinic", &json!({"price": "another"})).await.expect(200);
        }
        if path.ends_with("/place") {
            nowhere(&staff).await;
        }
        let start = stage.count().await;
        match *path {
            "/api/admin/tenants/{slug}/licence" if *method == "PUT" => staff
                .put(&stage.at("licence"), &json!({"license_type": "standard", "features": ["forecasts"]}))
                .await
                .expect(200),
            "/api/tenant/features" => {
                stage.owner.post(path, &json!({"feature": "forecasts"})).await.expect(200)
            }
            "/api/admin/tenants/{slug}/licence" => {
                staff.patch(&stage.at("licence"), &json!({"status": "revoked"})).await.expect(200)
            }
            "/api/admin/tenants/{slug}/licence/renew" => {
                let until = json!({"expires_at": "2090-01-31T00:00:00Z"});
                staff.post(&stage.at("licence/renew"), &until).await.expect(200)
            }
            "/api/admin/plans" => {
                let plan = json!({"code": "gold", "name": "Gold", "limits": {"users": 3}});
                staff.post(path, &plan).await.expect(201)
            }
            "/api/admin/plans/{code}" => {
                staff.patch("/api/admin/plans/gold", &json!({"price": "9 €"})).await.expect(200)
            }
            "/api/admin/plans/{code}/reset" => {
                staff.post("/api/admin/plans/clinic/reset", &json!({})).await.expect(200)
            }
            "/api/admin/plans/{code}/place" => {
                staff.post("/api/admin/plans/starter/place?wait=30", &json!({})).await.expect(200)
            }
            "/api/admin/users/{id}/reset" => {
                staff.post(&format!("/api/admin/users/{}/reset", stage.member), &json!({})).await.expect(200)
            }
            _ => staff.post(&format!("/api/admin/mail/{letter}/send"), &json!({})).await.expect(200),
        };
        assert_eq!(actions(&stage.since(start).await), *wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn every_form_of_staff_is_in_the_log() {
    let (app, staff, stage) = stage().await;
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    for (route, fields, wanted) in FORMS {
        let code = match *route {
            "/admin/plans/{code}/reset/" => "clinic",
            "/admin/plans/{code}/place/" => "starter",
            _ => "silver",
        };
        let id = match *route {
            "/admin/letters/{id}/send/" => sent_letter(&app, &staff, &stage).await,
            _ => stage.member,
        };
        match *route {
            "/admin/plans/{code}/reset/" => {
                drop(staff.patch("/api/admin/plans/clinic", &json!({"price": "another"})).await.expect(200));
            }
            "/admin/plans/{code}/place/" => nowhere(&staff).await,
            "/admin/users/{id}/sign-out/" => drop(app.login(&format!("m@{}.example", stage.slug)).await),
            // The previous letter must be sent first, because a waiting letter is not written twice.
            "/admin/users/{id}/reset/" => drop(app.platform().letters().send_due().await.unwrap()),
            _ => {}
        }
        let path = route.replace("{code}", code).replace("{slug}", &stage.slug);
        let path = path.replace("{id}", &id.to_string());
        let form = web.get(&path).await.expect(200);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, text)| (*name, if *text == "OWN" { PASSWORD } else { *text }))
            .collect();
        let start = stage.count().await;
        let done = web.submit(&form, "", &fields).await;
        assert_eq!(done.status, 303, "{path}: {}", done.text());
        assert_eq!(actions(&stage.since(start).await), *wanted, "{route}");
        web.follow(&done).await.expect(200);
    }
}

#[tokio::test]
async fn every_form_of_shared_records_leaves_its_line() {
    let app = TestApp::with_own("contacts", CONTACTS, &Settings::default()).await;
    let staff = app.staff().await;
    let lines = Lines::of(&app, "shared");
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    let me = staff.get("/api/me").await.expect(200).json()["actor"].as_str().unwrap().to_owned();
    let mut record = String::new();
    for (route, action) in RECORDS {
        let last = lines.last();
        let id = record.clone();
        let page = route.replace("{model}", "contacts").replace("{id}", &id);
        let done = match *route {
            "/admin/data/{model}/import/" => {
                let form = web.get(&page).await.expect(200);
                let file = ("a.csv", &b"name,phone\nEast,1\n"[..]);
                web.send_file(&form, &page, &[("_to", "import")], Some(file)).await
            }
            "/admin/data/{model}/add/" => {
                let form = web.get(&page).await.expect(200);
                web.submit(&form, "", &[("name", "West"), ("phone", "1")]).await
            }
            _ => {
                if *route == "/admin/data/{model}/delete/" {
                    let form = web.get("/admin/data/contacts/add/").await.expect(200);
                    let made = web.submit(&form, "", &[("name", "Other"), ("phone", "1")]).await.expect(303);
                    record = made.location().split('/').nth(4).unwrap().to_owned();
                }
                let last = lines.last();
                let form = web.get(&format!("{page}?id={record}")).await.expect(200);
                let to = form.forms().into_iter().find(|f| f.method == "post" && f.action != "/logout/");
                let fields: &[(&str, &str)] = match *route {
                    "/admin/data/{model}/change/" => &[("_set", "phone"), ("phone", "5"), ("_confirm", "1")],
                    "/admin/data/{model}/delete/" => &[("_number", "1")],
                    "/admin/data/{model}/{id}/edit/" => &[("name", "Changed")],
                    _ => &[],
                };
                let done = web.submit(&form, &to.unwrap().action, fields).await;
                assert_eq!(lines.after(last).len(), 1, "{page}: {}", done.text());
                done
            }
        };
        assert_eq!(done.status, 303, "{page}: {}", done.text());
        assert!(done.location().starts_with("/admin/data/contacts/"), "{page}: {}", done.location());
        let line = lines.after(last).pop().unwrap();
        assert_eq!(line, [me.clone(), (*action).into(), "contacts".into()], "{route}");
        if *route == "/admin/data/{model}/add/" {
            record = done.location().split('/').nth(4).unwrap().to_owned();
        }
    }
}
