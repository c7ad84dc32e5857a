//! Shared rows, and tenants' rows that refer to them: the first request wins, and no row is ever left with a reference
//! to a deleted row.

use super::{
    app::{Answer, Client, TestApp},
    records::patient,
};
use http::Method;
use serde_json::{Value, json};
use tenantry_server::http::Options;
use tenantry_testkit::{Settings, dose, tried};

async fn setting(isolation: &str) -> (TestApp, Client, Client) {
    setting_with(isolation, "").await
}

async fn setting_with(isolation: &str, more: &str) -> (TestApp, Client, Client) {
    let settings = Settings::default().isolation(isolation).free_plan().with(more);
    let app = TestApp::configured(&settings, Options::default()).await;
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    let acme = app.register("acme").await;
    acme.post("/api/records/patients", &patient("Ash")).await.expect(201);
    (app, staff, acme)
}

async fn city(staff: &Client, n: u64) -> u64 {
    let row = json!({"name": format!("City {n}"), "region": 1});
    staff.post("/api/records/cities", &row).await.expect(201).json()["id"].as_u64().unwrap()
}

fn of_city(city: u64) -> Value {
    let mut row = patient("Elm");
    row["city"] = json!(city);
    row
}

/// Makes a tenant's row refer to a city, in one of several ways.
async fn refer(client: &Client, way: u64, city: u64) -> Answer {
    match way % 4 {
        0 => client.post("/api/records/patients", &of_city(city)).await,
        1 => client.patch("/api/records/patients/1", &json!({"city": city})).await,
        2 => client.post("/api/records/patients/batch", &json!([patient("Oak"), of_city(city)])).await,
        _ => {
            let csv = format!("first_name,last_name,born_on,city\nA,B,1990-01-01,{city}\n");
            client.send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv).await
        }
    }
}

