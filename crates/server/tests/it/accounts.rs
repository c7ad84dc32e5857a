//! Which account may enter which tenant: invitations, registration, links in letters, leaving. A password or address
//! that one person enters gives no access to another person's data.

use super::{
    app::{Answer, Client, PASSWORD, TestApp},
    audited_accounts::forgotten,
};
use serde_json::{Value, json};

pub(super) const VICTIM: &str = "ceo@bigcorp.example";
pub(super) const ATTACKERS: &str = "the attacker knows this";
pub(super) const VICTIMS: &str = "only the ceo knows this";

pub(super) async fn login(app: &TestApp, email: &str, password: &str, tenant: Option<&str>) -> Answer {
    app.anon().post("/api/auth/login", &json!({"email": email, "password": password, "tenant": tenant})).await
}

pub(super) async fn invite(owner: &Client, email: &str) -> Value {
    owner.post("/api/tenant/invitations", &json!({"email": email, "role": "admin"})).await.expect(201).json()
}

pub(super) async fn register(app: &TestApp, slug: &str, email: &str, password: &str) -> Answer {
    let form = json!({"company": slug, "slug": slug, "name": "A", "email": email, "password": password});
    app.anon().post("/api/register", &form).await
}

pub(super) async fn with_session(app: &TestApp, answer: Answer) -> Client {
    app.anon().with_token(answer.json()["token"].as_str().unwrap())
}

