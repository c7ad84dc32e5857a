//! Information about an account that the API reveals to callers with access to one tenant: the issuer of the tenant's
//! tokens, and impersonators.

use super::app::{Client, TestApp};
use serde_json::{Value, json};
use tenantry_server::http::{Access, Options, ROUTES};

/// Issuer that speaks for any tenant.
const ANY: &str = "https://id.example";
/// Issuer that speaks for acme only.
const BOUND: &str = "https://acme.example";
const SECRET_ENV: &str = "CARGO_PKG_DESCRIPTION";

async fn app() -> TestApp {
    let issuer = |issuer: &str, more: &str| {
        format!(
            "[[auth.jwt]]\nissuer = \"{issuer}\"\naudience = \"tenantry\"\nalgorithm = \"HS256\"\n\
             secret_env = \"{SECRET_ENV}\"\n{more}"
        )
    };
    let config = issuer(ANY, "") + &issuer(BOUND, "tenants = [\"acme\"]\n");
    TestApp::configured(&config, Options::default()).await
}

fn by_token(app: &TestApp, issuer: &str, email: &str, tenant: Option<&str>) -> Client {
    let exp = jiff::Timestamp::now().as_second() + 3_600;
    let mut claims = json!({"iss": issuer, "aud": "tenantry", "nbf": 1, "exp": exp, "email": email});
    if let Some(tenant) = tenant {
        claims["tenant"] = json!(tenant);
    }
    let secret = std::env::var(SECRET_ENV).unwrap();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    app.anon().with_token(&token)
}

#[tokio::test]
async fn a_bound_issuer_names_nobody_outside_its_tenant() {
    let app = app().await;
    for slug in ["acme", "rival"] {
        app.register(slug).await;
    }
    app.staff().await;
    for email in ["owner@rival.example", "staff@platform.example", "nobody@acme.example"] {
        let outside = by_token(&app, BOUND, email, None);
        let known = by_token(&app, BOUND, "nobody@acme.example", None);
        for route in ROUTES.iter().filter(|route| route.access != Access::Public) {
            let path =
                route.path.replace("{slug}", "rival").replace("{id}", "1").replace("{model}", "patients");
            let path = path.replace("{field}", "document");
            let ask = async |client: &Client| {
                let answer = client.send(route.method.clone(), &path, Some("application/json"), "{}").await;
                let mut body = answer.json();
                body["request_id"] = Value::Null;
                (answer.status.as_u16(), body)
            };
            let answer = ask(&outside).await;
            assert_eq!(answer.0, 401, "{email} at {} {path}: {}", route.method, answer.1);
            assert_eq!(answer, ask(&known).await, "{email}: like no user at all");
        }
    }
    by_token(&app, BOUND, "owner@acme.example", None).get("/api/me").await.expect(200);
    by_token(&app, ANY, "owner@rival.example", None).get("/api/me").await.expect(200);
}

#[tokio::test]
async fn a_bound_issuer_is_told_of_its_tenant_alone() {
    let app = app().await;
    let acme = app.register("acme").await;
    let rival = app.register("rival").await;
    let staff = app.staff().await;
    // Owner of rival, and member of acme.
    app.joins(&acme, &rival, "owner@rival.example", "viewer").await;
    let id = app.login("owner@rival.example").await.get("/api/me").await.json()["user"]["id"].clone();
    staff.patch(&format!("/api/admin/users/{id}"), &json!({"staff": true})).await.expect(200);
    let token = by_token(&app, BOUND, "owner@rival.example", None);
    let me = token.get("/api/me").await.expect(200).json();
    let slugs: Vec<_> =
        me["tenants"].as_array().unwrap().iter().map(|tenant| tenant["slug"].clone()).collect();
    assert_eq!(slugs, ["acme"], "{me}");
    assert_eq!((&me["user"]["staff"], &me["user"]["superuser"]), (&json!(false), &json!(false)), "{me}");
    let sessions = token.get("/api/auth/sessions").await.expect(200).json();
    assert_eq!(sessions["items"], json!([]), "those are rival's: {sessions}");
    // Another tenant, named by slug or external id, looks like one that does not exist.
    staff.patch("/api/admin/tenants/rival/settings", &json!({"external_id": "rival_ext"})).await.expect(200);
    for claim in ["rival", "rival_ext", "none_ext"] {
        let answer =
            by_token(&app, BOUND, "owner@rival.example", Some(claim)).get("/api/me").await.expect(404);
        assert!(!answer.text().contains("rival"), "{}", answer.text());
    }
    by_token(&app, ANY, "owner@acme.example", Some("rival_ext")).get("/api/me").await.expect(404);
}

#[tokio::test]
async fn an_impersonator_is_told_of_the_tenant_they_entered_alone() {
    let (app, _, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let staff = app.staff().await;
    app.joins(&acme, &rival, "owner@rival.example", "viewer").await;
    let whole = app.login("owner@rival.example").await;
    let me = whole.get("/api/me").await.expect(200).json();
    assert_eq!(me["tenants"].as_array().unwrap().len(), 2, "{me}");
    let wish = json!({"tenant": "acme", "user": me["user"]["id"], "reason": "ticket 4711", "minutes": 5});
    let token = staff.post("/api/admin/impersonate", &wish).await.json()["token"].clone();
    let acting = app.anon().with_token(token.as_str().unwrap());
    let seen = acting.get("/api/me").await.expect(200).json();
    assert_eq!(seen["tenants"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(seen["tenant"], "acme", "{seen}");
    let sessions = acting.get("/api/auth/sessions").await.expect(200).json();
    let sessions = sessions["items"].as_array().unwrap();
    assert!(sessions.len() == 1 && sessions[0]["current"] == true, "{sessions:?}");
}

#[tokio::test]
async fn no_claim_of_a_bound_issuer_changes_the_answer_about_users_of_others() {
    let app = app().await;
    for slug in ["acme", "rival"] {
        app.register(slug).await;
    }
    let mut answers = Vec::new();
    for email in ["owner@rival.example", "nobody@x.example"] {
        for tenant in [None, Some("acme"), Some("rival"), Some("no-such")] {
            let answer = by_token(&app, BOUND, email, tenant).get("/api/me").await;
            let mut body = answer.json();
            body["request_id"] = Value::Null;
            answers.push((answer.status.as_u16(), body));
        }
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}
