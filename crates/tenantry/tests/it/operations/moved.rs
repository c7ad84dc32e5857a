//! Moves whose copies differ from the original, and how long a move retains the former database.

use super::{
    kit::{count, query, tenant, whole},
    moves,
};
use crate::test_platform::{TestPlatform, by, operator, slug};
use std::{path::Path, sync::Arc};
use tenantry::{clock::SECOND_US, name::TenantId, operations::Filter};
use tenantry_engine::place::Place;

const DAY_US: i64 = 86_400_000_000;
/// A name as long as the former one. With another length the counters of bytes differ, and the move ends there.
const AS_LONG: &str = "unnoted";

/// Prepares a tenant to whose store a change is written without being recorded when the mover reaches `point`, as if
/// the recording were lost.
async fn unnoted(dir: &Path, point: &'static str, name: &'static str) -> Arc<TestPlatform> {
    let w = Arc::new(TestPlatform::open(dir).await.with_plans().await);
    tenant(&w, "alpha").await;
    let (old, late) = (moves::ready(&w, "tenant").await.place, Arc::downgrade(&w));
    w.operations.faults().watch(Arc::new(move |passed| {
        let (old, late) = (old.clone(), late.clone());
        Box::pin(async move {
            if passed == point {
                write_unnoted(&late.upgrade().unwrap(), &old, name).await;
            }
            Ok(())
        })
    }));
    w
}

async fn write_unnoted(w: &TestPlatform, old: &Place, name: &str) {
    let mark = w.engine.place_info(old).await.unwrap().recorder.expect("nothing is noted yet");
    w.engine.stop_recording(old, mark).await.unwrap();
    let alpha = w.platform.tenants().enter(&operator(), &slug("alpha")).await.unwrap();
    let row = serde_json::json!({ "name": name });
    let items = w.platform.records(&alpha, "items").unwrap();
    items.patch("1", None, row.as_object().unwrap()).await.unwrap();
    // A place remembers one barred token: another one lets the recording begin again.
    w.engine.stop_recording(old, mark ^ 1).await.unwrap();
    w.engine.record_changes(old, mark).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_differs_is_found_before_writes_wait() {
    let dir = tempfile::tempdir().unwrap();
    let w = unnoted(dir.path(), "move:check:before", AS_LONG).await;
    let error = moves::to_disk(&w).await.unwrap_err();
    let detail = "the copy of alpha in store tenant differs from tenant_alpha_1 on main: 1 record";
    assert_eq!((error.code(), error.to_string().as_str()), ("conflict", detail));
    let told = format!("{}; {}", error.public_title(), error.remedy().unwrap());
    assert_eq!(
        told,
        "the copy of alpha in store tenant differs from the original, which stays in use: 1 record; start the move again; \
         if the copy differs again, look for the cause: tenantry check --tenant alpha"
    );
    assert_eq!(moves::ready(&w, "tenant").await.place.server.as_str(), "main");
    whole(&w).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_with_another_size_ends_the_move_before_it_is_used() {
    for text in ["unnoted and longer", "x"] {
        let dir = tempfile::tempdir().unwrap();
        let w = unnoted(dir.path(), "move:fence:before", text).await;
        let error = moves::to_disk(&w).await.unwrap_err();
        let (start, end) = (
            "the copy of alpha in store tenant differs from the original, which stays in use: ",
            " bytes instead of ",
        );
        let title = error.public_title();
        assert!(error.code() == "conflict" && title.starts_with(start) && title.contains(end), "{title}");
        assert_eq!(moves::ready(&w, "tenant").await.place.server.as_str(), "main");
        whole(&w).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_differs_after_the_swap_is_told_and_the_original_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let w = unnoted(dir.path(), "move:fence:before", AS_LONG).await;
    moves::to_disk(&w).await.unwrap();
    let filter = Filter { limit: 1, ..Filter::default() };
    let result = w.operations.list(&filter).await.unwrap().remove(0).result.unwrap();
    assert_eq!((&result["verified"], &result["stores"][0]["differing"]), (&false.into(), &1.into()));
    let told = query(&w, "SELECT detail FROM audit WHERE action = 'tenant.moved'").await;
    assert!(told[0].text(0).unwrap().contains("\"verified\":false"), "{told:?}");
    // A database that needs inspection is retained without a time limit.
    w.control.clock().advance_us(1_000 * DAY_US);
    assert_eq!(w.operations.release_due(&by(), 100).await.unwrap(), 0);
    assert_eq!(w.operations.retained(TenantId::from_raw(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_move_left_behind_is_kept_for_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    let old = moves::ready(&w, "tenant").await.place;
    let there = || w.root.join(format!("{}.db", old.physical)).exists();
    moves::to_disk(&w).await.unwrap();
    for (passed_us, released) in [(0, 0), (DAY_US - 60 * SECOND_US, 0), (120 * SECOND_US, 1), (DAY_US, 0)] {
        w.control.clock().advance_us(passed_us);
        assert_eq!(
            w.operations.release_due(&by(), 100).await.unwrap(),
            released,
            "after {passed_us} us more"
        );
    }
    assert!(!there());
    assert_eq!(count(&w, "SELECT count(*) FROM placements WHERE state = 'kept'").await, 0);
    whole(&w).await;
}
