//! Migration runs and operations never use the same database at once (`two-workers` and `half-migrated-fleet`).

use super::kit::{count, execute, query, tenant, whole};
use crate::test_platform::{TestPlatform, by, operator, placement, registration, slug};
use tenantry::{migrations::fleet::Options, tenants::provision::CreateTenant, topology::Policy};

async fn behind(dir: &std::path::Path) -> TestPlatform {
    let w = TestPlatform::open(dir).await.with_plans().await;
    let bare = CreateTenant {
        placements: vec![placement("alpha", "tenant", Policy::Managed)],
        ..registration("alpha")
    };
    w.operations.create_tenant(&by(), bare).await.unwrap();
    tenant(&w, "beta").await;
    execute(&w, "UPDATE placements SET schema_version = 'before' WHERE store = 'tenant'").await;
    w
}

/// Runs a migration over all tenants while an operation on alpha takes `ms` milliseconds; returns the numbers migrated
/// and the busy tenants.
async fn run_beside(w: &TestPlatform, ms: u32) -> (u64, Vec<String>) {
    w.operations.faults().arm(&format!("provision:databases:before:wait-{ms}"));
    let operations = w.operations.clone();
    let papers = vec![placement("alpha", "papers", Policy::Managed)];
    let work = tokio::spawn(async move { operations.create_databases(&by(), &slug("alpha"), papers).await });
    while w.operations.faults().waiting() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let reports =
        w.platform.migrations().run(&operator(), None, Options::default(), |_, _| {}).await.unwrap();
    work.await.unwrap().unwrap();
    let (_, report) = reports.into_iter().find(|(store, _)| store.as_str() == "tenant").unwrap();
    assert!(report.failed.iter().all(tenantry::migrations::fleet::Outcome::is_busy), "{report:?}");
    (report.migrated, report.failed.iter().map(|outcome| outcome.target.slug.to_string()).collect())
}

#[tokio::test]
async fn a_run_waits_for_a_short_operation_and_names_who_ran_it() {
    let dir = tempfile::tempdir().unwrap();
    let w = behind(dir.path()).await;
    assert_eq!(run_beside(&w, 600).await, (2, vec![]));
    let actors = query(&w, "SELECT DISTINCT actor FROM audit WHERE action = 'tenants.migrate'").await;
    assert_eq!(actors.len(), 1);
    assert_eq!(actors[0].text(0).unwrap(), "cli:test");
    assert_eq!(count(&w, "SELECT count(*) FROM migrating").await, 0, "claims are given back");
    whole(&w).await;
}

#[tokio::test]
async fn a_run_passes_a_long_operation_by_and_the_next_run_has_only_that_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let w = behind(dir.path()).await;
    assert_eq!(run_beside(&w, 4_000).await, (1, vec!["alpha".into()]));
    let next = w.platform.migrations().run(&operator(), None, Options::default(), |_, _| {}).await.unwrap();
    let (_, report) = next.into_iter().find(|(store, _)| store.as_str() == "tenant").unwrap();
    assert_eq!((report.total, report.migrated, report.is_clean()), (1, 1, true));
    whole(&w).await;
}

#[tokio::test]
async fn an_operation_is_refused_while_a_run_has_the_database_or_its_pool_in_hand() {
    let dir = tempfile::tempdir().unwrap();
    let w = behind(dir.path()).await;
    let papers = || vec![placement("alpha", "papers", Policy::Managed)];
    let mut refused = 0;
    // A lease longer than any run takes comes from a wrong clock and blocks nothing.
    let soon = w.control.now_us() + 20_000_000;
    for (key, until, free) in [
        ("tenant:1", soon, false),
        ("tenant:2", soon, true),
        ("pool:main/notes_pool", soon, true),
        ("tenant:1", 5, true),
    ] {
        execute(&w, "DELETE FROM migrating").await;
        execute(&w, &format!("INSERT INTO migrating VALUES ('{key}', 'a run', {until})")).await;
        match w.operations.create_databases(&by(), &slug("alpha"), papers()).await {
            Ok(_) => assert!(free, "{key}"),
            Err(error) => {
                assert!(!free && error.public_title().contains("a migration run"), "{key}: {error}");
                refused += 1;
            }
        }
        if free {
            break;
        }
    }
    assert_eq!(refused, 1);
    // Beta is in the pool and alpha is not, so only operations on beta are refused.
    execute(&w, &format!("UPDATE migrating SET key = 'pool:main/notes_pool', until = {soon}")).await;
    execute(&w, "UPDATE placements SET state = 'kept', until = 0 WHERE tenant = 2 AND store = 'papers'")
        .await;
    let again = vec![placement("beta", "papers", Policy::Managed)];
    let error = w.operations.create_databases(&by(), &slug("beta"), again).await.unwrap_err();
    assert_eq!(error.code(), "conflict", "{error}");
}
