//! Owners join their tables with shared data in SQL, over HTTP and on the command line.

use super::app::{Client, TestApp};
use serde_json::{Value, json};
use tenantry::{
    access::Operator,
    config::{Config, Scope},
    name::{ServerName, Slug, StoreName},
    place::Isolation,
};
use tenantry_testkit::postgres::servers;

const JOIN: &str = "SELECT h.name, c.name AS city, r.code FROM hospitals h \
    JOIN cities c ON c.id = h.city JOIN regions r ON r.id = c.region ORDER BY 1";

/// A shared model that members may not read.
const DEALS: &str = "store = \"shared\"\n[fields.price]\ntype = \"integer\"\n[permissions]\nread = [\"admin\", \"platform\"]\n";

/// Makes shared rows, and a hospital of the owner.
async fn fill(app: &TestApp, owner: &Client) -> Client {
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Mills", "region": 1})).await.expect(201);
    owner.post("/api/records/hospitals", &json!({"name": "St. Ash", "city": 1})).await.expect(201);
    staff
}

async fn rows(owner: &Client, text: &str) -> Value {
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

/// Does what `tenantry check` says.
async fn allow(app: &TestApp) {
    for notice in app.platform().unjoinable().await.unwrap() {
        let (place, remedy) = notice.split_once(": ").unwrap();
        app.home().administer_in(place.rsplit_once(' ').unwrap().1, remedy).await;
    }
}

async fn done(staff: &Client, path: &str, form: &Value) {
    let ended = staff.post(&format!("/api/admin/tenants/{path}?wait=60"), form).await;
    assert_eq!(ended.json()["state"], "done", "{path} {form}: {}", ended.text());
}

/// Returns the configuration of an app, with files as another place for tenants.
fn with_files(app: &TestApp) -> Config {
    let mut config = app.platform().config().clone();
    for store in config.stores.iter_mut().filter(|store| store.scope == Scope::Tenant) {
        store.servers.push(ServerName::parse("main").unwrap());
    }
    config
}

/// One statement, before and after everything that gives a tenant another database or another name.
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
