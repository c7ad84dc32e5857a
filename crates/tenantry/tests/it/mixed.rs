//! One store with pooled tenants and tenants with own databases: moved, migrated, limited, backed up and restored side
//! by side.

use crate::{
    installation::ISOLATIONS,
    mixed_kit::{Picture, ward, with_a_field_more},
    test_platform::{TestPlatform, operator, slug},
};
use serde_json::json;
use tenantry::moves::Obstacle;
use tenantry_engine::place::Isolation;

/// All tenants but one have the store's configured isolation; a new version of the app migrates all of them.
#[tokio::test(flavor = "multi_thread")]
async fn companies_of_both_isolations_live_in_one_store() {
    for isolation in ISOLATIONS {
        let ward = ward(isolation).await;
        ward.admit("acme").await;
        ward.admit("bravo").await;
        let before = both(&ward).await;
        for _ in 0..3 {
            ward.cross("acme").await;
            assert_eq!(both(&ward).await, before, "{isolation}");
        }
        assert_ne!(ward.isolation("acme").await, ward.isolation("bravo").await);
        ward.whole().await;

        let ward = with_a_field_more(ward).await;
        assert!(!ward.found().await.is_empty());
        assert_eq!(ward.migrations().behind().await.unwrap(), 2, "{isolation}");
        let report = ward.migrate().await;
        assert_eq!(
            (report.total, report.migrated, report.failed.len()),
            (2, 2, 0),
            "{isolation}: {report:?}"
        );
        ward.whole().await;
        for name in ["acme", "bravo"] {
            let made = ward.add(name, "entries", json!({ "name": "new", "shelf": "low" })).await;
            assert_eq!((&made["shelf"], &made["id"]), (&json!("low"), &json!(5)), "{isolation} {name}");
            ward.is_limited(name).await;
            ward.back_and_forth(name).await;
            ward.is_limited(name).await;
        }
        ward.whole().await;

        let before = both(&ward).await;
        for _ in 0..3 {
            ward.cross("acme").await;
            assert_eq!(both(&ward).await, before, "{isolation}: after the migration");
        }
        assert_eq!(ward.isolation("acme").await, ward.isolation("bravo").await);
        ward.is_limited("acme").await;
        ward.whole().await;
    }
}

async fn both(ward: &TestPlatform) -> [Picture; 2] {
    [ward.picture("acme").await, ward.picture("bravo").await]
}

/// No tenant is in the pool when migrations run, except retained rows of a tenant that left it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_everybody_left_is_current_for_the_next_one() {
    for (isolation, crossings) in [("pooled", 1), ("database", 2)] {
        for released in [false, true] {
            let ward = ward(isolation).await;
            ward.admit("acme").await;
            for _ in 0..crossings {
                ward.cross("acme").await;
            }
            if released {
                ward.moves().release(&operator(), &slug("acme"), None).await.unwrap();
            }
            let ward = with_a_field_more(ward).await;
            assert_eq!(ward.migrate().await.migrated, 1);
            let before = ward.picture("acme").await;
            ward.cross("acme").await;
            assert_eq!(ward.picture("acme").await, before, "{isolation}, released: {released}");
            ward.whole().await;
            ward.add("acme", "entries", json!({ "name": "new", "shelf": "low" })).await;
            ward.cross("acme").await;
            ward.whole().await;
        }
    }
}

/// Between the new version and the migration run, a tenant is behind: it must be migrated before it moves into a pool.
/// It moves out of a pool at the version of the pool.
#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_is_behind_moves_into_no_pool() {
    for isolation in ISOLATIONS {
        let ward = ward(isolation).await;
        ward.admit("acme").await;
        ward.admit("bravo").await;
        ward.cross("acme").await;
        let ward = with_a_field_more(ward).await;
        // Moving a whole installation puts pooled tenants into a pool.
        let leaves = ["main", "disk"].map(|name| name.parse().unwrap());
        let waiting = ward.moves().waiting(&leaves, &"pg".parse().unwrap()).await.unwrap();
        let refused = waiting.iter().filter(|one| matches!(one.obstacle, Some(Obstacle::Refused(_))));
        let refused: Vec<_> = refused.map(|one| one.slug.as_str()).collect();
        let outdated: &[&str] = if isolation == "pooled" { &[] } else { &["acme"] };
        assert_eq!((waiting.len(), refused.as_slice()), (2, outdated), "{isolation}");
        for name in ["acme", "bravo"] {
            if ward.isolation(name).await == Isolation::Pooled {
                ward.cross(name).await;
                continue;
            }
            let refused = ward.start_cross(name).await.unwrap_err();
            assert_eq!(refused.code(), "migrations_pending", "{isolation} {name}: {refused}");
        }
        // The pool of a store that is pooled by configuration was migrated when the apps were loaded.
        let behind = if isolation == "pooled" { 1 } else { 2 };
        assert_eq!(ward.migrate().await.migrated, behind);
        let before = both(&ward).await;
        for name in ["acme", "bravo"] {
            ward.cross(name).await;
        }
        assert_eq!(both(&ward).await, before);
        ward.whole().await;
    }
}
