//! T11 for accounts: preparations and acts for invitations, addresses and password resets.

use super::{
    app::{Answer, PASSWORD, TestApp},
    audited::Stage,
};
use serde_json::{Value, json};

/// Returns the code of the letter that resets the password. It is written after the answer, and after the letter of an
/// invitation.
pub(super) async fn forgotten(app: &TestApp, email: &str) -> String {
    for _ in 0..250 {
        let mut letters = app.letters(email).await;
        if letters.len() > 1 {
            return letters.pop().unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no letter to {email}");
}

/// Creates the objects that must exist before the act. Returns `None` if another file handles the route.
pub(super) async fn before(s: &Stage, route: &str) -> Option<Value> {
    Some(match route {
        "DELETE /api/tenant/invitations/{id}"
        | "POST /api/invitations/show"
        | "POST /api/invitations/accept"
        | "POST /api/invitations/refuse" => {
            let email = format!("x@{}.example", s.slug);
            let form = json!({"email": email, "role": "viewer"});
            let made = s.owner.post("/api/tenant/invitations", &form).await.expect(201).json();
            json!({"id": made["id"], "token": s.app.letter(&email).await})
        }
        "POST /api/auth/verify" | "POST /api/auth/verify/confirm" => {
            let owner = s.app.register_only(&format!("new-{}", s.slug)).await;
            json!({"session": owner.token(), "token": s.app.letter(&format!("owner@new-{}.example", s.slug)).await})
        }
        "POST /api/auth/password/reset" => {
            let email = format!("m@{}.example", s.slug);
            s.app.anon().post("/api/auth/password/forgot", &json!({"email": email})).await.expect(202);
            json!({"token": forgotten(&s.app, &email).await})
        }
        _ => return None,
    })
}

/// Performs the act. Returns `None` if another file handles the route.
pub(super) async fn act(s: &Stage, route: &str, ready: &Value) -> Option<Answer> {
    let (slug, owner, anon, none) = (&s.slug, &s.owner, s.app.anon(), json!({}));
    Some(match route {
        "POST /api/tenant/invitations" => {
            let form = json!({"email": format!("x@{slug}.example"), "role": "viewer"});
            owner.post("/api/tenant/invitations", &form).await
        }
        "DELETE /api/tenant/invitations/{id}" => {
            owner.delete(&format!("/api/tenant/invitations/{}", ready["id"])).await
        }
        "POST /api/invitations/show" | "POST /api/invitations/refuse" => {
            let path = route.trim_start_matches("POST ");
            anon.post(path, &json!({"token": ready["token"]})).await
        }
        "POST /api/invitations/accept" => {
            anon.post("/api/invitations/accept", &json!({"token": ready["token"], "password": PASSWORD}))
                .await
        }
        "POST /api/auth/verify" => {
            anon.with_token(ready["session"].as_str().unwrap()).post("/api/auth/verify", &none).await
        }
        "POST /api/auth/verify/confirm" | "POST /api/auth/password/reset" => {
            let path = route.trim_start_matches("POST ");
            anon.post(path, &json!({"token": ready["token"], "password": PASSWORD})).await
        }
        "POST /api/auth/password/forgot" => {
            let email = format!("m@{slug}.example");
            let answer = anon.post("/api/auth/password/forgot", &json!({"email": email})).await;
            forgotten(&s.app, &email).await;
            answer
        }
        "PATCH /api/me" => owner.patch("/api/me", &json!({"name": "Ada Again"})).await,
        "PATCH /api/tenant" => owner.patch("/api/tenant", &json!({"name": "Another Name"})).await,
        "DELETE /api/me/memberships/{tenant}" => {
            let member = s.app.login(&format!("m@{slug}.example")).await;
            member.delete(&format!("/api/me/memberships/{slug}")).await
        }
        _ => return None,
    })
}
