//! Pages of a company about itself, and the ways to join it: registration, invitation, letters.

use super::{
    app::{PASSWORD, TestApp},
    console_data::{CANARY, filled},
    web::Web,
};
use serde_json::json;
use tenantry_server::http::Options;

#[tokio::test]
async fn a_company_is_registered_on_a_page_and_its_owner_is_inside() {
    let app = TestApp::with(Options::default()).await;
    let mut web = Web::new(&app);
    let form = web.get("/subscription/register/").await.expect(200);
    let wrong = [("company", "Elm & Co"), ("slug", "x"), ("email", "ann"), ("password", "short")];
    let refused = web.submit(&form, "/subscription/register/", &wrong).await.expect(422);
    for field in ["slug", "email", "password"] {
        assert!(refused.body.contains(&format!("id=\"{field}-wrong\"")), "{field}: {}", refused.body);
    }
    assert!(
        refused.body.contains("value=\"Elm &#38; Co\"") && !refused.body.contains("short"),
        "{}",
        refused.body
    );
    let right = [("slug", ""), ("email", "ann@elm.example"), ("password", PASSWORD)];
    let done = web.submit(&refused, "/subscription/register/", &right).await.expect(303);
    let inside = web.follow(&done).await.expect(200);
    assert!(inside.text().contains("Elm & Co") && inside.text().contains("days left"), "{}", inside.text());
}

#[tokio::test]
async fn the_dashboard_counts_and_tells_what_happened() {
    let (app, people) = filled().await;
    let mut web = Web::signed_in(&app, people[0]).await;
    let page = web.get("/dashboard/").await.expect(200);
    let text = page.text();
    assert!(text.contains("Doctors") && text.contains("Use of the plan"), "{text}");
    assert!(text.contains(&format!("Ann {CANARY}")) && text.contains("Patients 1"), "{text}");
    assert!(page.attrs("a", "href").contains(&"/patients/1/history/".to_owned()));
    // Only managers may see the log.
    let mut viewer = Web::signed_in(&app, people[1]).await;
    let page = viewer.get("/dashboard/").await.expect(200);
    assert!(!page.text().contains("Recent activity"));
    viewer.get("/settings/activity/").await.expect(403);
    let owner = app.login(people[0]).await;
    owner.patch("/api/records/patients/1", &json!({"notes": "n"})).await.expect(200);
    let log = web.get("/settings/activity/").await.expect(200);
    assert!(log.text().contains("changed") && log.text().contains("Notes"), "{}", log.text());
}

#[tokio::test]
async fn members_are_invited_and_join_by_the_letter() {
    let (app, people) = filled().await;
    let mut owner = Web::signed_in(&app, people[0]).await;
    let members = owner.get("/settings/members/").await.expect(200);
    let wrong = owner.submit(&members, "/settings/members/", &[("email", "no address")]).await.expect(422);
    assert!(wrong.body.contains("id=\"email-wrong\"") && wrong.body.contains("value=\"no address\""));
    let email = "new@acme.example";
    owner.submit(&members, "/settings/members/", &[("email", email), ("role", "member")]).await.expect(303);
    assert!(owner.get("/settings/members/").await.text().contains(email));
    let code = app.letter(email).await;
    let mut new = Web::new(&app);
    let page = new.get("/account/invitation/").await.expect(200);
    let route = "/account/invitation/";
    let unknown = new.submit(&page, route, &[("token", "tnl_x"), ("act", "show")]).await.expect(404);
    assert!(unknown.text().contains("This code is not known."));
    let shown = new.submit(&page, route, &[("token", &code), ("act", "show")]).await.expect(200);
    assert!(
        shown.text().contains(&format!("Acme {CANARY}")) && shown.text().contains(email),
        "{}",
        shown.text()
    );
    let short = new.submit(&shown, route, &[("act", "accept"), ("password", "short")]).await.expect(422);
    assert!(short.text().contains("at least 10 characters"), "{}", short.text());
    let joined = new
        .submit(&shown, route, &[("act", "accept"), ("name", "Neo"), ("password", PASSWORD)])
        .await
        .expect(303);
    let home = new.follow(&joined).await.expect(303);
    assert!(new.follow(&home).await.expect(200).text().contains("Dashboard"));
    // The last owner cannot be removed.
    let members = owner.get("/settings/members/").await.expect(200);
    assert!(members.text().contains("Neo"));
    let me = app.login(people[0]).await.get("/api/me").await.json()["user"]["id"].to_string();
    let kept = owner.submit(&members, "/settings/members/remove/", &[("id", &me)]).await;
    assert!(kept.status == 409 || kept.status == 422, "{} {}", kept.status, kept.text());
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let (app, people) = filled().await;
    let mut owner = Web::signed_in(&app, people[0]).await;
    let page = owner.get("/settings/keys/").await.expect(200);
    owner.submit(&page, "/settings/keys/", &[("name", "")]).await.expect(422);
    let made =
        owner.submit(&page, "/settings/keys/", &[("name", CANARY), ("role", "viewer")]).await.expect(201);
    let text = made.text();
    let key = text.split_whitespace().find(|word| word.starts_with("tnk_") && word.len() == 47).unwrap();
    app.anon().with("x-api-key", key).get("/api/records/patients").await.expect(200);
    let again = owner.get("/settings/keys/").await.expect(200);
    assert!(again.text().contains(CANARY) && !again.body.contains(key));
    let id = again.attrs("button", "value").into_iter().next().unwrap();
    owner.submit(&again, "/settings/keys/revoke/", &[("id", &id)]).await.expect(303);
    app.anon().with("x-api-key", key).get("/api/records/patients").await.expect(401);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_letter() {
    let (app, people) = filled().await;
    let mut web = Web::new(&app);
    let page = web.get("/password/forgot/").await.expect(200);
    let known = web.submit(&page, "/password/forgot/", &[("email", people[0])]).await.expect(200);
    let unknown =
        web.submit(&page, "/password/forgot/", &[("email", "nobody@acme.example")]).await.expect(200);
    assert_eq!(known.body, unknown.body, "account-enumeration");
    let code = super::audited_accounts::forgotten(&app, people[0]).await;
    let page = web.get("/account/reset/").await.expect(200);
    let fields = [("token", code.as_str()), ("password", "another horse battery")];
    let done = web.submit(&page, "/account/reset/", &fields).await.expect(303);
    assert!(web.follow(&done).await.text().contains("Your password is changed."));
    let used = web.submit(&page, "/account/reset/", &fields).await.expect(404);
    assert!(used.text().contains("This code is not known."));
}
