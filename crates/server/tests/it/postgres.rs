//! Tenants and an unreachable PostgreSQL server: what fails, what continues, and what stays untouched.

use super::{app::TestApp, records::patient};
use serde_json::json;
use tenantry_server::http::Options;

/// A server that does not answer: there is no such socket.
const AWAY: &str = "[servers.main]\npath = \"databases\"\n\
    [servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://me@%2Fnowhere%2Fat-all/home\"\n\
    [servers.pg.replicas.east]\nurl = \"postgresql://me@%2Fnowhere%2Feast/home\"\n\
    [stores.control]\n[stores.shared]\n";

async fn app(store: &str) -> TestApp {
    TestApp::configured(
        &format!("{AWAY}[registration]\nplacement = \"first\"\n[stores.tenant]\n{store}"),
        Options::default(),
    )
    .await
}

#[tokio::test]
async fn a_server_that_is_away_stops_no_tenant_of_another() {
    let app = app("servers = [\"main\", \"pg\"]\n").await;
    let acme = app.register("acme").await;
    acme.post("/api/records/patients", &patient("before")).await.expect(201);
    let staff = app.staff().await;
    for wanted in [json!({"server": "pg"}), json!({"server": "pg", "isolation": "schema"})] {
        let refused = staff.post("/api/admin/tenants/acme/move?wait=30", &wanted).await.expect(503);
        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("server_unreachable", "5"));
    }
    let (path, schema) = ("/api/admin/tenants/acme/move", json!({"server": "main", "isolation": "schema"}));
    let refused = staff.post(path, &schema).await.expect(422).json();
    assert_eq!(refused["errors"][0]["field"], "isolation", "{refused}");
    let back = json!({"back": true, "isolation": "schema"});
    staff.post(path, &back).await.expect(422);
    acme.post("/api/records/patients", &patient("after")).await.expect(201);
    assert_eq!(acme.get("/api/records/patients?count=true").await.expect(200).json()["count"], 2);
    let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json();
    assert_eq!(shown["placements"][0]["place"]["server"], "main", "{shown}");
    let ready = app.anon().get("/readyz").await.expect(200).text();
    assert!(ready.contains("server pg does not answer"), "{ready}");
    let metrics = staff.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tenantry_server_reachable{server=\"pg\"} 0"), "{metrics}");
    for replica in ["follows", "reads_total", "skipped_total", "repeated_total"] {
        let line = format!("tenantry_replica_{replica}{{server=\"pg\",replica=\"east\"}} 0");
        assert!(metrics.contains(&line), "{metrics}");
    }
    staff.get("/api/admin/orphans").await.expect(200);
}

#[tokio::test]
async fn a_registration_on_a_server_that_is_away_leaves_nothing_behind() {
    for store in [
        "server = \"pg\"\n",
        "server = \"pg\"\nisolation = \"schema\"\n",
        "server = \"pg\"\nisolation = \"pooled\"\n",
    ] {
        let app = app(store).await;
        let form = json!({"company": "acme", "slug": "acme", "email": "owner@acme.example", "password": "correct horse 1"});
        for _ in 0..2 {
            let refused = app.anon().post("/api/register", &form).await;
            assert_eq!(
                (refused.status.as_u16(), refused.code().as_str()),
                (503, "server_unreachable"),
                "{}",
                refused.text()
            );
        }
        assert_eq!(app.catalog("DELETE FROM placements").await, 0, "{store}");
        let tenants = app.staff().await.get("/api/admin/tenants").await.expect(200).json();
        assert_eq!(tenants["items"].as_array().map(Vec::len), Some(0), "{tenants}");
    }
}

#[tokio::test]
async fn a_pool_whose_server_is_away_does_not_stop_the_platform() {
    let app = app("server = \"pg\"\nisolation = \"pooled\"\n").await;
    let ready = app.anon().get("/readyz").await.expect(200).text();
    assert!(ready.contains("store tenant (pg/tenant_pool): its server does not answer"), "{ready}");
    app.platform().reload().await.expect("the apps can be loaded again");
}
