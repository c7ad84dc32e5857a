//! T2 over HTTP: the client disconnects while its request is running, at any point. Afterwards nothing is half done or
//! held, and the next request finds everything in order (`poisoned-connection` and `held-connection`).

use super::{
    app::{Client, TestApp},
    audited_records::Lines,
    records::patient,
};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tenantry_server::http::{Options, call};
use tenantry_testkit::{Settings, dose, tried};

/// Number of records of one batch; the engine runs a batch of this size on another thread.
const BATCH: usize = 40;
/// Number of concurrent requests that the plan allows: a leaked permit is missing forever.
const ROOM: usize = 3;

/// The requests that are sent again and again: method, path, media type, body.
fn requests() -> Vec<(Method, &'static str, &'static str, String)> {
    let batch = |name: &str, rows: usize| Value::from(vec![patient(name); rows]).to_string();
    let json = "application/json";
    let csv = format!("first_name,last_name,born_on\n{}", "A,Csv,1990-01-01\n".repeat(BATCH));
    vec![
        (Method::GET, "/api/records/patients/1", "", String::new()),
        (Method::GET, "/api/records/patients?limit=50&q=ash&count=true", "", String::new()),
        (Method::GET, "/api/records/patients/export", "", String::new()),
        (Method::GET, "/api/records/patients/aggregate?group_by=last_name&max=born_on", "", String::new()),
        (Method::GET, "/api/tenant/usage", "", String::new()),
        (Method::GET, "/api/tenant/activity", "", String::new()),
        (Method::POST, "/api/records/patients", json, patient("One").to_string()),
        (Method::POST, "/api/records/patients/batch", json, batch("Two", 2)),
        (Method::POST, "/api/records/patients/batch", json, batch("Forty", BATCH)),
        (Method::POST, "/api/records/patients/import", "text/csv", csv),
        (Method::PATCH, "/api/records/patients/1", json, json!({"notes": "n"}).to_string()),
        (Method::POST, "/api/tenant/sql", json, json!({"sql": "SELECT count(*) FROM patients"}).to_string()),
        (Method::PUT, "/api/records/reports/1/files/document", "text/plain", "bytes".into()),
        (Method::POST, "/api/tenant/keys", json, json!({"name": "k", "role": "member"}).to_string()),
    ]
}

/// Polls the request that many times and drops it; returns whether it had completed.
async fn leave(client: &Client, app: &TestApp, n: usize, polls: u32) -> bool {
    let (method, path, media, body) = requests().swap_remove(n);
    let token = format!("Bearer {}", client.token());
    let request = Request::builder().method(method).uri(path).header("authorization", token);
    let request = request.header("content-type", media).body(Body::from(body)).unwrap();
    let (served, router) = app.served();
    drop_after(async move { call(&served, &router, request).await }, polls).await
}

/// Polls a future that many times and drops it; returns whether it had completed.
pub(super) async fn drop_after(future: impl Future, polls: u32) -> bool {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_ready()));
        if polled.await {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// Uses all permits at once, after waiting for requests that still run without a client.
async fn all_room_is_free(client: &Client) {
    let began = Instant::now();
    loop {
        let crowd = (0..ROOM).map(|_| client.get("/api/records/patients?limit=1"));
        let answers = futures_util::future::join_all(crowd).await;
        if answers.iter().all(|a| a.status == 200) {
            return;
        }
        assert!(answers.iter().all(|a| [200, 429].contains(&a.status.as_u16())));
        assert!(began.elapsed() < Duration::from_secs(30), "somebody who is gone holds a place for ever");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_nothing_half_done_and_holds_nothing() {
    let (mut left, mut ended) = (0, 0);
    for isolation in ["database", "pooled"] {
        let settings = Settings::default()
            .isolation(isolation)
            .free_plan()
            .set("plans.free.limits", &format!("concurrency = {ROOM}"));
        let app = TestApp::configured(&settings, Options::default()).await;
        let acme = app.register("acme").await;
        acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
        let report =
            json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
        acme.post("/api/records/reports", &report).await.expect(201);
        for round in 0..u32::try_from(dose(40, 2_000)).unwrap() {
            for n in 0..requests().len() {
                let over = leave(&acme, &app, n, round % 8).await;
                ended += u64::from(over);
                left += u64::from(!over);
            }
            all_room_is_free(&acme).await;
        }
        whole(&app, &acme).await;
    }
    assert!(left > ended / 4, "hardly anybody was left: {left}, {ended} ended");
    tried("T2 over HTTP", left, "requests left before their end");
}

/// Asserts that the databases are consistent, each in one snapshot: complete batches, and counters and logs that match
/// the rows.
async fn whole(app: &TestApp, acme: &Client) {
    // Wait behind the writes that still run without a client.
    acme.post("/api/records/patients", &patient("Last")).await.expect(201);
    let lines = Lines::open(app).await;
    let of = |name: &str| format!("(SELECT count(*) FROM patients WHERE last_name = '{name}')");
    let logged = "(SELECT count(*) FROM _tenantry_activity WHERE model = 'patients' AND action = 'create')";
    let counted = "(SELECT rows FROM _tenantry_place WHERE tenant <> 0 AND store = 'tenant')";
    let rows = "(SELECT count(*) FROM patients)";
    for (what, sql) in [
        ("two at once are both there or neither", format!("{} % 2", of("Two"))),
        ("forty at once", format!("{} % {BATCH}", of("Forty"))),
        ("lines of a file are written together", format!("{} % {BATCH}", of("Csv"))),
        ("each has its line in the log", format!("{rows} - {logged}")),
        ("and counts, beside the report", format!("{rows} + 1 - {counted}")),
    ] {
        assert_eq!(lines.number(&format!("SELECT {sql}")), 0, "{what}");
    }
    let keys = "SELECT (SELECT count(*) FROM api_keys) - (SELECT count(*) FROM audit WHERE action = 'api_key.create')";
    assert_eq!(Lines::of(app, "control").number(keys), 0, "each key has its row in the audit log");
    assert!(app.platform().audit().verify().await.unwrap().faults.is_empty());
}