/// Deletes the city while a tenant begins to refer to it. Returns how often the city was deleted and how often it
/// stayed.
async fn race(staff: &Client, member: &Client, rounds: u64) -> [u64; 2] {
    let mut ended = [0; 2];
    for n in 0..rounds {
        let id = city(staff, n).await;
        let (deleter, path) = (staff.clone(), format!("/api/records/cities/{id}"));
        let deleting = tokio::spawn(async move {
            // Vary which of the two comes first.
            for _ in 0..n % 7 {
                tokio::task::yield_now().await;
            }
            deleter.delete(&path).await
        });
        let referred = refer(member, n, id).await;
        let deleted = deleting.await.unwrap();
        let held =
            member.get(&format!("/api/records/patients?city={id}&count=true&limit=1")).await.expect(200);
        let held = held.json()["count"].as_u64().unwrap();
        match deleted.status.as_u16() {
            204 => assert_eq!(held, 0, "round {n}: {} refers to a city that is gone", referred.text()),
            409 => assert!(held > 0, "round {n}: {}", deleted.text()),
            other => panic!("{other}: {}", deleted.text()),
        }
        ended[usize::from(deleted.status == 409)] += 1;
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shared_row_is_gone_or_referred_to_and_never_both() {
    let mut all = [0; 2];
    for isolation in ["database", "pooled"] {
        let (_app, staff, acme) = setting(isolation).await;
        let ended = race(&staff, &acme, dose(60, 3_000)).await;
        all = [all[0] + ended[0], all[1] + ended[1]];
    }
    assert!(all.iter().all(|n| *n > 0), "only one of them is ever first: {all:?}");
    tried("deletes beside new references", all[0] + all[1], &format!("{} gone, {} kept", all[0], all[1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_server_refers_to_nothing_that_the_first_one_deletes() {
    let (app, staff, acme) = setting("database").await;
    let member = app.beside().await.anon().with_token(acme.token());
    let ended = race(&staff, &member, dose(60, 3_000)).await;
    tried(
        "deletes beside new references with two servers",
        ended[0] + ended[1],
        &format!("{} gone, {} kept", ended[0], ended[1]),
    );
}

/// A tenant whose database cannot be read may refer to the row, so the row stays.
#[tokio::test]
async fn while_a_company_cannot_be_asked_a_shared_row_stays() {
    let (app, staff, acme) = setting("database").await;
    let rival = app.register("rival").await;
    let id = city(&staff, 1).await;
    // The row also stays if another tenant refers to it.
    rival.post("/api/records/patients", &of_city(id)).await.expect(201);
    staff.delete(&format!("/api/records/cities/{id}")).await.expect(409);
    rival.patch("/api/records/patients/1", &json!({"city": null})).await.expect(200);
    acme.post("/api/records/patients", &of_city(id)).await.expect(201);
    let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json();
    let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap();
    app.platform().shutdown().await;
    let file = app.platform().config().servers[0].path().unwrap().join(format!("{physical}.db"));
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    let refused = staff.delete(&format!("/api/records/cities/{id}")).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(!refused.text().contains("acme"), "whose it is is nobody's business: {}", refused.text());
    std::fs::rename(&aside, &file).unwrap();
    staff.delete(&format!("/api/records/cities/{id}")).await.expect(409);
    acme.patch("/api/records/patients/2", &json!({"city": null})).await.expect(200);
    staff.delete(&format!("/api/records/cities/{id}")).await.expect(204);
}

/// `poisoned-connection`: a client that disconnects in the middle of deleting a shared row leaves no row that cannot be
/// deleted or referred to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_is_left_midway_leaves_the_row_as_it_was_or_gone() {
    let (app, staff, acme) = setting("database").await;
    let member = app.beside().await.anon().with_token(acme.token());
    for polls in 0..12 {
        let id = city(&staff, polls).await;
        let path = format!("/api/records/cities/{id}");
        super::gone::drop_after(staff.delete(&path), u32::try_from(polls).unwrap()).await;
        let mut referred = vec![];
        for client in [&acme, &member] {
            referred.push(client.post("/api/records/patients", &of_city(id)).await.status == 201);
        }
        assert_eq!(referred[0], referred[1], "it stays for both, or goes for both");
        let began = std::time::Instant::now();
        while staff.get(&path).await.status.is_success() != referred[0] {
            assert!(
                began.elapsed().as_secs() < 30,
                "{polls}: nobody may refer to it, and it is there for ever"
            );
            tokio::task::yield_now().await;
        }
        let held = acme.get(&format!("/api/records/patients?city={id}")).await.expect(200).json();
        let still: Vec<_> = held["items"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        for row in &still {
            acme.patch(&format!("/api/records/patients/{row}"), &json!({"city": null})).await.expect(200);
        }
        let over = staff.delete(&path).await;
        assert_eq!(over.status, if still.is_empty() { 404 } else { 204 }, "{polls}: {}", over.text());
    }
}

/// A write of another process may be between its last check and its commit while the tenant is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_under_way_is_over_before_a_shared_row_is_deleted() {
    let (app, staff, _acme) = setting("database").await;
    let id = city(&staff, 1).await;
    let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json();
    let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap();
    let file = app.platform().config().servers[0].path().unwrap().join(format!("{physical}.db"));
    let writer = rusqlite::Connection::open(file).unwrap();
    writer.execute_batch(&format!("BEGIN IMMEDIATE; UPDATE patients SET city = {id} WHERE id = 1")).unwrap();
    let (deleter, path) = (staff.clone(), format!("/api/records/cities/{id}"));
    let deleting = tokio::spawn(async move { deleter.delete(&path).await });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!deleting.is_finished(), "it decides although a write has begun");
    writer.execute_batch("COMMIT").unwrap();
    deleting.await.unwrap().expect(409);
}

/// Marks a city as leaving, like a worker that is deleting it.
async fn leaves(app: &TestApp, city: u64, until_us: i64) {
    let mut write = tenantry::internals::control(app.platform()).begin().await.unwrap();
    let owner = "another-host/pid:[1]/1@5#0";
    let sql = format!(
        "INSERT INTO leaving (model, record, owner, until) VALUES ('cities', '{city}', '{owner}', {until_us})"
    );
    write.execute(&sql, &[]).await.unwrap();
    write.execute("INSERT INTO invalidations (kind, key) VALUES ('leaving', 'cities')", &[]).await.unwrap();
    write.commit_unaudited().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_of_another_server_is_awaited_and_one_that_died_is_resolved() {
    let (app, staff, acme) = setting_with("database", "[operations]\nwrite_wait = \"300 ms\"\n").await;
    let ids = [city(&staff, 1).await, city(&staff, 2).await, city(&staff, 3).await];
    let now = app.platform().now_us();
    leaves(&app, ids[0], now + 40_000_000).await;
    let refused = acme.post("/api/records/patients", &of_city(ids[0])).await;
    assert_eq!(refused.status, 503, "its outcome is not known: {}", refused.text());
    acme.post("/api/records/patients", &of_city(ids[1])).await.expect(201);
    leaves(&app, ids[2], now - 1).await;
    acme.post("/api/records/patients", &of_city(ids[2])).await.expect(201);
    let free = city(&staff, 4).await;
    leaves(&app, free, now - 1).await;
    staff.delete(&format!("/api/records/cities/{free}")).await.expect(204);
    acme.post("/api/records/patients", &of_city(free)).await.expect(422);
}
