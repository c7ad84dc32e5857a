//! Aggregates over HTTP: payments grouped by month and method, of one tenant only; refusals that name each parameter.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};

const PAYMENTS: &str = "/api/records/payments";

/// Records payments, given by method, status, amount and time.
async fn pay(user: &Client, payments: &[(&str, &str, &str, Option<&str>)]) {
    user.post("/api/records/patients", &patient("Ash")).await.expect(201);
    for (number, (method, status, amount, paid_at)) in payments.iter().enumerate() {
        let body = json!({"reference": format!("P{number}"), "patient": 1, "amount": amount, "method": method,
            "status": status, "paid_at": paid_at});
        user.post(PAYMENTS, &body).await.expect(201);
    }
}

async fn grouped(user: &Client, query: &str) -> Value {
    user.get(&format!("{PAYMENTS}/aggregate?{query}")).await.expect(200).json()
}

#[tokio::test]
async fn records_are_grouped_counted_and_summed() {
    let (app, _, user) = TestApp::new().await;
    let rival = app.register("rival").await;
    pay(&rival, &[("cash", "paid", "1000.00", Some("2026-01-05T10:00:00Z"))]).await;
    let january = Some("2026-01-31T23:59:59Z");
    let (march, none) = (Some("2026-03-01T00:00:00Z"), None);
    pay(
        &user,
        &[
            ("cash", "paid", "10.50", january),
            ("cash", "paid", "0.25", march),
            ("card", "paid", "99.99", march),
            ("card", "refunded", "-5.00", march),
            ("card", "pending", "7.00", none),
        ],
    )
    .await;
    let found =
        grouped(&user, "group_by=paid_at__month,method&sum=amount&max=amount,paid_at&status=paid").await;
    let group = |month: &str, method: &str, amount: &str, at: &str| {
        json!({"group": {"paid_at__month": month, "method": method}, "count": 1, "sum": {"amount": amount},
            "max": {"amount": amount, "paid_at": at}})
    };
    let march = "2026-03-01T00:00:00.000000Z";
    let expected = [
        group("2026-01-01", "cash", "10.50", "2026-01-31T23:59:59.000000Z"),
        group("2026-03-01", "card", "99.99", march),
        group("2026-03-01", "cash", "0.25", march),
    ];
    assert_eq!(found, json!({"groups": expected, "more": false}));
    let found = grouped(&user, "group_by=method&sort=-count&limit=1&avg=amount").await;
    let card = json!({"group": {"method": "card"}, "count": 3, "avg": {"amount": "33.996667"}});
    assert_eq!(found, json!({"groups": [card], "more": true}));
    let all = grouped(&user, "min=paid_at").await;
    let first = json!({"group": {}, "count": 5, "min": {"paid_at": "2026-01-31T23:59:59.000000Z"}});
    assert_eq!(all, json!({"groups": [first], "more": false}));
    let none = grouped(&user, "group_by=paid_at__year&paid_at__isnull=true&sum=amount").await;
    assert_eq!(
        none["groups"][0],
        json!({"group": {"paid_at__year": null}, "count": 1, "sum": {"amount": "7.00"}})
    );
    assert_eq!(grouped(&user, "group_by=method&amount__gt=1000").await["groups"], json!([]));
}

#[tokio::test]
async fn a_wrong_question_names_each_parameter() {
    let (_app, _, user) = TestApp::new().await;
    for (query, field, says) in [
        ("group_by=nothing", "group_by", "no field"),
        ("group_by=paid_at__week", "group_by", "year, quarter, month, day"),
        ("group_by=amount__month", "amount", "no date"),
        ("group_by=id,method,status,amount", "group_by", "at most 3"),
        ("sum=method", "method", "no number"),
        ("avg=", "avg", "no field"),
        ("sort=count", "sort", "-count"),
        ("limit=0", "limit", "from 1 to 1000"),
        ("count=true", "count", "no field"),
        ("q=ash", "q", "no searchable field"),
    ] {
        let refused = user.get(&format!("{PAYMENTS}/aggregate?{query}")).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{query}: {}", refused.text());
        let problem = refused.json();
        let wrong = problem["errors"][0].clone();
        assert_eq!(wrong["field"], field, "{problem}");
        assert!(wrong["message"].as_str().unwrap().contains(says), "{problem}");
    }
}
