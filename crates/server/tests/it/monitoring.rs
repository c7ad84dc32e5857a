//! The last hour of a server: its counts, its slow requests without what they asked for, and the page of both.

use super::{
    app::{Client, TestApp},
    binary::{run, start, stdout},
    lives::fine,
    web::Web,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const STAFF: &str = "staff@platform.example";

fn sum(intervals: &Value, of: &str) -> u64 {
    intervals.as_array().unwrap().iter().map(|interval| interval[of].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn an_hour_counts_what_was_answered() {
    let (app, anon, _) = TestApp::new().await;
    let staff = app.staff().await;
    let before = staff.get("/api/admin/monitoring").await.expect(200).json();
    for _ in 0..5 {
        anon.get("/api/nothing").await.expect(404);
    }
    let after = staff.get("/api/admin/monitoring").await.expect(200).json();
    assert_eq!(after["node"], app.platform().nodes().own_name());
    let (was, is) = (&before["intervals"], &after["intervals"]);
    // The first answer itself, and those after it.
    assert_eq!(sum(is, "requests") - sum(was, "requests"), 6, "{after}");
    assert_eq!(sum(is, "client_errors") - sum(was, "client_errors"), 5, "{after}");
    assert_eq!(sum(is, "requests"), after["requests"]);
    let last = is.as_array().unwrap().last().unwrap();
    for part in ["p50_ms", "p95_ms", "p99_ms"] {
        assert!(last[part].as_f64().is_some_and(|ms| ms > 0.0), "{part} of {last}");
    }
    assert!(last["memory_bytes"].as_u64().unwrap() > 1_000_000, "{last}");
    let server = &last["database_servers"][0];
    assert_eq!(server["name"], app.platform().config().servers[0].name.as_str());
}

/// Asks for a text that must not be remembered, with work that takes the longer the more rounds there are.
async fn ask(owner: &Client, rounds: u64) -> Duration {
    let sql = format!(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {rounds}) SELECT count(*), 'canary' FROM c"
    );
    let began = Instant::now();
    owner.post("/api/tenant/sql", &json!({ "sql": sql })).await.expect(200);
    began.elapsed()
}

#[tokio::test]
async fn a_slow_request_is_named_without_what_it_asked_for() {
    let (app, _, owner) = TestApp::new().await;
    let staff = app.staff().await;
    let mut rounds = 100_000;
    while ask(&owner, rounds).await < Duration::from_millis(300) {
        rounds *= 2;
    }
    let text = staff.get("/api/admin/monitoring").await.expect(200);
    let slow = text.json()["slow_requests"].clone();
    let slow: Vec<_> =
        slow.as_array().unwrap().iter().filter(|one| one["route"] == "/api/tenant/sql").collect();
    assert_eq!((&slow[0]["tenant"], &slow[0]["status"]), (&json!("acme"), &json!(200)));
    assert!(
        slow[0]["took_ms"].as_u64().unwrap() >= 250 && !text.text().contains("canary"),
        "{}",
        text.text()
    );
    let mut web = Web::signed_in(&app, STAFF).await;
    let page = web.get("/master-admin/monitoring/").await.expect(200);
    for part in ["/api/tenant/sql", "Time to answer", &app.platform().nodes().own_name()] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    assert!(page.attrs("a", "href").contains(&"/master-admin/companies/acme/".to_owned()));
    assert!(page.attrs("path", "d").iter().any(|line| line.starts_with('M')), "{}", page.text());
    assert!(!page.text().contains("canary"));
}

#[tokio::test]
async fn records_are_timed_by_store_and_by_company() {
    let (app, _, owner) = TestApp::new().await;
    let staff = app.staff().await;
    owner.get("/api/records/doctors").await.expect(200);
    for _ in 0..4 {
        owner.get("/api/records/doctors/999").await.expect(404);
    }
    owner.get("/api/records/cities").await.expect(200);
    owner.get("/t/acme/api/records/doctors?limit=1").await.expect(200);
    owner.get("/api/me").await.expect(200);
    let seen = staff.get("/api/admin/monitoring").await.expect(200).json();
    let find = |all: &Value, store: &str| {
        let all = all.as_array().unwrap();
        all.iter().find(|one| one["store"] == store).unwrap_or_else(|| panic!("{store} in {all:?}")).clone()
    };
    for (store, requests) in [("tenant", 6), ("shared", 1)] {
        let (of_all, of_acme) = (find(&seen["stores"], store), find(&seen["tenants"], store));
        assert_eq!(
            (&of_all["requests"], &of_acme["requests"]),
            (&json!(requests), &json!(requests)),
            "{seen}"
        );
        assert_eq!(of_acme["tenant"], "acme");
        for part in ["mean_ms", "p50_ms", "p95_ms", "p99_ms"] {
            assert!(of_acme[part].as_f64().is_some_and(|ms| ms > 0.0), "{part} of {of_acme}");
        }
    }
    let numbers = staff.get("/metrics").await.expect(200);
    let wanted = "tenantry_tenant_records_seconds_count{tenant=\"acme\",store=\"tenant\"} 6";
    assert!(numbers.text().lines().any(|line| line == wanted), "{}", numbers.text());
    let page = Web::signed_in(&app, STAFF).await.get("/master-admin/monitoring/").await.expect(200);
    for part in ["Records by store", "Records by company"] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
}

#[test]
fn the_command_line_shows_what_a_running_server_remembers() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), "demo");
    let token = server.log_in("owner@city-hospital.example");
    for _ in 0..3 {
        assert_eq!(server.ask("GET", "/api/records/patients", &token, None).0, 200);
    }
    let said = fine(dir.path(), &["monitoring"]);
    let has = |line: &str, parts: &[&str]| parts.iter().all(|part| line.contains(part));
    for parts in [&["city-hospital", "tenant", "3", "ms"][..], &["main", "GiB"], &["STORE", "MEDIAN", "99 %"]]
    {
        assert!(said.lines().any(|line| has(line, parts)), "{parts:?} in {said}");
    }
    let told: Value = serde_json::from_str(&fine(dir.path(), &["monitoring", "--json"])).unwrap();
    let tenants = told["items"][0]["tenants"].as_array().unwrap();
    assert!(tenants.iter().any(|one| one["tenant"] == "city-hospital" && one["requests"] == 3), "{told}");
    drop(server);
    let none = run(dir.path(), &["monitoring"]);
    assert!(none.status.success() && stdout(&none).contains("no server of this data directory"));
    let none: Value = serde_json::from_str(&fine(dir.path(), &["monitoring", "--json"])).unwrap();
    assert_eq!(none, json!({"items": []}));
}
