//! "Enter company system": staff act as a member on the pages of a company, and nowhere else (`impersonation-abuse`).

use super::{
    app::{PASSWORD, TestApp},
    audited_pages::enter,
    console_data::filled,
    web::{Page, Web},
};
use http::Method;
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use tenantry_server::http::{Options, ROUTES};

const STAFF: &str = "staff@platform.example";
const COOKIE: &str = "tenantry_acting";
const FORM: &str = "/master-admin/companies/acme/enter/";

/// Returns true if the page names the staff member, the member, the company, the reason and the remaining time, and has
/// the link to exit.
fn has_banner(page: &Page) -> bool {
    let bar = page.tags.iter().any(|tag| tag.name == "section" && tag.attr("class") == Some("acting"));
    let text = page.text();
    bar && ["acts as Ann", "in", "Acme", "Ticket 4711", "min left", "Exit"]
        .iter()
        .all(|part| text.contains(part))
        && page.forms().iter().any(|form| form.action == "/exit/" && form.fields.len() == 1)
}

async fn entered() -> (TestApp, Web) {
    let (app, _) = filled().await;
    let mut web = Web::signed_in(&app, STAFF).await;
    assert_eq!(enter(&mut web, "acme").await, 303);
    (app, web)
}

#[tokio::test]
async fn every_page_of_a_company_says_that_staff_act_there() {
    let (_app, mut web) = entered().await;
    let in_company =
        ROUTES.iter().filter(|r| r.is_page && r.method == Method::GET && r.access.is_in_tenant());
    let mut waiting: VecDeque<String> = ["/dashboard/".to_owned()].into();
    let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut seen = 0;
    while let Some(path) = waiting.pop_front() {
        let page = web.get(&path).await.expect(200);
        assert!(has_banner(&page), "{path}: {}", page.body);
        assert!(page.body.contains("<title>◆ "), "{path}");
        assert!(!page.body.contains("action=\"/logout/\""), "{path}: nobody signs out as another person");
        seen += 1;
        for href in page.attrs("a", "href") {
            let href = href.split(['#', '?']).next().unwrap().to_owned();
            let is_company = !["/api/", "/account/", "/companies/", "/exit/", "/assets/"]
                .iter()
                .any(|other| href.starts_with(other));
            if is_company && !href.is_empty() && known.insert(href.clone()) {
                waiting.push_back(href);
            }
        }
    }
    assert!(seen > in_company.count() + 10, "{seen} pages");
}

#[tokio::test]
async fn the_visit_counts_on_pages_of_the_company_only() {
    let (app, mut web) = entered().await;
    let token = web.cookies[COOKIE].split('.').next().unwrap().to_owned();
    web.get("/patients/").await.expect(200);
    // The API, the account page and the pages of staff know only the staff member.
    web.get("/api/records/patients").await.expect(404);
    assert!(web.get("/api/me").await.expect(200).body.contains(STAFF));
    for path in ["/account/", "/companies/", "/master-admin/companies/acme/"] {
        let page = web.get(path).await.expect(200);
        assert!(page.body.contains(STAFF) && !has_banner(&page), "{path}");
    }
    // The cookie alone, without the session of the staff member, is worthless.
    let mut thief = Web::new(&app);
    thief.cookies.insert(COOKIE.into(), format!("{token}.acme"));
    let answer = thief.get("/patients/").await.expect(303);
    assert!(answer.location().starts_with("/login/"), "{}", answer.location());
    // It does not work in another user's browser either, nor as a cookie that contains an ordinary session.
    let mut rival = Web::signed_in(&app, "owner@rival.example").await;
    rival.cookies.insert(COOKIE.into(), format!("{token}.acme"));
    assert!(!has_banner(&rival.get("/dashboard/").await.expect(200)));
    let owner = app.login("owner@acme.example").await;
    rival.cookies.insert(COOKIE.into(), format!("{}.acme", owner.token()));
    assert!(!rival.get("/dashboard/").await.expect(200).text().contains("Acme \""));
}

