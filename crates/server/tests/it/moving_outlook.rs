//! Dry runs of moves: they report what a move would do, or why it would be refused, and change nothing.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use serde_json::{Value, json};
use tenantry::{config::Location, place::Isolation};
use tenantry_testkit::postgres::servers;
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// Requests the dry run of a move of `acme`.
async fn look(staff: &Client, verb: &str, wanted: &Value) -> Value {
    staff.post(&format!("/api/admin/tenants/acme/{verb}/check"), wanted).await.expect(200).json()
}

/// Starts the move, and waits until it is over.
async fn done(staff: &Client, verb: &str, wanted: &Value) -> Value {
    staff.post(&format!("/api/admin/tenants/acme/{verb}?wait=60"), wanted).await.expect(200).json()
}

/// Returns the kinds of all obstacles.
fn obstacles(outlook: &Value) -> Vec<&str> {
    let of_stores = outlook["stores"].as_array().unwrap().iter().map(|store| &store["obstacles"]);
    let all = of_stores.chain([&outlook["obstacles"]]).flat_map(|found| found.as_array().unwrap());
    all.map(|found| found["code"].as_str().unwrap()).collect()
}

/// Asserts that a dry run and the move itself are refused with the same code and text.
async fn refused_alike(staff: &Client, verb: &str, wanted: &Value, part: &str) {
    let outlook = look(staff, verb, wanted).await;
    assert_eq!(outlook["is_clear"], false, "{outlook}");
    let answer = staff.post(&format!("/api/admin/tenants/acme/{verb}?wait=60"), wanted).await;
    assert_ne!(answer.status.as_u16(), 202, "{}", answer.text());
    let said = answer.text();
    assert!(outlook.to_string().contains(part) && said.contains(part), "{outlook}\n{said}");
    if answer.status.as_u16() != 200 {
        assert_eq!(obstacles(&outlook), [&*answer.code()], "{outlook}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_moves_and_changes_nothing() {
    for url in &servers() {
        let app = TestApp::on_postgres(url, Isolation::Pooled).await;
        let (acme, staff) = (app.register("acme").await, app.staff().await);
        for name in ["Ada", "Ben"] {
            acme.post("/api/records/patients", &patient(name)).await.expect(201);
        }
        let state = async || {
            let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json()["placements"].clone();
            let operations = staff.get("/api/admin/operations").await.expect(200).json();
            let audit = staff.get("/api/admin/audit").await.expect(200).json();
            (shown, operations["items"].clone(), audit["items"][0].clone())
        };
        let before = state().await;
        for (wanted, isolation) in [
            (json!({"server": "postgres", "isolation": "schema"}), "schema"),
            (json!({"server": "postgres", "isolation": "database"}), "database"),
            (json!({"server": "main", "isolation": "database"}), "database"),
        ] {
            let outlook = look(&staff, "promote", &wanted).await;
            assert_eq!((&outlook["is_clear"], obstacles(&outlook).len()), (&json!(true), 0), "{outlook}");
            let store = &outlook["stores"][0];
            assert_eq!(store["from"]["isolation"], "pooled", "{outlook}");
            assert_eq!((&store["server"], &store["isolation"]), (&wanted["server"], &json!(isolation)));
            assert_eq!(store["rows"], 2, "{outlook}");
            assert!(store["bytes"].as_u64().unwrap() > 0 && outlook["file_bytes"] == 0, "{outlook}");
        }
        assert_eq!(state().await, before);
        staff.post("/api/admin/tenants/acme/demote/check", &json!({})).await.expect(409);
        staff.post("/api/admin/tenants/acme/move/check", &json!({"back": true})).await.expect(409);
        let lost = json!({"back": true, "lost": true});
        staff.post("/api/admin/tenants/acme/move/check", &lost).await.expect(422);
        let schema = json!({"server": "postgres", "isolation": "schema"});
        assert_eq!(done(&staff, "promote", &schema).await["state"], "done");
        // The move would replace the rows that are retained in the pool.
        let back = look(&staff, "move", &json!({"back": true})).await;
        assert_eq!((&back["is_clear"], &back["stores"][0]["isolation"]), (&json!(true), &json!("pooled")));
        assert_eq!(back["stores"][0]["replaces"][0]["generation"], 1, "{back}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_the_move_would_refuse() {
    let app = TestApp::on_postgres(&servers()[0], Isolation::Pooled).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
    let to_main = json!({"server": "main"});
    let operation = format!(
        "INSERT INTO operations (kind, what, tenant, state, cursor, data, by_actor, lease_owner, lease_until, \
         started_at, updated_at) SELECT 'move', 'move', id, 'running', 1, '{{}}', 'test', 'elsewhere', {0}, 1, 1 \
         FROM tenants WHERE slug = 'acme'",
        app.control().now_us() + 3_600_000_000
    );
    assert_eq!(app.catalog(&operation).await, 1);
    refused_alike(&staff, "promote", &to_main, "is working on this tenant").await;
    assert_eq!(app.catalog("DELETE FROM operations WHERE lease_owner = 'elsewhere'").await, 1);

    // The server has less room than the rows need.
    let mut config = app.platform().config().clone();
    for server in &mut config.servers {
        if let Location::Postgres(postgres) = &mut server.location {
            postgres.capacity = Some(1);
        }
    }
    let full = TestApp::at(config).await;
    let schema = json!({"server": "postgres", "isolation": "schema"});
    let staff_there = full.login("staff@platform.example").await;
    refused_alike(&staff_there, "promote", &schema, "0 bytes left").await;

    // A table with a row that no model declares.
    assert_eq!(done(&staff, "promote", &schema).await["state"], "done");
    let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json();
    let name = shown["placements"][0]["place"]["physical"].as_str().unwrap();
    let home = app.home();
    let (name, owner) = (format!("{}{name}", home.prefix()), home.name());
    let own = format!("SET ROLE {owner}; CREATE TABLE \"{name}\".leftover AS SELECT 1 AS id");
    home.administer_in(&home.name(), &own).await;
    refused_alike(&staff, "move", &to_main, "leftover").await;
}

/// Earlier versions took texts of any length into indexed fields, and SQLite has them still.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_names_a_text_that_is_too_long_for_an_index() {
    for url in &servers() {
        let app = TestApp::on_postgres(url, Isolation::Pooled).await;
        let (acme, staff) = (app.register("acme").await, app.staff().await);
        for name in ["Ada", "Ben"] {
            acme.post("/api/records/patients", &patient(name)).await.expect(201);
        }
        assert_eq!(done(&staff, "promote", &json!({"server": "main"})).await["state"], "done");
        let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json();
        let name = shown["placements"][0]["place"]["physical"].as_str().unwrap();
        let main = app.platform().config().server("main").unwrap();
        let Location::Sqlite(folder) = &main.location else { panic!("{main:?}") };
        let file = rusqlite::Connection::open(folder.join(format!("{name}.db"))).unwrap();
        let set = "UPDATE patients SET insurance_number = ?1 WHERE id = 2";
        assert_eq!(file.execute(set, ["9".repeat(2_401)]).unwrap(), 1);
        for isolation in ["database", "schema"] {
            let wanted = json!({"server": "postgres", "isolation": isolation});
            refused_alike(&staff, "move", &wanted, "patients.insurance_number of record 2").await;
        }
        refused_alike(&staff, "demote", &json!({}), "at most 2400 bytes").await;
        assert_eq!(file.execute(set, ["9".repeat(2_400)]).unwrap(), 1);
        let wanted = json!({"server": "postgres", "isolation": "schema"});
        assert_eq!(look(&staff, "move", &wanted).await["is_clear"], true, "{wanted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_that_a_server_is_away() {
    let version = VERSIONS[0];
    let mut cluster = Cluster::start(version, &postgres(version).unwrap()).unwrap();
    let app = TestApp::on_postgres(&cluster.url(), Isolation::Pooled).await;
    let (acme, staff) = (app.register("acme").await, app.staff().await);
    acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
    cluster.kill().unwrap();
    let from_there = look(&staff, "promote", &json!({"server": "main"})).await;
    assert_eq!(obstacles(&from_there), ["server_unreachable"], "{from_there}");
    assert_eq!(from_there["stores"][0]["rows"], Value::Null);
    cluster.start_again().unwrap();
    while acme.get("/api/records/patients/1").await.status.as_u16() != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(done(&staff, "promote", &json!({"server": "main"})).await["state"], "done");
    cluster.kill().unwrap();
    for wanted in [json!({"server": "postgres"}), json!({"back": true})] {
        refused_alike(&staff, "move", &wanted, "does not answer").await;
    }
}
