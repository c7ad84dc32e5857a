//! Grants of a member end with the membership: invitations and keys. Letters to one address are rate-limited, and no
//! answer reveals that. A tenant always has a manager.

use super::{
    accounts::{invite, login, register},
    app::{Client, PASSWORD, TestApp},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Largest number of letters to one address in these tests.
const RATE: usize = 3;

async fn slow_app() -> TestApp {
    TestApp::configured(&format!("[mail]\nper_address_per_hour = {RATE}\n"), Default::default()).await
}

async fn id_of(client: &Client) -> Value {
    client.get("/api/me").await.expect(200).json()["user"]["id"].clone()
}

#[tokio::test]
async fn letters_beyond_the_rate_wait_and_no_answer_depends_on_an_account() {
    let app = slow_app().await;
    let (acme, _) = (app.register("acme").await, app.register("known").await);
    let stranger = app.register_only("stranger").await;
    let mut answers = Vec::new();
    for email in ["owner@known.example", "unknown@x.example"] {
        for _ in 0..10 {
            app.anon().post("/api/auth/password/forgot", &json!({"email": email})).await.expect(202);
            // The letter is written after the answer.
            tokio::time::sleep(Duration::from_millis(10)).await;
            app.platform().letters().send_due().await.unwrap();
        }
        let before = app.letters(email).await.len();
        let mut made = invite(&stranger, email).await;
        for field in ["id", "email", "created_at", "expires_at"] {
            made[field] = Value::Null;
        }
        answers.push(made);
        // Requests for a new password delay no invitation.
        assert_eq!(app.letters(email).await.len(), before + 1, "{email}");
    }
    assert_eq!(answers[0], answers[1]);
    // One letter to confirm the address, as many as allowed to reset the password, and one to invite.
    assert_eq!(app.letters("owner@known.example").await.len(), 1 + RATE + 1);
    // They do not delay another letter to the holder of the address either.
    for _ in 0..10 {
        app.anon()
            .post("/api/auth/password/forgot", &json!({"email": "owner@stranger.example"}))
            .await
            .expect(202);
        tokio::time::sleep(Duration::from_millis(10)).await;
        app.platform().letters().send_due().await.unwrap();
    }
    let before = app.letters("owner@stranger.example").await.len();
    stranger.post("/api/auth/verify", &json!({})).await.expect(202);
    assert_eq!(app.letters("owner@stranger.example").await.len(), before + 1);
    // Other tenants invite the same address. Each is told that its letter waits, and the letter is sent in its turn.
    for n in 0..RATE {
        let other = app.register_only(&format!("other-{n}")).await;
        invite(&other, "unknown@x.example").await;
    }
    assert_eq!(app.letters("unknown@x.example").await.len(), RATE);
    assert_eq!(invite(&acme, "unknown@x.example").await["letter"], "waiting");
    assert_eq!(app.letters("unknown@x.example").await.len(), RATE, "not yet");
    app.clock().advance_us(3_600_000_000);
    assert_eq!(app.letters("unknown@x.example").await.len(), RATE + 2);
}

#[tokio::test]
async fn registrations_send_no_more_letters_to_one_address_than_others() {
    let app = slow_app().await;
    let acme = app.register("acme").await;
    for n in 0..8 {
        register(&app, &format!("firm-{n}"), "victim@x.example", PASSWORD).await.expect(201);
    }
    assert_eq!(app.letters("victim@x.example").await.len(), RATE);
    let waiting = app.staff().await.get("/api/admin/mail?state=waiting").await.expect(200).json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 8 - RATE, "{waiting}");
    // Letters of one kind do not delay letters of another kind.
    invite(&acme, "victim@x.example").await;
    assert_eq!(app.letters("victim@x.example").await.len(), RATE + 1);
}

/// Two tenants repeatedly invite an address and revoke the invitation. A third tenant's letter waits only for letters
/// that were sent.
#[tokio::test]
async fn invitations_that_are_revoked_take_no_places() {
    let app = slow_app().await;
    let third = app.register("third").await;
    for slug in ["evil-a", "evil-b"] {
        let tenant = app.register_only(slug).await;
        for _ in 0..12 {
            let id = invite(&tenant, "victim@x.example").await["id"].clone();
            app.platform().letters().send_due().await.unwrap();
            tenant.delete(&format!("/api/tenant/invitations/{id}")).await.expect(204);
            app.platform().letters().send_due().await.unwrap();
        }
    }
    assert_eq!(app.letters("victim@x.example").await.len(), RATE);
    invite(&third, "victim@x.example").await;
    assert_eq!(app.letters("victim@x.example").await.len(), RATE, "not yet");
    app.clock().advance_us(2 * 3_600_000_000 / RATE as i64);
    assert_eq!(app.letters("victim@x.example").await.len(), RATE + 1);
    let open = third.get("/api/tenant/invitations").await.expect(200).json();
    assert_eq!(open["items"][0]["letter"], "sent");
}

#[tokio::test]
async fn other_accounts_with_an_address_do_not_delay_its_holder() {
    let app = slow_app().await;
    app.register("known").await;
    let forgot = async |form: Value| {
        app.anon().post("/api/auth/password/forgot", &form).await.expect(202);
        // The letter is written after the answer.
        tokio::time::sleep(Duration::from_millis(10)).await;
        app.platform().letters().send_due().await.unwrap();
    };
    for n in 0..RATE + 2 {
        let slug = format!("trap-{n}");
        register(&app, &slug, "owner@known.example", PASSWORD).await.expect(201);
        forgot(json!({"email": "owner@known.example", "tenant": slug})).await;
    }
    let before = app.letters("owner@known.example").await.len();
    forgot(json!({"email": "owner@known.example"})).await;
    assert_eq!(app.letters("owner@known.example").await.len(), before + 1);
}