#[tokio::test]
async fn entering_needs_the_own_password_and_a_reason() {
    let (app, _) = filled().await;
    let staff = app.login(STAFF).await;
    let mut web = Web::signed_in(&app, STAFF).await;
    let form = web.get(FORM).await.expect(200);
    let wrong = [("reason", "Ticket 4711"), ("password", "a guess at it")];
    let refused = web.submit(&form, "", &wrong).await.expect(422);
    assert!(refused.body.contains("id=\"password-wrong\"") && refused.text().contains("not your password"));
    assert!(refused.text().contains("Ticket 4711"), "what was typed stays: {}", refused.body);
    assert!(!refused.body.contains("a guess at it"));
    let short = web.submit(&form, "", &[("reason", "x"), ("password", PASSWORD)]).await.expect(422);
    assert!(short.body.contains("id=\"reason-wrong\""), "{}", short.body);
    assert!(!web.cookies.contains_key(COOKIE));
    let log = staff.get("/api/admin/audit?limit=50").await.expect(200).text();
    assert!(!log.contains("impersonation.start"), "{log}");
    // Wrong passwords lock the account like those on the sign-in page.
    for _ in 0..12 {
        web.submit(&form, "", &wrong).await.expect(422);
    }
    app.platform().access().flush().await.unwrap();
    let users = staff.get("/api/admin/users").await.expect(200).json();
    let user = users["items"].as_array().unwrap().iter().find(|user| user["email"] == STAFF).unwrap();
    assert!(user["locked_until"].is_string() && user["failed_logins"].as_i64() >= Some(10), "{user}");
    let right = [("reason", "Ticket 4711"), ("password", PASSWORD)];
    web.submit(&form, "", &right).await.expect(422);
}

#[tokio::test]
async fn exit_ends_the_visit_and_leads_back() {
    let (app, mut web) = entered().await;
    let token = web.cookies[COOKIE].split('.').next().unwrap().to_owned();
    let page = web.get("/patients/").await.expect(200);
    let left = web.submit(&page, "/exit/", &[]).await.expect(303);
    assert_eq!(left.location(), "/master-admin/companies/acme/?_done=visit-ended");
    assert!(!web.cookies.contains_key(COOKIE));
    assert!(web.follow(&left).await.expect(200).text().contains("You have left the company."));
    app.anon().with_token(&token).get("/api/me").await.expect(401);
    web.get("/patients/").await.expect(404);
    web.get("/exit/").await.expect(404);
}

#[tokio::test]
async fn a_visit_that_is_over_leads_back_with_a_notice() {
    let (app, mut web) = entered().await;
    let form = web.get("/patients/add/").await.expect(200);
    let owner = app.login("owner@acme.example").await;
    let sessions = owner.get("/api/auth/sessions").await.expect(200).json();
    let visit =
        sessions["items"].as_array().unwrap().iter().find(|s| s["impersonated"] == json!(true)).unwrap();
    owner.delete(&format!("/api/auth/sessions/{}", visit["id"])).await.expect(204);
    let acting = web.cookies[COOKIE].clone();
    let sent = web.submit(&form, "", &[("first_name", "A"), ("last_name", "B")]).await.expect(401);
    assert!(sent.text().contains("Your support visit is over"), "{}", sent.text());
    web.cookies.insert(COOKIE.into(), acting);
    let back = web.get("/patients/").await.expect(303);
    assert_eq!(back.location(), "/master-admin/companies/acme/?_done=visit-over");
    assert!(!web.cookies.contains_key(COOKIE), "the notice is shown once");
    assert!(web.follow(&back).await.expect(200).text().contains("Your support visit is over."));
}

#[tokio::test]
async fn what_only_members_may_do_stays_theirs() {
    let (app, mut web) = entered().await;
    let page = web.get("/settings/members/").await.expect(200);
    assert!(!page.body.contains("action=\"/settings/members/\""), "no form is offered");
    let token = page.form("/exit/").fields[0].1.clone();
    let fields = [
        ("_token".to_owned(), token),
        ("email".into(), "x@y.example".into()),
        ("role".into(), "owner".into()),
    ];
    let denied = web.post("/settings/members/", &fields).await.expect(403);
    assert!(denied.text().contains("You act for a member"), "{}", denied.text());
    assert!(denied.attrs("a", "href").contains(&"/exit/".to_owned()), "{}", denied.body);
    let visit = web.get("/exit/").await.expect(200);
    assert!(visit.text().contains("Ticket 4711") && visit.text().contains("owner@acme.example"));
    // The members can read about the visit.
    web.submit(
        &web.clone().get("/patients/add/").await,
        "",
        &[("first_name", "A"), ("last_name", "B"), ("born_on", "1990-01-01")],
    )
    .await
    .expect(303);
    let mut owner = Web::signed_in(&app, "owner@acme.example").await;
    assert!(owner.get("/settings/activity/").await.text().contains("Platform staff"));
}

