//! Wrong guesses do not lock the account's holder out, over HTTP and behind a proxy (`account-enumeration`).

use super::{
    app::{Answer, Client, PASSWORD, TestApp},
    audited_accounts::forgotten,
};
use serde_json::{Value, json};
use tenantry_server::http::Options;

const OWNER: &str = "owner@acme.example";

/// Creates an app behind a trusted proxy: clients come from the address that the proxy names.
async fn behind_a_proxy(text: &str) -> TestApp {
    let options = Options { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..Options::default() };
    TestApp::configured(text, options).await
}

fn at(app: &TestApp, address: &str) -> Client {
    app.anon().with("x-forwarded-for", address)
}

async fn login(client: &Client, email: &str, password: &str) -> Answer {
    let answer = client.post("/api/auth/login", &json!({"email": email, "password": password})).await;
    client.app().platform().access().flush().await.unwrap();
    answer
}

async fn row(staff: &Client, email: &str) -> Value {
    let users = staff.get("/api/admin/users").await.expect(200).json();
    users["items"].as_array().unwrap().iter().find(|user| user["email"] == email).unwrap().clone()
}

#[tokio::test]
async fn sixteen_guesses_do_not_keep_the_holder_out() {
    let app = behind_a_proxy(tenantry::config::DEFAULT_TOML).await;
    app.register("acme").await;
    let staff = app.staff().await;
    let (guesser, holder) = (at(&app, "203.0.113.9"), at(&app, "198.51.100.7, 127.0.0.1"));
    for _ in 0..16 {
        login(&guesser, OWNER, "wrong guess 1").await.expect(401);
    }
    // The holder's network stays open; the guesser's is closed even to the right password.
    login(&holder, OWNER, PASSWORD).await.expect(200);
    login(&guesser, OWNER, PASSWORD).await.expect(401);
    let locked = row(&staff, OWNER).await;
    assert!(locked["locked_until"].is_string(), "{locked}");
    assert_eq!(locked["failed_logins"], 10, "{locked}");
    // Entries that the client writes before the proxy's entry have no effect.
    login(&at(&app, "198.51.100.7, 203.0.113.9"), OWNER, PASSWORD).await.expect(401);
    // Staff reopen the account for the locked network.
    let opened =
        staff.post(&format!("/api/admin/users/{}/unlock", locked["id"]), &json!({})).await.expect(200);
    assert_eq!((&opened.json()["locked_until"], &opened.json()["failed_logins"]), (&json!(null), &json!(0)));
    login(&guesser, OWNER, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_flood_from_many_networks_does_not_slow_a_network_that_the_account_knows() {
    let app = behind_a_proxy("[auth]\nguesses_per_hour = 12\n").await;
    app.register("acme").await;
    let holder = at(&app, "2001:db8:aa::1");
    login(&holder, OWNER, PASSWORD).await.expect(200);
    for email in [OWNER, "nobody@acme.example"] {
        let mut slowed = 0;
        for n in 0..40 {
            let answer = login(&at(&app, &format!("203.0.113.{n}")), email, "wrong guess 1").await;
            slowed += usize::from(answer.status == 429);
            assert!([401, 429].contains(&answer.status.as_u16()), "{}", answer.text());
        }
        assert_eq!(slowed, 28, "{email}");
    }
    login(&holder, OWNER, PASSWORD).await.expect(200);
    login(&at(&app, "2001:db8:aa::2"), OWNER, PASSWORD).await.expect(200);
    login(&at(&app, "2001:db8:ab::1"), OWNER, PASSWORD).await.expect(429);
    // A holder in a new network gets access with a letter, whatever the guessers do.
    let away = at(&app, "2001:db8:ab::1");
    away.post("/api/auth/password/forgot", &json!({"email": OWNER})).await.expect(202);
    let token = forgotten(&app, OWNER).await;
    let form = json!({"token": token, "password": "another good phrase"});
    away.post("/api/auth/password/reset", &form).await.expect(204);
    for n in 0..40 {
        login(&at(&app, &format!("203.0.113.{n}")), OWNER, "wrong guess 1").await;
    }
    login(&away, OWNER, "another good phrase").await.expect(200);
}
