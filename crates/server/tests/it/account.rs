//! Registration, sign-in, sessions, plan state, staff actions.

use super::app::{PASSWORD, TestApp};
use serde_json::json;

#[tokio::test]
async fn registration_makes_everything_and_logs_in() {
    let app = TestApp::with(Default::default()).await;
    let form = json!({"company": "City Hospital", "email": "ann@city.example", "password": PASSWORD});
    let answer = app.anon().post("/subscription/register/", &form).await.expect(201);
    let body = answer.json();
    assert_eq!(body["tenant"], "city-hospital", "{body}");
    assert!(
        answer.header("set-cookie").starts_with("tenantry_session=tns_"),
        "{}",
        answer.header("set-cookie")
    );
    let user = app.anon().with_token(body["token"].as_str().unwrap());
    let tenant = user.get("/api/tenant").await.expect(200).json();
    assert_eq!((&tenant["state"], &tenant["subscription"]), (&json!("active"), &json!("trial")), "{tenant}");
    assert!(tenant["days_remaining"].as_i64().unwrap() > 0);
    let again = app.anon().post("/api/register", &form).await;
    assert_eq!(again.status, 409, "{}", again.text());
}

#[tokio::test]
async fn wrong_passwords_and_unknown_accounts_look_alike_account_enumeration() {
    let (_app, anon, _) = TestApp::new().await;
    let attempt = |email: &str, password: &str| json!({"email": email, "password": password});
    let wrong =
        anon.post("/api/auth/login", &attempt("owner@acme.example", "not this one")).await.expect(401);
    let unknown = anon.post("/api/auth/login", &attempt("nobody@acme.example", PASSWORD)).await.expect(401);
    let strip = |text: String| text.split("\"request_id\"").next().unwrap().to_owned();
    assert_eq!(strip(wrong.text()), strip(unknown.text()));
}

#[tokio::test]
async fn sessions_are_listed_and_end_at_once_late_revocation() {
    let (app, _, first) = TestApp::new().await;
    let second = app.login("owner@acme.example").await;
    let sessions = first.get("/api/auth/sessions").await.expect(200).json();
    let sessions = sessions["items"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|s| s["current"] == false).unwrap();
    first.delete(&format!("/api/auth/sessions/{}", other["id"])).await.expect(204);
    second.get("/api/me").await.expect(401);
    first.get("/api/me").await.expect(200);
}

#[tokio::test]
async fn members_come_and_go_and_only_owners_manage() {
    let (app, _, owner) = TestApp::new().await;
    let bea = app.member(&owner, "bea@acme.example", "member").await;
    bea.get("/api/records/patients").await.expect(200);
    let form = json!({"email": "eve@acme.example", "role": "owner"});
    bea.post("/api/tenant/invitations", &form).await.expect(403);
    bea.get("/api/tenant/invitations").await.expect(403);
    bea.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(403);
    let members =
        owner.get("/api/tenant/users").await.expect(200).json()["items"].as_array().unwrap().clone();
    assert_eq!(members.len(), 2);
    owner.delete(&format!("/api/tenant/users/{}", members[1]["id"])).await.expect(204);
    bea.get("/api/records/patients").await.expect(404);
}

#[tokio::test]
async fn a_suspended_company_is_told_so_and_comes_back() {
    let (app, _, owner) = TestApp::new().await;
    let staff = app.staff().await;
    staff.post("/api/admin/tenants/acme/suspend", &json!({"reason": "unpaid"})).await.expect(200);
    let answer = owner.get("/api/records/patients").await.expect(403);
    assert_eq!(answer.code(), "tenant_suspended");
    assert_eq!(owner.get("/api/tenant").await.expect(200).json()["state"], "suspended");
    staff.post("/api/admin/tenants/acme/resume", &json!({})).await.expect(200);
    owner.get("/api/records/patients").await.expect(200);
}

#[tokio::test]
async fn an_expired_trial_is_402_and_still_shows_its_state() {
    let (app, _, owner) = TestApp::new().await;
    let staff = app.staff().await;
    staff.post("/api/admin/tenants/acme/plan", &json!({"state": "expired"})).await.expect(200);
    let answer = owner.get("/api/records/patients").await.expect(402);
    assert_eq!(answer.code(), "subscription_required");
    assert_eq!(owner.get("/api/tenant").await.expect(200).json()["subscription"], "expired");
}

#[tokio::test]
async fn impersonation_needs_a_reason_and_leaves_both_names_impersonation_abuse() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    staff.post("/api/admin/impersonate", &json!({"tenant": "acme", "reason": ""})).await.expect(422);
    let begun =
        staff.post("/api/admin/impersonate", &json!({"tenant": "acme", "reason": "ticket 4711"})).await;
    let begun = begun.expect(201).json();
    let acting = app.anon().with_token(begun["token"].as_str().unwrap());
    acting.get("/api/records/patients").await.expect(200);
    assert!(acting.get("/api/me").await.expect(200).json()["impersonator"].is_string());
    acting.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(403);
    acting.delete("/api/admin/impersonate").await.expect(204);
    acting.get("/api/me").await.expect(401);
    let log = staff.get("/api/admin/audit").await.expect(200).text();
    assert!(log.contains("impersonation.start") && log.contains("ticket 4711"), "{log}");
    staff.get("/api/admin/audit/verify").await.expect(200);
}

