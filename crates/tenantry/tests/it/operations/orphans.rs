//! Files without a placement and placements without a file are found; only files that are certain to be removable are
//! removed.

use super::kit::{count, execute, tenant};
use crate::test_platform::{TestPlatform, desk};
use std::{fs, time::Duration};
use tenantry::{Orphan, clock::DAY_US};

/// Advances the clock by this many days.
async fn days_later(w: &TestPlatform, days: i64) {
    w.control.clock().advance_us(days * DAY_US);
}

async fn told(w: &TestPlatform) -> Vec<String> {
    w.platform.orphans().list().await.unwrap().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_has_no_counterpart_is_found_on_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    w.platform.shutdown().await;
    fs::write(w.root.join("nonsense.db"), "hello").unwrap();
    fs::write(w.root.join("lost_9.db-wal"), "").unwrap();
    fs::copy(w.root.join("tenant_alpha_1.db"), w.root.join("tenant_alpha_7.db")).unwrap();
    fs::remove_file(w.root.join("papers_alpha_1.db")).unwrap();
    let fresh = told(&w).await;
    assert_eq!(fresh.len(), 1, "files that may be just being made are no orphans yet: {fresh:?}");
    days_later(&w, 1).await;
    let found = told(&w).await;
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].starts_with("main/lost_9.db-wal: no placement"), "{found:?}");
    assert!(
        found[1].starts_with("main/nonsense.db: ") && found[1].contains("not one of Tenantry's databases"),
        "{found:?}"
    );
    assert!(found[2].starts_with("main/tenant_alpha_7.db: ") && found[2].contains("tenant 1 in tenant"));
    assert_eq!(
        found[3],
        "papers_alpha_1: the database of tenant 1 in store papers is not there; see its disk or server, or restore a backup"
    );
}

#[tokio::test]
async fn only_what_is_certainly_over_is_removed_and_only_when_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    w.platform.shutdown().await;
    let file = |name: &str| w.root.join(name);
    // Certain: the catalog has the placement as gone, and a crash left the file.
    execute(&w, "UPDATE placements SET state = 'gone' WHERE store = 'papers'").await;
    // Not certain: a copy that no placement ever named, and a stray file.
    fs::copy(file("tenant_alpha_1.db"), file("tenant_alpha_7.db")).unwrap();
    fs::write(file("nonsense.db"), "hello").unwrap();
    days_later(&w, 3).await;
    w.platform.shutdown().await;
    let days = [(0, true), (5, true), (2, false)];
    for (orphan_days, stays) in days {
        let swept = desk(dir.path()).set("operations", &format!("orphan_days = {orphan_days}")).open().await;
        days_later(&swept, 3).await;
        let work = swept.platform.start_background();
        while swept.platform.orphans().seen() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        work.stop().await;
        assert_eq!(file("papers_alpha_1.db").exists(), stays, "after {orphan_days} days");
    }
    assert!(
        file("tenant_alpha_7.db").exists()
            && file("nonsense.db").exists()
            && file("tenant_alpha_1.db").exists()
    );
    assert_eq!(count(&w, "SELECT count(*) FROM audit WHERE action = 'orphan.remove'").await, 1);
    let left = w.platform.orphans().list().await.unwrap();
    assert!(left.iter().all(|o| matches!(o, Orphan::File { .. })) && left.len() == 2, "{left:?}");
}