#[tokio::test]
async fn a_key_and_an_invitation_end_with_the_membership_of_their_maker() {
    let (app, anon, acme) = TestApp::new().await;
    let other = app.member(&acme, "other@acme.example", "owner").await;
    let made =
        other.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    let key = app.anon().with("x-api-key", made["key"].as_str().unwrap());
    let form = json!({"email": "friend@x.example", "role": "owner"});
    let invited = other.post("/api/tenant/invitations", &form).await.expect(201).json();
    let maker = json!({"id": id_of(&other).await, "email": "other@acme.example"});
    assert_eq!(invited["made_by"], maker);
    let token = json!({"token": app.letter("friend@x.example").await, "password": PASSWORD});
    key.get("/api/records/patients").await.expect(200);
    acme.delete(&format!("/api/tenant/users/{}", maker["id"])).await.expect(204);
    let ended = async || {
        key.get("/api/records/patients").await.expect(401);
        anon.post("/api/invitations/show", &json!({"token": token["token"]})).await.expect(404);
        anon.post("/api/invitations/accept", &token).await.expect(404);
        for list in ["/api/tenant/keys", "/api/tenant/invitations"] {
            assert_eq!(acme.get(list).await.expect(200).json()["items"], json!([]), "{list}");
        }
    };
    ended().await;
    // A new membership revives neither.
    app.joins(&acme, &other, "other@acme.example", "owner").await;
    ended().await;
}

#[tokio::test]
async fn an_invitation_gives_at_most_the_present_role_of_its_maker() {
    let (app, anon, acme) = TestApp::new().await;
    let other = app.member(&acme, "other@acme.example", "owner").await;
    let id = id_of(&other).await;
    for email in ["one@x.example", "two@x.example"] {
        other.post("/api/tenant/invitations", &json!({"email": email, "role": "owner"})).await.expect(201);
    }
    acme.patch(&format!("/api/tenant/users/{id}"), &json!({"role": "viewer"})).await.expect(200);
    let token = app.letter("one@x.example").await;
    let shown = anon.post("/api/invitations/show", &json!({"token": token})).await.expect(200).json();
    assert_eq!(shown["role"], "viewer");
    anon.post("/api/invitations/accept", &json!({"token": token, "password": PASSWORD})).await.expect(201);
    let members = acme.get("/api/tenant/users").await.expect(200).json();
    let one = members["items"].as_array().unwrap().iter().find(|m| m["email"] == "one@x.example").cloned();
    assert_eq!(one.unwrap()["role"], "viewer");
    // Invitations and keys of an account that may not sign in are invalid.
    let staff = app.staff().await;
    staff.patch(&format!("/api/admin/users/{id}"), &json!({"active": false})).await.expect(200);
    let token = json!({"token": app.letter("two@x.example").await});
    anon.post("/api/invitations/show", &token).await.expect(404);
}

#[tokio::test]
async fn the_last_manager_of_a_tenant_is_not_deactivated() {
    let config = "[auth]\nroles = [\"director\", \"owner\", \"admin\", \"member\", \"viewer\"]\n";
    let app = TestApp::configured(config, Default::default()).await;
    let (director, staff) = (app.register("acme").await, app.staff().await);
    let account = format!("/api/admin/users/{}", id_of(&director).await);
    let off = json!({"active": false});
    let refused = staff.patch(&account, &off).await.expect(409).text();
    assert!(refused.contains("last active director of acme") && refused.contains("first"), "{refused}");
    director.get("/api/tenant/users").await.expect(200);
    let other = app.member(&director, "other@acme.example", "director").await;
    staff.patch(&account, &off).await.expect(200);
    let others = format!("/api/admin/users/{}", id_of(&other).await);
    staff.patch(&others, &off).await.expect(409);
    // A suspended tenant needs no manager.
    staff.post("/api/admin/tenants/acme/suspend", &json!({"reason": "fraud"})).await.expect(200);
    staff.patch(&others, &off).await.expect(200);
}

#[tokio::test]
async fn joining_two_accounts_keeps_the_role_that_manages() {
    let config = "[auth]\nroles = [\"director\", \"owner\", \"admin\", \"member\", \"viewer\"]\n";
    let app = TestApp::configured(config, Default::default()).await;
    let holder = app.register("holder").await;
    // The holder of the address is a plain member of the tenant that an unconfirmed account of the same address manages.
    let claim = register(&app, "claimed", "owner@holder.example", PASSWORD).await.expect(201).json();
    let claim = app.anon().with_token(claim["token"].as_str().unwrap());
    let token = app.letter("owner@holder.example").await;
    app.catalog(
        "INSERT INTO memberships (user_id, tenant, role, created_at) SELECT u.id, t.id, 'member', 0 \
         FROM users u, tenants t WHERE u.email = 'owner@holder.example' AND t.slug = 'claimed'",
    )
    .await;
    let form = json!({"token": token, "password": PASSWORD});
    app.anon().post("/api/auth/verify/confirm", &form).await.expect(204);
    claim.get("/api/me").await.expect(401);
    holder.post("/api/auth/switch", &json!({"tenant": "claimed"})).await.expect(200);
    holder.get("/api/tenant/users").await.expect(200);
    login(&app, "owner@holder.example", PASSWORD, Some("claimed")).await.expect(200);
}