/// Returns the slugs of the tenants that a client belongs to.
pub(super) async fn tenants(client: &Client) -> Vec<String> {
    let me = client.get("/api/me").await.expect(200).json();
    me["tenants"].as_array().unwrap().iter().map(|t| t["slug"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn who_registered_an_address_first_gets_into_no_tenant_that_invites_it() {
    let (app, _, acme) = TestApp::new().await;
    let attacker = register(&app, "trap", VICTIM, ATTACKERS).await.expect(201);
    let attacker = with_session(&app, attacker).await;
    let key = json!({"name": "k", "role": "owner"});
    let key = attacker.post("/api/tenant/keys", &key).await.expect(201).json();
    invite(&acme, VICTIM).await;
    assert_eq!(tenants(&attacker).await, ["trap"], "an invitation is no membership");
    let form = json!({"token": app.letter(VICTIM).await, "password": VICTIMS});
    let shown = app.anon().post("/api/invitations/show", &json!({"token": form["token"]})).await.expect(200);
    assert_eq!(shown.json()["has_account"], false, "an address that is only claimed has none");
    // The attacker's session and password are useless, with and without the link.
    attacker.post("/api/invitations/accept", &json!({"token": form["token"]})).await.expect(409);
    let victim = app.anon().post("/api/invitations/accept", &form).await.expect(201);
    let victim = with_session(&app, victim).await;
    assert_eq!(tenants(&victim).await, ["acme"], "the attacker's tenant is not the victim's");
    victim.get("/api/records/patients").await.expect(200);
    for tenant in [None, Some("acme")] {
        login(&app, VICTIM, ATTACKERS, tenant).await.expect(401);
        login(&app, VICTIM, VICTIMS, tenant).await.expect(200);
    }
    let again = login(&app, VICTIM, ATTACKERS, Some("trap")).await.expect(200);
    for client in [
        attacker,
        with_session(&app, again).await,
        app.anon().with("x-api-key", key["key"].as_str().unwrap()),
    ] {
        for path in ["/t/acme/api/records/patients", "/t/acme/api/tenant/users"] {
            client.get(path).await.expect(404);
        }
    }
    login(&app, VICTIM, VICTIMS, Some("trap")).await.expect(401);
}

#[tokio::test]
async fn an_address_of_an_older_installation_is_not_believed_before_it_is_proven() {
    let (app, _, acme) = TestApp::new().await;
    let old = app.register("trap").await;
    // The state after an upgrade: the account has its address, but nothing proves it.
    app.catalog("UPDATE users SET verified_at = NULL WHERE email = 'owner@trap.example'").await;
    invite(&acme, "owner@trap.example").await;
    let token = app.letter("owner@trap.example").await;
    let form = json!({"token": token, "password": VICTIMS});
    let victim = app.anon().post("/api/invitations/accept", &form).await.expect(201);
    assert_eq!(tenants(&with_session(&app, victim).await).await, ["acme"]);
    assert_eq!(tenants(&old).await, ["trap"], "the older account keeps what it had");
    login(&app, "owner@trap.example", PASSWORD, None).await.expect(401);
    login(&app, "owner@trap.example", PASSWORD, Some("acme")).await.expect(401);
    login(&app, "owner@trap.example", PASSWORD, Some("trap")).await.expect(200);
    // If both accounts belong to the same person, the link and the old password join them.
    old.post("/api/auth/verify", &json!({})).await.expect(202);
    let form = json!({"token": app.letter("owner@trap.example").await, "password": PASSWORD});
    app.anon().post("/api/auth/verify/confirm", &form).await.expect(204);
    let both = login(&app, "owner@trap.example", VICTIMS, None).await.expect(200);
    assert_eq!(tenants(&with_session(&app, both).await).await, ["acme", "trap"]);
    old.get("/api/me").await.expect(401);
}

#[tokio::test]
async fn nothing_changes_for_an_invited_account_until_its_holder_accepts() {
    let (app, anon, acme) = TestApp::new().await;
    let (rival, staff) = (app.register("rival").await, app.staff().await);
    let before = acme.get("/api/tenant/users").await.expect(200).text();
    let shape = |made: &Value| made.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let unknown = shape(&invite(&acme, "nobody@x.example").await);
    for email in ["owner@rival.example", "staff@platform.example"] {
        let made = invite(&acme, email).await;
        assert_eq!((shape(&made), &made["letter"]), (unknown.clone(), &json!("waiting")), "{email}");
    }
    assert_eq!(acme.get("/api/tenant/users").await.expect(200).text(), before);
    for (email, tenant) in [("owner@rival.example", json!("rival")), ("staff@platform.example", Value::Null)]
    {
        let session = login(&app, email, PASSWORD, None).await.expect(200).json();
        assert_eq!(session["tenant"], tenant, "{email}");
    }
    // Another account cannot accept it, and neither can a new user if the address has a confirmed account.
    let token = app.letter("owner@rival.example").await;
    staff.post("/api/invitations/accept", &json!({"token": token})).await.expect(409);
    anon.post("/api/invitations/accept", &json!({"token": token})).await.expect(422);
    anon.post("/api/invitations/accept", &json!({"token": token, "password": ATTACKERS})).await.expect(409);
    rival.post("/api/invitations/accept", &json!({"token": token})).await.expect(200);
    assert_eq!(tenants(&rival).await, ["acme", "rival"]);
    // Staff join only by accepting, and still sign in to no tenant by default.
    let token = app.letter("staff@platform.example").await;
    staff.post("/api/invitations/accept", &json!({"token": token})).await.expect(200);
    let session = login(&app, "staff@platform.example", PASSWORD, None).await.expect(200).json();
    assert_eq!((&session["tenant"], session["tenants"].as_array().unwrap().len()), (&Value::Null, 1));
    // A refused invitation is over and leaves no account.
    let token = json!({"token": app.letter("nobody@x.example").await});
    anon.post("/api/invitations/refuse", &token).await.expect(204);
    anon.post("/api/invitations/show", &token).await.expect(404);
    assert!(
        acme.get("/api/tenant/invitations").await.expect(200).json()["items"].as_array().unwrap().is_empty()
    );
    assert!(!staff.get("/api/admin/users").await.expect(200).text().contains("nobody@x.example"));
}

#[tokio::test]
async fn registration_says_nothing_about_the_address() {
    let (app, _, _) = TestApp::new().await;
    let (known, unknown) = ("owner@acme.example", "nobody@x.example");
    let strip = |answer: Answer| {
        let text = answer.text();
        (
            answer.status,
            text.split("\"request_id\"").next().unwrap().replace(known, "X").replace(unknown, "X"),
        )
    };
    for (slug, password) in [("acme", ATTACKERS), ("www", ATTACKERS), ("fresh", "short")] {
        let answers =
            [register(&app, slug, known, password).await, register(&app, slug, unknown, password).await];
        let [a, b] = answers.map(strip);
        assert_eq!(a, b, "{slug}");
        assert!(a.0.is_client_error());
    }
    let mut seen = Vec::new();
    for (slug, email) in [("one", known), ("two", unknown)] {
        let session = register(&app, slug, email, ATTACKERS).await.expect(201).json();
        let client = app.anon().with_token(session["token"].as_str().unwrap());
        let me = client.get("/api/me").await.expect(200).json();
        login(&app, email, ATTACKERS, None).await.expect(401);
        login(&app, email, ATTACKERS, Some(slug)).await.expect(200);
        let again = register(&app, slug, email, ATTACKERS).await.expect(409);
        seen.push((
            session["tenants"].as_array().unwrap().len(),
            me["user"]["confirmed"].clone(),
            tenants(&client).await,
            again.code(),
        ));
    }
    assert_eq!(seen[0].2, ["one"]);
    assert_eq!(seen[1].2, ["two"]);
    assert_eq!((seen[0].0, &seen[0].1, &seen[0].3), (seen[1].0, &seen[1].1, &seen[1].3));
}

#[tokio::test]
async fn a_link_and_the_password_together_confirm_an_address() {
    let (app, anon, _) = TestApp::new().await;
    let mine = register(&app, "mine", "owner@acme.example", VICTIMS).await.expect(201);
    let mine = with_session(&app, mine).await;
    let token = app.letter("owner@acme.example").await;
    // The reader of the address did not register and knows no password.
    anon.post("/api/auth/verify/confirm", &json!({"token": token, "password": PASSWORD})).await.expect(401);
    let form = json!({"token": token, "password": VICTIMS});
    anon.post("/api/auth/verify/confirm", &form).await.expect(204);
    anon.post("/api/auth/verify/confirm", &form).await.expect(404);
    mine.get("/api/me").await.expect(401);
    // The account that already had the address has the new tenant too.
    let owner = app.login("owner@acme.example").await;
    assert_eq!(tenants(&owner).await, ["acme", "mine"]);
    owner.post("/api/auth/switch", &json!({"tenant": "mine"})).await.expect(200);
    owner.get("/api/tenant/users").await.expect(200);
}

#[tokio::test]
async fn a_person_who_is_signed_in_registers_another_tenant() {
    let (app, anon, owner) = TestApp::new().await;
    let form = json!({"company": "Second", "slug": "second"});
    anon.post("/api/register", &form).await.expect(422);
    let session = owner.post("/api/register", &form).await.expect(201).json();
    assert_eq!(session["tenant"], "second");
    let second = app.anon().with_token(session["token"].as_str().unwrap());
    assert_eq!(tenants(&second).await, ["acme", "second"]);
    second.get("/api/records/patients").await.expect(200);
    // Neither an unconfirmed address nor a key suffices.
    let unproven = app.register_only("other").await;
    unproven.post("/api/register", &json!({"company": "Third", "slug": "third"})).await.expect(409);
    let key = owner.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
    key.post("/api/register", &json!({"company": "Third", "slug": "third"})).await.expect(403);
}

#[tokio::test]
async fn links_work_once_in_time_and_for_one_thing() {
    let (app, anon, acme) = TestApp::new().await;
    invite(&acme, VICTIM).await;
    let first = app.letter(VICTIM).await;
    let confirm = json!({"token": first, "password": VICTIMS});
    for path in ["/api/auth/verify/confirm", "/api/auth/password/reset"] {
        anon.post(path, &confirm).await.expect(404);
    }
    anon.with_token(&first).get("/api/me").await.expect(401);
    // The invitation is sent again; both letters lead to it, and it works once.
    let again = invite(&acme, VICTIM).await;
    let second = app.letter(VICTIM).await;
    assert_ne!(first, second);
    anon.post("/api/invitations/accept", &json!({"token": first, "password": "short"})).await.expect(422);
    anon.post("/api/invitations/accept", &confirm).await.expect(201);
    for token in [&first, &second] {
        anon.post("/api/invitations/show", &json!({"token": token})).await.expect(404);
    }
    acme.delete(&format!("/api/tenant/invitations/{}", again["id"])).await.expect(404);
    // A revoked invitation, and an expired one.
    let made = invite(&acme, "a@x.example").await;
    let token = json!({"token": app.letter("a@x.example").await});
    acme.delete(&format!("/api/tenant/invitations/{}", made["id"])).await.expect(204);
    anon.post("/api/invitations/show", &token).await.expect(404);
    invite(&acme, "b@x.example").await;
    let token = json!({"token": app.letter("b@x.example").await});
    anon.post("/api/invitations/show", &token).await.expect(200);
    app.clock().advance_us(8 * 86_400_000_000);
    anon.post("/api/invitations/show", &token).await.expect(404);
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail_and_the_answer_says_nothing() {
    let (app, anon, acme) = TestApp::new().await;
    let bea = app.member(&acme, "bea@x.example", "member").await;
    let forgot = async |email: &str| {
        let answer = anon.post("/api/auth/password/forgot", &json!({"email": email})).await.expect(202);
        answer.text()
    };
    assert_eq!(forgot("bea@x.example").await, forgot("nobody@x.example").await);
    let token = forgotten(&app, "bea@x.example").await;
    anon.post("/api/auth/password/reset", &json!({"token": token, "password": "short"})).await.expect(422);
    let form = json!({"token": token, "password": VICTIMS});
    anon.post("/api/auth/password/reset", &form).await.expect(204);
    anon.post("/api/auth/password/reset", &form).await.expect(404);
    bea.get("/api/me").await.expect(401);
    login(&app, "bea@x.example", PASSWORD, None).await.expect(401);
    login(&app, "bea@x.example", VICTIMS, None).await.expect(200);
    assert!(app.letters("nobody@x.example").await.is_empty());
}

#[tokio::test]
async fn a_link_is_over_after_its_time() {
    let (app, anon, acme) = TestApp::new().await;
    app.member(&acme, "bea@x.example", "member").await;
    anon.post("/api/auth/password/forgot", &json!({"email": "bea@x.example"})).await.expect(202);
    let form = json!({"token": forgotten(&app, "bea@x.example").await, "password": VICTIMS});
    app.clock().advance_us(61 * 60_000_000);
    anon.post("/api/auth/password/reset", &form).await.expect(404);
}

#[tokio::test]
async fn a_reset_ends_what_was_set_up_with_an_address_that_was_not_proven() {
    let (app, anon, _) = TestApp::new().await;
    let attacker = register(&app, "trap", VICTIM, ATTACKERS).await.expect(201);
    let attacker = with_session(&app, attacker).await;
    let key =
        attacker.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    // Without the tenant, the address has no account; the reader must have requested that tenant.
    for tenant in [None, Some("trap")] {
        anon.post("/api/auth/password/forgot", &json!({"email": VICTIM, "tenant": tenant})).await.expect(202);
    }
    let form = json!({"token": forgotten(&app, VICTIM).await, "password": VICTIMS});
    anon.post("/api/auth/password/reset", &form).await.expect(204);
    attacker.get("/api/me").await.expect(401);
    anon.with("x-api-key", key["key"].as_str().unwrap()).get("/api/records/patients").await.expect(401);
    login(&app, VICTIM, ATTACKERS, Some("trap")).await.expect(401);
    login(&app, VICTIM, VICTIMS, None).await.expect(200);
}

#[tokio::test]
async fn a_member_leaves_and_the_last_owner_stays() {
    let (app, _, acme) = TestApp::new().await;
    let bea = app.member(&acme, "bea@x.example", "member").await;
    acme.delete("/api/me/memberships/acme").await.expect(409);
    bea.delete("/api/me/memberships/nosuch-co").await.expect(404);
    bea.delete("/api/me/memberships/acme").await.expect(204);
    bea.delete("/api/me/memberships/acme").await.expect(404);
    bea.get("/api/records/patients").await.expect(404);
    assert_eq!(tenants(&bea).await, Vec::<String>::new());
    let members = acme.get("/api/tenant/users").await.expect(200).json();
    assert_eq!(members["items"].as_array().unwrap().len(), 1);
}
