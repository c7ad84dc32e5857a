//! Purges: they also remove databases that were left behind, and backups as the policy demands, and nothing that the dry
//! run did not name.

use super::{
    backup::{back_up, newest},
    kit::{count, query, tenant, whole},
    lives::{close, purge},
    moves, restore,
};
use crate::test_platform::{TestPlatform, desk, slug};
use std::{collections::BTreeSet, path::Path};
use tenantry::{
    clock::DAY_US,
    purges::operation::{Fate, Survey},
};

async fn survey(w: &TestPlatform) -> Survey {
    w.platform.purges().survey(&slug("alpha")).await.unwrap()
}

/// Returns the number of files below `dir`.
fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).map(|all| all.map(|e| e.unwrap().path()).collect::<Vec<_>>());
    entries.unwrap_or_default().iter().map(|path| if path.is_dir() { files(path) } else { 1 }).sum()
}

#[tokio::test]
async fn what_moves_and_restores_left_behind_goes_too() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    back_up(&w, "alpha").await;
    moves::to_disk(&w).await.unwrap();
    restore::restore(&w).await.unwrap();
    close(&w, "alpha").await;
    let listed: Vec<_> = survey(&w).await.traces.into_iter().map(|trace| trace.what).collect();
    for role in ["kept after a swap", "a copy beside it"] {
        assert!(listed.iter().any(|what| what.contains(role)), "{role} in {listed:?}");
    }
    purge(&w, "alpha").await.unwrap();
    // Every existing database is in the catalog.
    whole(&w).await;
    assert_eq!(w.databases().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_dry_run_names_every_table_that_knows_the_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    let sql = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
        WHERE t.type = 'table' AND c.name = 'tenant' AND substr(t.name, 1, 1) <> '_'";
    let mut tables: BTreeSet<_> =
        query(&w, sql).await.iter().map(|r| r.text(0).unwrap().to_owned()).collect();
    assert!(tables.len() > 8, "{tables:?}");
    let named: BTreeSet<_> = survey(&w).await.traces.into_iter().map(|trace| trace.place).collect();
    // Backups are listed as contents of the store, not as rows.
    assert!(tables.remove("backups") && named.contains("the backup store"));
    tables.retain(|table| !named.contains(&format!("control: {table}")));
    assert_eq!(tables, BTreeSet::new(), "not named in {named:?}");
}

#[tokio::test]
async fn backups_go_with_the_tenant_when_the_policy_keeps_none() {
    let dir = tempfile::tempdir().unwrap();
    let w = desk(dir.path()).set("retention", "backups_days = 0").start().await;
    tenant(&w, "alpha").await;
    back_up(&w, "alpha").await;
    close(&w, "alpha").await;
    let told = survey(&w).await.traces.into_iter().find(|trace| trace.what == "backups").unwrap();
    assert_eq!((told.count, told.fate), (1, Fate::Removed));
    purge(&w, "alpha").await.unwrap();
    assert_eq!(count(&w, "SELECT count(*) FROM backups").await, 0);
    assert_eq!(files(&dir.path().join("data/backups")), 1, "only the certificate stays");
    whole(&w).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_backup_is_made_and_kept_for_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    close(&w, "alpha").await;
    purge(&w, "alpha").await.unwrap();
    let last = "SELECT count(*) FROM backups WHERE state = 'good' AND reason = 'final'";
    assert_eq!(count(&w, last).await, 1);
    let certificate = w.platform.purges().certificate("alpha").await.unwrap().detail;
    assert_eq!(certificate["final_backup"], newest(&w, "alpha").await.to_string());
    let days = i64::from(w.platform.config().retention.backups_days);
    w.control.clock().advance_us((days - 1) * DAY_US);
    w.pass().await;
    assert_eq!(count(&w, last).await, 1, "its time has not come");
    // An unreachable store does not block the rest of the pass.
    let (store, away) = (dir.path().join("data/backups"), dir.path().join("away"));
    std::fs::rename(&store, &away).unwrap();
    std::fs::write(&store, b"not a directory").unwrap();
    w.control.clock().advance_us(2 * DAY_US);
    tenant(&w, "beta").await;
    w.pass().await;
    assert_eq!(count(&w, last).await, 1);
    let seen = w.platform.backups().remembered_status().unwrap();
    assert_eq!(seen.tenants_without, 1, "how backups stand is still looked at");
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    w.pass().await;
    assert_eq!(count(&w, "SELECT count(*) FROM backups").await, 0);
    assert_eq!(files(&dir.path().join("data/backups")), 1, "only the certificate stays");
}
