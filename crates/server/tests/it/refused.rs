//! Failed sign-ins in the audit log: all are recorded, by name or as a number, and a flood does not fill it.

use super::app::{Client, PASSWORD, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns the rows about failed sign-ins, oldest first: action and detail.
async fn rows(staff: &Client) -> Vec<(String, Value)> {
    let log = staff.get("/api/admin/audit?limit=1000").await.expect(200).json();
    let mut rows: Vec<_> = log["items"].as_array().unwrap().clone();
    rows.reverse();
    rows.retain(|row| row["action"].as_str().unwrap().starts_with("session.refuse"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let detail = |row| serde_json::from_str(&text(row, "detail")).unwrap();
    rows.iter().map(|row| (text(row, "action"), detail(row))).collect()
}

async fn guess(app: &TestApp, email: &str, status: u16) {
    let form = json!({"email": email, "password": "wrong guess 1"});
    app.anon().post("/api/auth/login", &form).await.expect(status);
}

#[tokio::test]
async fn each_failed_sign_in_is_on_record_and_a_flood_is_a_number() {
    let (app, anon, owner) = TestApp::new().await;
    let staff = app.staff().await;
    let id = owner.get("/api/me").await.expect(200).json()["user"]["id"].clone();
    for _ in 0..40 {
        guess(&app, "owner@acme.example", 401).await;
        // Flushes after each guess, so that the guesses are counted in order and the account is locked after the tenth.
        app.platform().access().flush().await.unwrap();
    }
    for n in 0..40 {
        guess(&app, &format!("nobody{n}@acme.example"), 401).await;
    }
    // A wrong old password on a change counts like a failed sign-in.
    let change = json!({"old": "wrong guess 1", "new": "another good phrase"});
    owner.post("/api/auth/password", &change).await.expect(401);
    app.platform().access().flush().await.unwrap();
    let rows = rows(&staff).await;
    let named = |user: &Value, why: &str| {
        let detail = json!({"user": user, "why": why});
        rows.iter().filter(|(action, found)| action == "session.refuse" && *found == detail).count()
    };
    assert_eq!((named(&id, "password"), named(&json!(null), "no_account")), (10, 10), "{rows:?}");
    assert_eq!(rows.iter().filter(|(action, _)| action == "session.refuse").count(), 20, "{rows:?}");
    let mut numbers = BTreeMap::new();
    for (_, detail) in rows.iter().filter(|(action, _)| action == "session.refuse_more") {
        for (why, number) in detail.as_object().unwrap() {
            *numbers.entry(why.clone()).or_insert(0) += number.as_i64().unwrap();
        }
    }
    assert_eq!(numbers, [("closed".to_owned(), 31), ("no_account".to_owned(), 30)].into());
    assert!(!format!("{rows:?}").contains("wrong guess"), "what was typed is not kept");
    anon.post("/api/auth/login", &json!({"email": "staff@platform.example", "password": PASSWORD}))
        .await
        .expect(200);
    staff.get("/api/admin/audit/verify").await.expect(200);
}

#[tokio::test]
async fn attempts_beyond_a_limit_are_counted_too() {
    let app = TestApp::configured("[auth]\nlogin_per_minute = 3\n", Default::default()).await;
    let staff = app.staff().await;
    for status in [401, 401, 401, 429, 429] {
        guess(&app, "nobody@acme.example", status).await;
    }
    app.platform().access().flush().await.unwrap();
    let all: Vec<_> = rows(&staff).await.iter().map(|(_, detail)| detail["why"].clone()).collect();
    assert_eq!(all, ["no_account", "no_account", "no_account", "too_often", "too_often"]);
}

/// Concurrent sign-ins while a letter resets the password: none leaves a working session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sign_in_outlives_the_reset_of_its_password_late_revocation() {
    let (app, anon, _) = TestApp::new().await;
    anon.post("/api/auth/password/forgot", &json!({"email": "owner@acme.example"})).await.expect(202);
    let token = super::audited_accounts::forgotten(&app, "owner@acme.example").await;
    let old = json!({"email": "owner@acme.example", "password": PASSWORD});
    let under_way: Vec<_> = (0..24)
        .map(|_| {
            let (anon, old) = (anon.clone(), old.clone());
            tokio::spawn(async move { anon.post("/api/auth/login", &old).await })
        })
        .collect();
    let form = json!({"token": token, "password": "another good phrase"});
    anon.post("/api/auth/password/reset", &form).await.expect(204);
    for sign_in in under_way {
        let answer = sign_in.await.unwrap();
        if answer.status == 200 {
            let token = answer.json()["token"].as_str().unwrap().to_owned();
            anon.with_token(&token).get("/api/me").await.expect(401);
        }
    }
    anon.post("/api/auth/login", &old).await.expect(401);
}