#[tokio::test]
async fn an_owner_reads_with_sql_and_stays_inside_confined_sql() {
    let (app, _, owner) = TestApp::new().await;
    let rival = app.register("rival").await;
    rival.post("/api/records/patients", &super::records::patient("Secret")).await.expect(201);
    owner.post("/api/records/patients", &super::records::patient("Ash")).await.expect(201);
    let sql = |text: &str| json!({"sql": text});
    let rows = owner.post("/api/tenant/sql", &sql("SELECT last_name FROM patients")).await.expect(200).json();
    assert_eq!(rows["rows"], json!([["Ash"]]), "{rows}");
    for text in [
        "DELETE FROM patients",
        "ATTACH 'x.db' AS x",
        "PRAGMA journal_mode",
        "SELECT load_extension('x')",
        "SELEC",
    ] {
        let answer = owner.post("/api/tenant/sql", &sql(text)).await;
        assert!(answer.status.is_client_error(), "{text}: {} {}", answer.status, answer.text());
    }
    let rows = owner.post("/api/tenant/sql", &sql("SELECT count(*) FROM patients")).await.expect(200).json();
    assert_eq!(rows["rows"], json!([[1]]));
}

#[tokio::test]
async fn staff_create_companies_and_see_what_was_done() {
    let app = TestApp::with(Default::default()).await;
    let staff = app.staff().await;
    let form = json!({"slug": "zeta", "company": "Zeta", "email": "z@zeta.example", "password": PASSWORD});
    staff.post("/api/admin/tenants", &form).await.expect(201);
    staff.post("/api/admin/tenants", &form).await.expect(409);
    app.login("z@zeta.example").await.get("/api/records/patients").await.expect(200);
    let shown = staff.get("/api/admin/tenants/zeta").await.expect(200).json();
    assert_eq!((&shown["state"], &shown["users"]), (&json!("active"), &json!(1)), "{shown}");
    assert!(staff.get("/api/admin/operations").await.expect(200).text().contains("provision"));
}

#[tokio::test]
async fn a_company_sees_what_it_holds_and_who_changed_what() {
    let (app, _, owner) = TestApp::new().await;
    let rival = app.register("rival").await;
    rival.post("/api/records/patients", &super::records::patient("Secret")).await.expect(201);
    owner.post("/api/records/patients", &super::records::patient("Ash")).await.expect(201);
    owner.patch("/api/records/patients/1", &json!({"gender": "female"})).await.expect(200);
    let usage = owner.get("/api/tenant/usage").await.expect(200).json();
    assert_eq!(usage["stores"]["tenant"]["rows"], 1, "{usage}");
    assert!(usage["stores"]["tenant"]["bytes"].as_u64().unwrap() > 0);
    let log = owner.get("/api/tenant/activity").await.expect(200).json();
    let lines = log["items"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["action"]), (2, &json!("update")), "{log}");
    let older =
        owner.get(&format!("/api/tenant/activity?before={}", lines[0]["id"])).await.expect(200).json();
    assert_eq!(older["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_that_was_guessed_at_is_opened_by_staff_account_enumeration() {
    let (app, anon, _) = TestApp::new().await;
    let staff = app.staff().await;
    let login = |password: &str| json!({"email": "owner@acme.example", "password": password});
    for _ in 0..app.platform().config().auth.lock_after {
        anon.post("/api/auth/login", &login("wrong password")).await.expect(401);
        app.platform().access().flush().await.unwrap();
    }
    let closed = anon.post("/api/auth/login", &login(PASSWORD)).await.expect(401).json();
    let wrong = anon.post("/api/auth/login", &login("wrong password")).await.expect(401).json();
    assert_eq!(
        (&closed["detail"], &closed["code"]),
        (&wrong["detail"], &wrong["code"]),
        "nothing tells them apart"
    );
    let users = staff.get("/api/admin/users").await.expect(200).json();
    let owner = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["email"] == "owner@acme.example")
        .unwrap()
        .clone();
    assert!(owner["locked_until"].is_string(), "{owner}");
    let path = format!("/api/admin/users/{}/unlock", owner["id"]);
    let opened = staff.post(&path, &json!({})).await.expect(200).json();
    assert_eq!((&opened["locked_until"], &opened["failed_logins"]), (&json!(null), &json!(0)));
    anon.post("/api/auth/login", &login(PASSWORD)).await.expect(200);
}

#[tokio::test]
async fn a_browsers_form_registers_and_is_answered_with_a_page() {
    let app = TestApp::with(Default::default()).await;
    let browser = app.anon().with("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let post = async |body: &str| {
        let media = Some("application/x-www-form-urlencoded");
        browser.send(http::Method::POST, "/subscription/register/", media, body.to_owned()).await
    };
    let form = "company=Elm+%26+Co&email=ann%40elm.example&password=correct+horse+battery&slug=&plan=";
    let done = post(form).await.expect(303);
    assert_eq!(done.header("location"), "/dashboard/");
    let cookie = done.header("set-cookie").split(';').next().unwrap().to_owned();
    let tenant = app.anon().with("cookie", &cookie).get("/api/tenant").await.expect(200).json();
    assert_eq!((&tenant["slug"], &tenant["subscription"]), (&json!("elm-co"), &json!("trial")), "{tenant}");
    // Refusals are pages too, and contain nothing from the form as markup.
    let odd =
        post("company=%3Cscript%3E&email=x&password=correct+horse+battery&slug=%3Cb%3E").await.expect(422);
    assert!(
        odd.header("content-type").starts_with("text/html")
            && odd.text().contains("value=\"&#60;b&#62;\"")
            && !odd.text().contains("<script>"),
        "{}",
        odd.text()
    );
    for (body, status) in [("company=%zz", 400), ("a=1&a=2", 400), ("company=A&unknown=1", 400)] {
        post(body).await.expect(status);
    }
    // A program that sends a form gets JSON.
    let media = Some("application/x-www-form-urlencoded");
    let body = "company=Oak&email=bob%40oak.example&password=correct+horse+battery";
    let json = app.anon().send(http::Method::POST, "/api/register", media, body).await.expect(201).json();
    assert_eq!(json["tenant"], "oak");
}
