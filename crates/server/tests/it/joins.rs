//! Owners join their tables with shared data in SQL, over HTTP and on the command line.

use super::{
    app::{Client, TestApp},
    ends::{closed, purge},
    postgres_control::until_good,
};
use serde_json::{Value, json};
use tenantry::{
    access::Operator,
    backups::system::restore_system,
    config::{Config, Scope},
    name::{ServerName, Slug, StoreName},
    place::Isolation,
};
use tenantry_testkit::postgres::{Home, servers};

pub(crate) const JOIN: &str = "SELECT h.name, c.name AS city, r.code FROM hospitals h \
    JOIN cities c ON c.id = h.city JOIN regions r ON r.id = c.region ORDER BY 1";

/// A shared model that members may not read.
const DEALS: &str = "store = \"shared\"\n[fields.price]\ntype = \"integer\"\n[permissions]\nread = [\"admin\", \"platform\"]\n";

/// Creates shared rows, and a hospital of the owner.
pub(crate) async fn fill(app: &TestApp, owner: &Client) -> Client {
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Mills", "region": 1})).await.expect(201);
    owner.post("/api/records/hospitals", &json!({"name": "St. Ash", "city": 1})).await.expect(201);
    staff
}

pub(crate) async fn rows(owner: &Client, text: &str) -> Value {
    owner.post("/api/tenant/sql", &json!({"sql": text})).await.expect(200).json()["rows"].clone()
}

/// Returns the message of a refused statement.
async fn refusal(owner: &Client, text: &str) -> String {
    let refused = owner.post("/api/tenant/sql", &json!({"sql": text})).await;
    assert!(refused.status.is_client_error(), "{text}: {}", refused.text());
    refused.text()
}

#[tokio::test]
async fn an_owner_joins_shared_data_that_members_may_read() {
    let app = TestApp::with_own("deals", DEALS, "[stores.control]\n[stores.shared]\n[stores.tenant]\n").await;
    let owner = app.register("acme").await;
    let staff = fill(&app, &owner).await;
    staff.post("/api/records/deals", &json!({"price": 4711})).await.expect(201);
    assert_eq!(rows(&owner, JOIN).await, json!([["St. Ash", "Mills", "N"]]));
    for text in [
        "SELECT price FROM deals",
        "SELECT count(*) FROM cities, deals",
        "SELECT * FROM tenants",
        "SELECT * FROM users, cities",
    ] {
        assert!(!refusal(&owner, text).await.contains("4711"), "{text}");
    }
    let (by, slug, store) =
        (Operator::new("system"), Slug::parse("acme").unwrap(), StoreName::parse("tenant").unwrap());
    let seen = app.platform().statements().on_tenant(&by, &slug, &store, JOIN).await.unwrap();
    assert_eq!(json!(seen.rows), json!([["St. Ash", "Mills", "N"]]));
}

#[tokio::test]
async fn an_owner_joins_shared_data_on_postgresql() {
    for server in servers() {
        for isolation in [Isolation::Database, Isolation::Schema] {
            let app = TestApp::all_on_postgres(&server, isolation, None).await;
            let owner = app.register("acme").await;
            fill(&app, &owner).await;
            let why = refusal(&owner, JOIN).await;
            assert!(why.contains("postgres_fdw"), "{isolation:?}: {why}");
            assert_eq!(rows(&owner, "SELECT count(*) FROM hospitals").await, json!([[1]]));
            let lacking = app.platform().unjoinable().await.unwrap();
            let [notice] = &lacking[..] else { panic!("{lacking:?}") };
            assert!(notice.contains("GRANT USAGE ON FOREIGN DATA WRAPPER"), "{notice}");
            allow(&app).await;
            assert_eq!(rows(&owner, JOIN).await, json!([["St. Ash", "Mills", "N"]]), "{isolation:?}");
            assert!(app.platform().unjoinable().await.unwrap().is_empty(), "{isolation:?}");
        }
    }
}

/// Follows every notice of `tenantry check`.
pub(crate) async fn allow(app: &TestApp) {
    for notice in app.platform().unjoinable().await.unwrap() {
        follow(app.home(), &notice).await;
    }
}

/// Follows one notice of `tenantry check`.
pub(crate) async fn follow(home: &Home, notice: &str) {
    let (_, places) = notice.split_once("run as a superuser in ").unwrap();
    let (places, remedy) = places.split_once(": ").unwrap();
    for database in places.split(", ") {
        home.administer_in(database, remedy).await;
    }
}

async fn done(staff: &Client, path: &str, form: &Value) {
    let ended = staff.post(&format!("/api/admin/tenants/{path}?wait=60"), form).await;
    assert_eq!(ended.json()["state"], "done", "{path} {form}: {}", ended.text());
}

/// Returns the configuration of an app, with files as another server for tenants.
fn with_files(app: &TestApp) -> Config {
    let mut config = app.platform().config().clone();
    for store in config.stores.iter_mut().filter(|store| store.scope == Scope::Tenant) {
        store.servers.push(ServerName::parse("main").unwrap());
    }
    config
}

