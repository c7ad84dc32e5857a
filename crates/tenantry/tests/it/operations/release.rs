//! Scenarios that remove a database which a swap left behind.

use super::{
    Scenario, fresh,
    kit::{count, execute, tenant, whole},
};
use crate::test_platform::{TestPlatform, by, registration, slug, stores};
use tenantry::{Result, name::TenantId};

pub(super) const KEPT_DATABASE: Scenario = Scenario {
    name: "kept_database",
    kind: "release",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            keep_papers(w).await;
        })
    },
    run: |w| Box::pin(release(w)),
    finished: |w| {
        Box::pin(async {
            whole(w).await;
            let states = ["kept", "gone"].map(|state| {
                format!("SELECT count(*) FROM placements WHERE store = 'papers' AND state = '{state}'")
            });
            let audited = count(w, "SELECT count(*) FROM audit WHERE action = 'tenant.release'").await;
            match [count(w, &states[0]).await, count(w, &states[1]).await, audited] {
                [0, 1, 1] => true,
                [1, 0, 0] => false,
                other => panic!("half-released: {other:?}"),
            }
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            if count(w, "SELECT count(*) FROM tenants").await == 0 {
                w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
            }
            w.operations.create_databases(&by(), &slug("alpha"), stores("alpha")).await.unwrap();
            keep_papers(w).await;
            release(w).await.unwrap();
        })
    },
};

/// Marks the papers as a swap would: out of use, to be removed at once.
async fn keep_papers(w: &TestPlatform) {
    let sql = "UPDATE placements SET state = 'kept', until = 0 WHERE store = 'papers' AND state = 'ready'";
    execute(w, sql).await;
}

async fn release(w: &TestPlatform) -> Result<()> {
    let mut kept = w.operations.retained(TenantId::from_raw(1)).await?;
    w.operations.release(&by(), kept.remove(0).place).await
}

/// State after a process was killed between two files of the database.
#[tokio::test]
async fn what_a_killed_removal_left_of_the_files_goes_too() {
    let (_dir, w) = fresh(&KEPT_DATABASE).await;
    let place = w.operations.retained(TenantId::from_raw(1)).await.unwrap().remove(0).place;
    let server = w.platform.config().servers.iter().find(|server| server.name == place.server).unwrap();
    let main = server.path().unwrap().join(format!("{}.db", place.physical));
    std::fs::rename(&main, main.with_extension("db-wal")).unwrap();
    release(&w).await.unwrap();
    whole(&w).await;
}
