//! Shared by the scenarios: the rows that a tenant should have, and the assertions that hold after every fault.

use crate::test_platform::{TestPlatform, by, registration, slug};
use std::{collections::BTreeSet, fs};
use tenantry::internals::verify_audit;
use tenantry::{name::Slug, query::Select, records::ListQuery};
use tenantry_engine::SqlRow;

/// Rows of every tenant that [`fill`] has filled, as (model, name).
pub(crate) const ROWS: [(&str, &str); 5] = [
    ("items", "scalpel"),
    ("items", "tongs, large"),
    ("sheets", "Übersicht 2026"),
    ("slips", "first"),
    ("slips", "O'Brien \"quoted\""),
];

/// Creates a tenant with rows in each of its stores.
pub(crate) async fn tenant(w: &TestPlatform, name: &str) {
    w.operations.create_tenant(&by(), registration(name)).await.unwrap();
    fill(w, name).await;
}

/// Writes [`ROWS`].
pub(crate) async fn fill(w: &TestPlatform, name: &str) {
    for (model, row) in ROWS {
        w.add(name, model, serde_json::json!({ "name": row })).await;
    }
}

/// Returns a tenant's rows through the normal routing: (model, name) in order.
pub(crate) async fn contents(w: &TestPlatform, name: &str) -> Vec<(String, String)> {
    let tenant = w.enter(name).await;
    let mut found = Vec::new();
    for model in ["items", "sheets", "slips"] {
        let all = ListQuery { select: Select { limit: 100, ..Select::default() }, ..ListQuery::default() };
        let page = w.platform.records(&tenant, model).unwrap().list(&all).await.unwrap();
        let text = format!("[{}]", String::from_utf8(page.items).unwrap());
        for row in serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap() {
            found.push((model.to_owned(), row["name"].as_str().unwrap().to_owned()));
        }
    }
    found
}

/// Returns [`ROWS`] in the form of [`contents`].
pub(crate) fn rows() -> Vec<(String, String)> {
    ROWS.iter().map(|(model, name)| ((*model).to_owned(), (*name).to_owned())).collect()
}

pub(crate) async fn query(w: &TestPlatform, sql: &str) -> Vec<SqlRow> {
    w.control.snapshot().await.unwrap().query(sql, &[]).await.unwrap()
}

pub(crate) async fn count(w: &TestPlatform, sql: &str) -> i64 {
    query(w, sql).await[0].integer(0).unwrap()
}

/// Changes the control store without the platform's verbs.
pub(crate) async fn execute(w: &TestPlatform, sql: &str) {
    w.catalog(sql).await;
}

/// Asserts that nothing is stuck, orphaned, half-made or doubled, whatever the operation was.
pub(crate) async fn whole(w: &TestPlatform) {
    in_order(w).await;
    assert_eq!(w.found().await, Vec::<String>::new(), "every database is its tenant's, with its schema");
}

/// Asserts the same as [`whole`], as far as possible without opening every database.
pub(crate) async fn in_order(w: &TestPlatform) {
    assert_eq!(w.unfinished().await, vec![], "stuck operations");
    for (what, sql) in [
        ("secret kept in the journal", "SELECT count(*) FROM operations WHERE data <> '{}'"),
        ("half-made tenant", "SELECT count(*) FROM tenants WHERE state = 'creating'"),
        ("half-made placement", "SELECT count(*) FROM placements WHERE state = 'planned'"),
        (
            "copy beside that nobody asked for",
            "SELECT count(*) FROM placements WHERE state = 'beside' AND physical NOT IN \
             (SELECT json_extract(value, '$.other.physical') FROM restores, json_each(places) \
              WHERE restores.state = 'beside')",
        ),
        (
            "placement without tenant",
            "SELECT count(*) FROM placements WHERE state <> 'gone' AND tenant NOT IN (SELECT id FROM tenants)",
        ),
    ] {
        assert_eq!(count(w, sql).await, 0, "{what}");
    }
    let names = "SELECT physical || iif(isolation = 'pooled', '.' || tenant, '') FROM placements \
        WHERE state <> 'gone' AND server NOT LIKE 'attached%'";
    let recorded: BTreeSet<_> = query(w, names).await.iter().map(|r| r.text(0).unwrap().to_owned()).collect();
    let recorded: Vec<_> = recorded.into_iter().collect();
    assert_eq!(recorded, w.databases().await, "databases of the catalog and databases that exist");
    let scratch = w.platform.config().platform.data_dir.join("scratch");
    assert!(fs::read_dir(scratch).map_or(0, Iterator::count) == 0, "scratch is not empty");
    let report = verify_audit(&w.control, &[]).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}

/// Returns the slug of the n-th tenant of a long run.
pub(crate) fn nth(n: u64) -> Slug {
    slug(&format!("tenant-{n}"))
}
