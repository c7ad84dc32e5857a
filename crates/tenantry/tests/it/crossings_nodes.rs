//! T14: a node of the previous release serves a tenant while another node runs every operation on it. A value is right
//! on both nodes, or the older node reports that it is outdated.

use crate::{
    crossings_versions::{FINER, Fleet, VERBS, add, over, read},
    test_platform::{confirmed, operator, slug},
};
use serde_json::json;
use tenantry::migrations::fleet;
use tenantry_testkit::tried;

/// Runs every operation on one node while a node of the previous release serves the tenant.
async fn beside_the_previous_release(isolation: &'static str, change: (&str, &str), outdated: bool) {
    let mut fleet = Fleet::begun(isolation, change).await;
    let (old, new) = (fleet.old.clone(), fleet.newer().await.unwrap());
    new.migrations().run(&operator(), None, fleet::Options::default(), |_, _| {}).await.unwrap();
    for verb in VERBS {
        let what = format!("{isolation}, outdated {outdated}: {verb}");
        assert_eq!(fleet.verb(&new, verb).await, Ok(()), "{what}");
        match (read(&old, "acme").await, outdated) {
            (Ok(sums), false) => assert_eq!(sums, fleet.sums, "{what}"),
            (Err(error), true) => assert_eq!(error.code(), "server_outdated", "{what}"),
            (found, _) => panic!("{what}: {found:?}"),
        }
        match (add(&old, "acme", json!({ "code": "9", "sum": "5.25" })).await, outdated) {
            (Ok(sum), false) => fleet.sums.push(sum),
            (Err(error), true) => assert_eq!(error.code(), "server_outdated", "{what}"),
            (found, _) => panic!("{what}: {found:?}"),
        }
        assert_eq!(read(&new, "acme").await.unwrap(), fleet.sums, "{what}");
    }
    let id = new.tenants().id_of(&slug("acme")).await.unwrap();
    let now = tenantry::tenants::Terms { grace_days: 0, retention_days: 0 };
    new.tenants().cancel(&operator(), id, Some(now), None).await.unwrap();
    assert_eq!(
        over(&new, new.purges().start(&confirmed(&new).await, &slug("acme"), id, true).await).await,
        Ok(())
    );
    let gone = read(&old, "acme").await.unwrap_err();
    assert_eq!(gone.code(), "not_found", "{isolation}: {gone}");
    tried("T14 a node of the previous release", VERBS.len() as u64 + 1, "verbs of another node beside it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_the_previous_release_with_the_same_schema() {
    for isolation in ["database", "pooled"] {
        beside_the_previous_release(isolation, ("", ""), false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_the_previous_release_with_older_apps() {
    for isolation in ["database", "pooled"] {
        beside_the_previous_release(isolation, FINER, true).await;
    }
}
