//! Another process moves a large tenant into the pool while the pool's other tenants work.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use axum::http::Method;
use rusqlite::{Connection, OpenFlags};
use std::{fs, path::PathBuf, process::Command};
use tenantry::name::Slug;
use tenantry_server::http::Options;

const CONFIG: &str = "[servers.main]\npath = \"databases\"\n";
/// Number of rows; enough for many batches.
const ROWS: usize = 6_000;

/// Returns the database with the tenant's rows.
async fn file(app: &TestApp, slug: &str) -> PathBuf {
    let shown = app.platform().tenants().show(&Slug::parse(slug).unwrap()).await.unwrap();
    let place = &shown.placements[0].place;
    app.platform()
        .config()
        .server(place.server.as_str())
        .unwrap()
        .path()
        .unwrap()
        .join(format!("{}.db", place.physical))
}

/// Returns the move that has rows in the pool and has not finished.
fn filling(pool: &Connection) -> Option<i64> {
    let sql = "SELECT min(holder) FROM _tenantry_place WHERE state = 'filling'";
    pool.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn rows(pool: &Connection) -> i64 {
    pool.query_row("SELECT count(*) FROM patients", [], |row| row.get(0)).unwrap()
}

async fn count(client: &Client) -> usize {
    let page = client.get("/api/records/patients?limit=1&count=true").await.expect(200).json();
    usize::try_from(page["count"].as_i64().unwrap_or_else(|| panic!("{page}"))).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_in_the_pool_write_between_the_first_and_the_last_row_of_a_demote() {
    let app = TestApp::configured(CONFIG, Options::default()).await;
    let (acme, rival, staff) = (app.register("acme").await, app.register("rival").await, app.staff().await);
    let mut csv = String::from("first_name,last_name,born_on\n");
    (0..ROWS).for_each(|n| csv.push_str(&format!("Ann,Number {n},1990-01-01\n")));
    let import = "/api/records/patients/import";
    acme.send(Method::POST, import, Some("text/csv"), csv).await.expect(200);
    let demote = "/api/admin/tenants/rival/demote?wait=60";
    assert_eq!(staff.post(demote, &serde_json::json!({})).await.expect(200).json()["state"], "done");
    let pool =
        Connection::open_with_flags(file(&app, "rival").await, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let dir = app.platform().config().platform.data_dir.parent().unwrap().to_owned();
    fs::write(dir.join("tenantry.toml"), CONFIG).unwrap();
    let mut mover = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    mover
        .current_dir(&dir)
        .args(["tenant", "demote", "acme"])
        .env_remove("TENANTRY_CONFIG")
        .env_remove("TENANTRY_DATA");
    let mover = tokio::task::spawn_blocking(move || mover.output().unwrap());

    let (mut written, mut between, mut seen) = (0, 0, std::collections::BTreeSet::new());
    while !mover.is_finished() {
        let before = filling(&pool);
        let made = rival.post("/api/records/patients", &patient("Neighbour")).await;
        if made.status == 429 {
            // Wait, because the plan's rate limit is reached.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        }
        made.expect(201);
        written += 1;
        if before.is_some() && filling(&pool) == before {
            between += 1;
            seen.insert(rows(&pool) - i64::try_from(written).unwrap());
        }
    }
    let mover = mover.await.unwrap();
    assert!(mover.status.success(), "{}", String::from_utf8_lossy(&mover.stderr));
    println!(
        "{written} writes of a neighbour, {between} of them between two batches, at {} states",
        seen.len()
    );
    assert!(between >= 3 && seen.len() >= 2, "{between} of {written} writes, {seen:?}");
    assert_eq!((filling(&pool), count(&acme).await, count(&rival).await), (None, ROWS, written));
}
