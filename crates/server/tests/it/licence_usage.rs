//! Uses of features over HTTP and at the command line: exact counts under concurrency and in two processes, idempotency
//! keys, policies at the limit, periods and jumps of the clock. On SQLite and PostgreSQL.

use super::{
    app::{Answer, Client, TestApp},
    licences::everywhere,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry::{access::Operator, clock::DAY_US, internals, licences::usage::MOST_AT_ONCE};

const ACME: &str = "/api/admin/tenants/acme/licence";
const FEATURES: &str = "/api/tenant/features";

async fn grant(staff: &Client, quota: &Value) {
    let terms =
        json!({"license_type": "standard", "features": ["forecasts"], "quotas": {"forecasts": quota}});
    staff.put(ACME, &terms).await.expect(200);
}

async fn consume(client: &Client, amount: u64) -> Answer {
    client.post(FEATURES, &json!({"feature": "forecasts", "amount": amount})).await
}

async fn number(app: &TestApp, sql: &str) -> i64 {
    let mut tx = internals::control(app.platform()).snapshot().await.unwrap();
    tx.query(sql, &[]).await.unwrap()[0].integer(0).unwrap()
}

async fn usage(client: &Client) -> Value {
    let all = client.get(FEATURES).await.expect(200).json();
    let found = all["items"].as_array().unwrap().iter().find(|one| one["feature"] == "forecasts").cloned();
    found.unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exact_usage_two_processes_grant_exactly_the_quota() {
    everywhere(async |app| {
        let (acme, rival, staff) =
            (app.register("acme").await, app.register("rival").await, app.staff().await);
        grant(&staff, &json!({"limit": 25, "period": "day"})).await;
        let beside = app.beside().await;
        let other = acme.at(&beside);
        let asks = (0..60).map(|n| {
            let client = if n % 2 == 0 { acme.clone() } else { other.clone() };
            tokio::spawn(async move { consume(&client, 1).await.status.as_u16() })
        });
        let answers: Vec<_> = join_all(asks).await.into_iter().map(Result::unwrap).collect();
        let granted = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(granted, 25, "{answers:?}");
        assert!(answers.iter().all(|status| [200, 429].contains(status)), "{answers:?}");
        let (here, there) = (usage(&acme).await, usage(&other).await);
        assert_eq!((&here["day"], &here["remaining"]), (&json!(25), &json!(0)), "{here}");
        assert_eq!(here, there, "both processes tell the same");
        let refused = consume(&other, 1).await.expect(429);
        assert_eq!(refused.code(), "quota_reached");
        assert!(refused.text().contains("larger quota"), "{}", refused.text());
        assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 86_401);
        // Another tenant has neither the feature nor the uses.
        let refused = consume(&rival, 1).await.expect(403);
        assert_eq!(refused.code(), "feature_required");
        assert!(refused.text().contains("forecasts"), "{}", refused.text());
        assert_eq!(usage(&rival).await, Value::Null);
        let shown = staff.get("/api/admin/tenants/acme/features").await.expect(200).text();
        assert!(shown.contains("forecasts"), "{shown}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_use_that_is_sent_again_is_counted_once() {
    everywhere(async |app| {
        let (acme, staff) = (app.register("acme").await, app.staff().await);
        grant(&staff, &json!({"limit": 10, "period": "total"})).await;
        let beside = app.beside().await;
        let ask = json!({"feature": "forecasts", "amount": 4, "key": "order-7"});
        let asks = (0..20).map(|n| {
            let client = if n % 2 == 0 { acme.clone() } else { acme.at(&beside) };
            let ask = ask.clone();
            tokio::spawn(async move { client.post(FEATURES, &ask).await.expect(200).json() })
        });
        let answers: Vec<_> = join_all(asks).await.into_iter().map(Result::unwrap).collect();
        let first = answers.iter().filter(|answer| answer["is_repeated"] == false).count();
        assert_eq!(first, 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer["total"] == 4), "{answers:?}");
        let other = json!({"feature": "forecasts", "amount": 5, "key": "order-7"});
        acme.post(FEATURES, &other).await.expect(409);
        consume(&acme, 6).await.expect(200);
        // A refusal is not remembered, and the use that was counted stays counted at the end of the quota.
        let late = json!({"feature": "forecasts", "amount": 1, "key": "order-8"});
        acme.post(FEATURES, &late).await.expect(429);
        assert_eq!(acme.post(FEATURES, &ask).await.expect(200).json()["is_repeated"], true);
        grant(&staff, &json!({"limit": 11, "period": "total"})).await;
        assert_eq!(acme.post(FEATURES, &late).await.expect(200).json()["is_repeated"], false);
        assert_eq!(usage(&acme).await["total"], 11);
    })
    .await;
}

#[tokio::test]
async fn a_policy_warns_or_grants_a_grace_at_the_limit() {
    let app = super::licences::here().await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    grant(&staff, &json!({"limit": 10, "period": "month", "at_limit": "grace", "grace_percent": 20})).await;
    assert_eq!(consume(&acme, 10).await.expect(200).json()["notice"], Value::Null);
    let over = consume(&acme, 1).await.expect(200).json();
    assert!(over["notice"].as_str().unwrap().contains("1 more are granted"), "{over}");
    consume(&acme, 2).await.expect(429);
    consume(&acme, 1).await.expect(200);
    consume(&acme, 1).await.expect(429);
    grant(&staff, &json!({"limit": 10, "period": "month", "at_limit": "warn"})).await;
    let over = consume(&acme, 1000).await.expect(200).json();
    assert_eq!((&over["remaining"], &over["is_over"]), (&Value::Null, &json!(true)), "{over}");
    assert!(over["notice"].as_str().unwrap().contains("larger quota"), "{over}");
    // Without a quota, uses are counted and never refused.
    staff.put(ACME, &json!({"license_type": "standard", "features": ["forecasts"]})).await.expect(200);
    assert_eq!(consume(&acme, 8).await.expect(200).json()["month"], 1020);
    for (field, ask) in [
        ("feature", json!({"feature": "A b"})),
        ("amount", json!({"feature": "forecasts", "amount": 0})),
        ("amount", json!({"feature": "forecasts", "amount": MOST_AT_ONCE + 1})),
        ("key", json!({"feature": "forecasts", "key": ""})),
    ] {
        let refused = acme.post(FEATURES, &ask).await.expect(422).text();
        assert!(refused.contains(field), "{field}: {refused}");
    }
    for quota in [
        json!({"limit": 1, "period": "year"}),
        json!({"limit": 1, "period": "day", "at_limit": "grace"}),
        json!({"limit": 1, "period": "day", "at_limit": "never"}),
    ] {
        let terms = json!({"license_type": "standard", "quotas": {"forecasts": quota}});
        staff.put(ACME, &terms).await.expect(422);
    }
}

#[tokio::test]
async fn only_time_that_passes_begins_a_period() {
    let app = super::licences::here().await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    grant(&staff, &json!({"limit": 3, "period": "day"})).await;
    let licences = app.platform().licences();
    let (by, slug) = (Operator::new("operator"), "acme".parse().unwrap());
    let consume = async || licences.consume(&by, &slug, "forecasts", 3, None).await;
    consume().await.unwrap();
    app.clock().jump_us(2 * DAY_US);
    assert!(consume().await.is_err(), "a clock that is set forward begins no period");
    app.clock().jump_us(-2 * DAY_US);
    app.clock().advance_us(DAY_US);
    let used = consume().await.unwrap().usage;
    assert_eq!((used.day, used.total), (3, 6));
    app.clock().jump_us(-DAY_US);
    assert!(consume().await.is_err(), "a clock that is set back begins no earlier period again");
    drop(acme);
}

#[tokio::test]
async fn old_counts_and_keys_are_removed_and_totals_stay() {
    let app = super::licences::here().await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    grant(&staff, &json!({"limit": 5, "period": "total"})).await;
    let ask = json!({"feature": "forecasts", "key": "k"});
    acme.post(FEATURES, &ask).await.expect(200);
    assert_eq!(number(&app, "SELECT count(*) FROM usage_counts").await, 3);
    app.clock().advance_us(420 * DAY_US);
    let background = app.platform().start_background();
    for _ in 0..600 {
        if number(&app, "SELECT (SELECT count(*) FROM usage_counts) + (SELECT count(*) FROM usage_keys)")
            .await
            == 1
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    background.stop().await;
    assert_eq!(number(&app, "SELECT count(*) FROM usage_keys").await, 0);
    assert_eq!(
        number(&app, "SELECT count(*) FROM usage_counts WHERE period = 'total' AND used = 1").await,
        1
    );
}
