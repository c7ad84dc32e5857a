//! `tenantry demo --app fbs`: a solution in its own database, and one in the pool.

use super::binary::{TestBinary, launch, tenantry};
use serde_json::Value;
use std::path::Path;

fn start(dir: &Path) -> TestBinary {
    let mut command = tenantry(dir);
    command.args(["demo", "--app", "fbs", "--listen", "127.0.0.1:0"]);
    launch(command)
}

fn documents(demo: &TestBinary, owner: &str) -> Vec<String> {
    let token = demo.log_in(owner);
    let (status, found) = demo.ask("GET", "/api/records/documents?sort=id", &token, None);
    assert_eq!(status, 200, "{found}");
    let items = found["items"].as_array().unwrap().iter();
    items.map(|item: &Value| item["number"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_demo_shows_an_attached_and_a_pooled_solution() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let demo = start(dir.path());
        demo.said("Stop it");
        let acme = documents(&demo, "owner@acme-corp.example");
        assert_eq!((acme.len(), acme[0].as_str()), (5, "AC-2026-001"));
        let globex = documents(&demo, "owner@globex.example");
        assert_eq!((globex.len(), globex[0].as_str()), (3, "GX-1"));
        let staff = demo.log_in("admin@tenantry.example");
        let (_, listed) = demo.ask("GET", "/api/admin/attachments", &staff, None);
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{listed}");
        assert_eq!((&items[0]["tenant"], &items[0]["health"]), (&"acme_corp".into(), &"ok".into()));
        let address = items[0]["address"].as_str().unwrap();
        assert!(address.ends_with("djo_acme_corp_db.db") && Path::new(address).exists(), "{address}");
    }
}