/// Runs one statement before and after everything that gives a tenant another database or another name.
#[tokio::test]
async fn joins_follow_a_tenant_that_moves() {
    for server in servers() {
        let home = TestApp::all_on_postgres(&server, Isolation::Database, None).await;
        let app = TestApp::at(with_files(&home)).await;
        let owner = app.register("acme").await;
        let staff = fill(&app, &owner).await;
        let expected = json!([["St. Ash", "Mills", "N"]]);
        allow(&home).await;
        assert_eq!(rows(&owner, JOIN).await, expected);
        done(&staff, "acme/move", &json!({"server": "postgres", "isolation": "schema"})).await;
        allow(&home).await;
        assert_eq!(rows(&owner, JOIN).await, expected);
        done(&staff, "acme/move", &json!({"server": "main"})).await;
        let why = refusal(&owner, JOIN).await;
        assert!(why.contains("this tenant's tables are in SQLite"), "{why}");
        done(&staff, "acme/move", &json!({"back": true})).await;
        assert_eq!(rows(&owner, JOIN).await, expected);
        done(&staff, "acme/backups", &json!({})).await;
        let backups = staff.get("/api/admin/tenants/acme/backups").await.expect(200).json();
        let newest = backups["items"][0]["id"].clone();
        done(&staff, "acme/restore", &json!({"backup": newest})).await;
        done(&staff, "acme/restore/swap", &json!({})).await;
        assert_eq!(rows(&owner, JOIN).await, expected);
        staff.post("/api/admin/tenants/acme/rename", &json!({"slug": "ashes"})).await.expect(200);
        assert_eq!(rows(&owner, JOIN).await, expected);
    }
}

/// The platform's own stores are restored to an earlier state, and the views in the tenants' databases show that state.
#[tokio::test]
async fn joins_show_a_restored_store() {
    for server in servers() {
        for isolation in [Isolation::Database, Isolation::Schema] {
            let app = TestApp::all_on_postgres(&server, isolation, None).await;
            let owner = app.register("acme").await;
            let staff = fill(&app, &owner).await;
            allow(&app).await;
            let expected = json!([["St. Ash", "Mills", "N"]]);
            assert_eq!(rows(&owner, JOIN).await, expected, "{isolation:?}");
            let by = Operator::new("system");
            let id = app.platform().backups().start_system(&by).await.unwrap().backup;
            until_good(&app, &id).await;
            staff.patch("/api/records/cities/1", &json!({"name": "Renamed"})).await.expect(200);
            assert_eq!(rows(&owner, JOIN).await, json!([["St. Ash", "Renamed", "N"]]), "{isolation:?}");
            drop((owner, staff));
            let (config, _dir, _home) = app.end().await;
            restore_system(config.clone(), &by, Some(id)).await.unwrap();
            let after = TestApp::at(config).await;
            let owner = after.login("owner@acme.example").await;
            assert_eq!(rows(&owner, JOIN).await, expected, "{isolation:?}");
            let staff = after.login("staff@platform.example").await;
            staff.patch("/api/records/cities/1", &json!({"name": "Again"})).await.expect(200);
            assert_eq!(rows(&owner, JOIN).await, json!([["St. Ash", "Again", "N"]]), "{isolation:?}");
        }
    }
}

/// A tenant with joins leaves nothing on the server, and the other tenants continue.
#[tokio::test]
async fn a_purged_tenant_leaves_no_views() {
    for server in servers() {
        for isolation in [Isolation::Database, Isolation::Schema] {
            let app = TestApp::all_on_postgres(&server, isolation, None).await;
            let (owner, rival) = (app.register("acme").await, app.register("rival").await);
            let staff = fill(&app, &owner).await;
            let hospital = json!({"name": "St. Birch", "city": 1});
            rival.post("/api/records/hospitals", &hospital).await.expect(201);
            allow(&app).await;
            let expected = json!([["St. Birch", "Mills", "N"]]);
            assert_eq!(rows(&rival, JOIN).await, expected, "{isolation:?}");
            let before = app.home().leftovers().await;
            assert_eq!(rows(&owner, JOIN).await, json!([["St. Ash", "Mills", "N"]]), "{isolation:?}");
            let place = staff.get("/api/admin/tenants/acme").await.expect(200).json();
            let physical = place["placements"][0]["place"]["physical"].as_str().unwrap().to_owned();
            let id = closed(&staff, "acme").await;
            let body = json!({"confirm": "acme", "id": id});
            let purged = purge(&staff, "acme", &body).await.expect(200).json();
            assert_eq!(purged["state"], "done", "{purged}");
            let left = app.home().leftovers().await;
            assert!(
                left.iter().all(|name| before.contains(name)),
                "{isolation:?}: {before:?}, then {left:?}"
            );
            assert!(!left.iter().any(|name| name.contains(&physical)), "{isolation:?}: {left:?}");
            assert_eq!(rows(&rival, JOIN).await, expected, "{isolation:?}");
        }
    }
}