#[tokio::test]
async fn signing_out_ends_the_visit_too() {
    let (app, mut web) = entered().await;
    let token = web.cookies[COOKIE].split('.').next().unwrap().to_owned();
    let account = web.get("/account/").await.expect(200);
    web.submit(&account, "/logout/", &[]).await.expect(303);
    assert!(!web.cookies.contains_key(COOKIE));
    app.anon().with_token(&token).get("/api/me").await.expect(401);
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let app = TestApp::with(Options { https: true, ..Options::default() }).await;
    app.register("acme").await;
    app.staff().await;
    let mut web = Web::signed_in(&app, STAFF).await;
    assert_eq!(enter(&mut web, "acme").await, 303);
    assert!(web.cookies.contains_key("__Host-tenantry_acting"), "{:?}", web.cookies.keys());
    web.get("/dashboard/").await.expect(200);
    let plain = web.cookies.remove("__Host-tenantry_acting").unwrap();
    web.cookies.insert(COOKIE.into(), plain);
    web.get("/dashboard/").await.expect(404);
}

/// Impersonation and purge over HTTP ask for the password again if the session is not fresh.
#[tokio::test]
async fn an_old_session_needs_the_password_again_impersonation_abuse() {
    let (app, _) = filled().await;
    let staff = app.login(STAFF).await;
    let act = |password: Option<&str>| {
        let mut wish = json!({"tenant": "acme", "reason": "Ticket 4711"});
        if let Some(password) = password {
            wish["password"] = password.into();
        }
        wish
    };
    staff.post("/api/admin/impersonate", &act(None)).await.expect(201);
    app.clock().advance_us(11 * 60_000_000);
    let id = staff.get("/api/admin/tenants/rival").await.expect(200).json()["id"].clone();
    for (path, mut form, status) in [
        ("/api/admin/impersonate", act(None), 201),
        ("/api/admin/tenants/rival/purge", json!({"confirm": "rival", "id": id}), 409),
    ] {
        let refused = staff.post(path, &form).await.expect(403).json();
        assert_eq!(refused["code"], "confirmation_required", "{path}");
        assert!(refused["remedy"].as_str().unwrap().contains("password"), "{refused}");
        form["password"] = "a guess at it".into();
        let wrong = staff.post(path, &form).await.expect(422).json();
        assert_eq!(wrong["errors"][0]["field"], "password", "{path}: {wrong}");
        form["password"] = PASSWORD.into();
        staff.post(path, &form).await.expect(status);
    }
}

/// A user without staff rights whose browser has the cookie of a visit continues as themselves.
#[tokio::test]
async fn the_cookie_of_a_visit_that_is_over_leads_others_nowhere() {
    let (app, mut staff) = entered().await;
    let acting = staff.cookies[COOKIE].clone();
    let page = staff.get("/patients/").await.expect(200);
    staff.submit(&page, "/exit/", &[]).await.expect(303);
    let mut owner = Web::signed_in(&app, "owner@acme.example").await;
    let form = owner.get("/patients/add/").await.expect(200);
    for (path, to) in [("/patients/?sort=-id", "/patients/?sort=-id"), ("/exit/", "/")] {
        owner.cookies.insert(COOKIE.into(), acting.clone());
        let answer = owner.get(path).await.expect(303);
        assert_eq!(answer.location(), to);
        assert!(!owner.cookies.contains_key(COOKIE), "{path}");
    }
    owner.get("/patients/?sort=-id").await.expect(200);
    owner.cookies.insert(COOKIE.into(), acting.clone());
    let sent = owner.submit(&form, "", &[("first_name", "A"), ("last_name", "B")]).await.expect(401);
    assert!(
        sent.text().contains("Nothing was changed") && !sent.body.contains("/master-admin/"),
        "{}",
        sent.body
    );
    owner
        .submit(&form, "", &[("first_name", "A"), ("last_name", "B"), ("born_on", "1990-01-01")])
        .await
        .expect(303);
}
