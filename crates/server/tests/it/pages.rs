//! Pages are limited in bytes, too: a longer page ends earlier and has the cursor of the next one.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::Options;

/// Value of `page_bytes` in this configuration.
const PAGE: usize = 64 * 1024;

async fn narrow() -> (TestApp, Client) {
    let app = TestApp::configured("[limits]\npage_bytes = \"64 KiB\"\n", Options::default()).await;
    let owner = app.register("acme").await;
    (app, owner)
}

/// Returns all items, the length of the longest page, and the number of pages.
async fn pages(client: &Client, path: &str) -> (Vec<Value>, usize, usize) {
    let (mut items, mut longest, mut count, mut after) = (vec![], 0, 0, String::new());
    loop {
        let page = client.get(&format!("{path}{after}")).await.expect(200);
        (longest, count) = (longest.max(page.body.len()), count + 1);
        let page = page.json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (items, longest, count),
        }
    }
}

fn ids(items: &[Value]) -> Vec<i64> {
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_page_ends_at_its_bytes_and_none_is_left_out() {
    let (_app, owner) = narrow().await;
    for n in 0..60 {
        let mut one = patient(&format!("N{:02}", 60 - n));
        one["notes"] = json!("n".repeat(5_000));
        owner.post("/api/records/patients", &one).await.expect(201);
    }
    for query in ["?limit=1000", "?limit=1000&sort=last_name", "?limit=1000&sort=-last_name&fields=id,notes"]
    {
        let (items, longest, count) = pages(&owner, &format!("/api/records/patients{query}")).await;
        assert!(longest < PAGE + 8_000 && count > 3, "{query}: {longest} bytes, {count} pages");
        let mut ids = ids(&items);
        ids.sort_unstable();
        assert_eq!(ids, (1..=60).collect::<Vec<_>>(), "{query}");
    }
    let csv = owner.get("/api/records/patients/export").await.expect(200).text();
    assert_eq!(csv.lines().count(), 61);
}

#[tokio::test]
async fn groups_end_at_the_bytes_of_a_page_and_say_that_there_are_more() {
    let (_app, owner) = narrow().await;
    for n in 0..60 {
        let mut one = patient("Ash");
        one["notes"] = json!(format!("{n:02}{}", "n".repeat(5_000)));
        owner.post("/api/records/patients", &one).await.expect(201);
    }
    let answer = owner.get("/api/records/patients/aggregate?group_by=notes").await.expect(200);
    assert!(answer.body.len() < PAGE + 8_000, "{} bytes", answer.body.len());
    let answer = answer.json();
    assert_eq!((answer["more"].clone(), answer["groups"].as_array().unwrap().len()), (json!(true), 14));
}

/// A referenced row is in the page as often as rows refer to it, and counts as often.
#[tokio::test]
async fn expanded_rows_count_as_often_as_they_stand_there() {
    let (_app, owner) = narrow().await;
    let mut one = patient("Ash");
    one["notes"] = json!("\u{1F3E5}".repeat(10_000));
    owner.post("/api/records/patients", &one).await.expect(201);
    let payments: Value = (0..100)
        .map(|n| json!({"reference": format!("R{n}"), "patient": 1, "amount": "1.00", "method": "cash"}))
        .collect();
    owner.post("/api/records/payments/batch", &payments).await.expect(201);
    let (items, longest, count) =
        pages(&owner, "/api/records/payments?limit=1000&expand=patient&sort=-id").await;
    assert!(longest < PAGE + 42_000, "{longest} bytes");
    assert_eq!(count, 50, "two patients are more than a page");
    assert_eq!(ids(&items), (1..=100).rev().collect::<Vec<_>>());
    assert!(items.iter().all(|item| item["expand"]["patient"]["id"] == 1));
}

/// If the expanded rows of a page are too long, fewer rows are tried until they fit. A page has at least one row.
#[tokio::test]
async fn many_long_rows_are_expanded_a_few_at_a_time() {
    let (_app, owner) = narrow().await;
    for n in 0..9 {
        let mut one = patient(&format!("N{n}"));
        one["notes"] = json!("\u{1F3E5}".repeat(2_000 + 1_000 * n));
        owner.post("/api/records/patients", &one).await.expect(201);
        let payment =
            json!({"reference": format!("R{n}"), "patient": n + 1, "amount": "1.00", "method": "cash"});
        owner.post("/api/records/payments", &payment).await.expect(201);
    }
    let (items, longest, _) = pages(&owner, "/api/records/payments?limit=1000&expand=patient").await;
    assert_eq!(ids(&items), (1..=9).collect::<Vec<_>>());
    assert!(longest < PAGE + 42_000, "{longest} bytes");
}

/// The activity log contains old and new values, so its pages are bounded too.
#[tokio::test]
async fn a_page_of_the_activity_log_ends_at_its_bytes() {
    let model = "store = \"tenant\"\naudit = true\n[fields.body]\ntype = \"text\"\nmax_length = 50000\n";
    let app = TestApp::with_model("papers", model, "[limits]\npage_bytes = \"64 KiB\"\n").await;
    let owner = app.register("acme").await;
    owner.post("/api/records/papers", &json!({"body": ""})).await.expect(201);
    for n in 0..20 {
        let body = json!({"body": format!("{n}{}", "b".repeat(10_000))});
        owner.patch("/api/records/papers/1", &body).await.expect(200);
    }
    let (mut seen, mut before) = (vec![], String::new());
    loop {
        let page = owner.get(&format!("/api/tenant/activity?limit=1000{before}")).await.expect(200);
        assert!(page.body.len() < PAGE + 25_000, "{} bytes", page.body.len());
        let lines = page.json()["items"].as_array().unwrap().clone();
        seen.extend(ids(&lines));
        let next = page.json()["next"].clone();
        let Some(next) = next.as_str() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(seen, (1..=21).rev().collect::<Vec<_>>());
}

/// Lists for staff end at their limit of bytes, too, and have the cursor of the next page.
#[tokio::test]
async fn lists_for_staff_end_at_their_bytes() {
    let app = TestApp::configured("[limits]\npage_bytes = \"1 KiB\"\n", Options::default()).await;
    for n in 0..8 {
        app.register(&format!("acme-{n}")).await;
    }
    let staff = app.staff().await;
    for (list, go_on, least) in [
        ("/api/admin/tenants?", "after", 8),
        ("/api/admin/users?", "after", 9),
        ("/api/admin/audit?", "before", 16),
        ("/api/admin/operations?", "before", 8),
        ("/api/admin/mail?state=sent&", "before", 8),
    ] {
        let (mut seen, mut count, mut from) = (vec![], 0, String::new());
        loop {
            let page = staff.get(&format!("{list}limit=1000{from}")).await.expect(200);
            assert!(page.body.len() < 4_000, "{list}: {} bytes", page.body.len());
            let items = page.json()["items"].as_array().unwrap().clone();
            seen.extend(ids(&items));
            count += 1;
            let next = page.json()["next"].clone();
            let Some(next) = next.as_str() else { break };
            from = format!("&{go_on}={next}");
        }
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert!(
            count > 1 && seen.len() >= least && distinct.len() == seen.len(),
            "{list}: {count} pages, {seen:?}"
        );
    }
}

/// A page that is full by number has a cursor, like a page that is full by bytes. Lists without parameters are one
/// page.
#[tokio::test]
async fn every_list_says_where_its_next_page_begins() {
    let (app, owner) = narrow().await;
    let staff = app.staff().await;
    let first = staff.get("/api/admin/users?limit=1").await.expect(200).json();
    let next = first["next"].as_str().unwrap();
    let second = staff.get(&format!("/api/admin/users?limit=1&after={next}")).await.expect(200).json();
    assert_ne!(first["items"], second["items"], "{first}");
    assert_eq!(staff.get("/api/admin/users?limit=50").await.expect(200).json()["next"], Value::Null);
    for whole in ["/api/plans", "/api/auth/sessions", "/api/tenant/users", "/api/tenant/keys"] {
        assert_eq!(owner.get(whole).await.expect(200).json()["next"], Value::Null, "{whole}");
    }
    let many = owner.post("/api/records/patients/batch", &json!([patient("Ash")])).await.expect(201).json();
    assert_eq!(many["next"], Value::Null, "{many}");
}

/// A file longer than its field allows is refused with the same text, however it is sent.
#[tokio::test]
async fn a_form_is_held_to_the_fields_own_limit() {
    let (_app, owner) = narrow().await;
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    owner.post("/api/records/reports", &report).await.expect(201);
    let path = "/api/records/reports/1/files/document";
    let form = |bytes: usize| {
        format!(
            "--x\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n{}\r\n--x--\r\n",
            "a".repeat(bytes)
        )
    };
    let multipart = Some("multipart/form-data; boundary=x");
    let most = 20 << 20;
    owner.send(Method::PUT, path, multipart, form(3 << 20)).await.expect(200);
    let raw = owner.send(Method::PUT, path, Some("text/plain"), "a".repeat(most + 1)).await.expect(422);
    let sent = owner.send(Method::PUT, path, multipart, form(most + 1)).await.expect(422);
    let errors = |answer: &super::app::Answer| answer.json()["errors"].clone();
    assert_eq!(errors(&sent), errors(&raw));
    assert!(sent.text().contains("is longer than"), "{}", sent.text());
}
