//! Remains of a purged tenant on PostgreSQL: nothing in a dump of all databases of the server.

use super::{
    app::TestApp,
    ends::{closed, purge},
    records::patient,
};
use serde_json::json;
use std::{path::Path, process::Command};
use tenantry::place::Isolation;
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// Texts of the tenant's rows that occur nowhere else.
const CANARIES: [&str; 4] = ["Xylographer", "Quokkawool", "Zugzwangish", "Vexillologue"];

/// Returns the canaries in the dump of all databases, roles and large objects of the server.
fn dumped(cluster: &Cluster, programs: &Path) -> Vec<&'static str> {
    let url = cluster.url();
    // `pg_dumpall` asks for the password once for each database.
    let password = url.split(['@', ':']).nth(2).unwrap();
    let mut dump = Command::new(programs.join("pg_dumpall"));
    let dumped = dump.env("PGPASSWORD", password).arg("-d").arg(&url).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let text = String::from_utf8_lossy(&dumped.stdout);
    assert!(text.contains("PostgreSQL database cluster dump complete"));
    CANARIES.into_iter().filter(|canary| text.contains(canary)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_purged_tenant_is_in_the_dump_of_the_server() {
    for version in VERSIONS {
        let programs = postgres(version).unwrap();
        let cluster = Cluster::start(version, &programs).unwrap();
        for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
            let app = TestApp::all_on_postgres(&cluster.url(), isolation, None).await;
            let (staff, acme, rival) =
                (app.staff().await, app.register("acme").await, app.register("rival").await);
            rival.post("/api/records/patients", &patient("Dan")).await.expect(201);
            // Rows that stay until the end, that were changed, that were deleted, and that are in the recording of
            // changes.
            let [kept, before, after, gone] = CANARIES;
            acme.post("/api/records/patients", &patient(kept)).await.expect(201);
            for name in [before, gone] {
                acme.post("/api/records/patients", &patient(name)).await.expect(201);
            }
            acme.patch("/api/records/patients/2", &json!({"last_name": after})).await.expect(200);
            acme.delete("/api/records/patients/3").await.expect(204);
            // A key has a name that its owner chooses.
            acme.post("/api/tenant/keys", &json!({"name": kept, "role": "owner"})).await.expect(201);
            let found = dumped(&cluster, &programs);
            assert!(found.contains(&kept) && found.contains(&after), "{isolation:?}: {found:?}");
            // Retained databases of a move are part of the tenant.
            if isolation != Isolation::Database {
                let wanted = json!({"server": "postgres", "isolation": "database"});
                let moved = staff.post("/api/admin/tenants/acme/promote?wait=60", &wanted).await.expect(200);
                assert_eq!(moved.json()["state"], "done", "{}", moved.text());
            }
            let id = closed(&staff, "acme").await;
            let purged =
                purge(&staff, "acme", &json!({"confirm": "acme", "id": id})).await.expect(200).json();
            assert_eq!(purged["state"], "done", "{purged}");
            assert_eq!(dumped(&cluster, &programs), Vec::<&str>::new(), "{isolation:?} on {version}");
            assert_eq!(rival.get("/api/records/patients?count=true").await.expect(200).json()["count"], 1);
        }
    }
}
