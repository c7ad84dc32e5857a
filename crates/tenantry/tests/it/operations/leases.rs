//! A live worker keeps its operation, however long a step takes.

use super::{
    kit::{count, tenant, whole},
    moves,
};
use crate::test_platform::TestPlatform;
use std::{sync::Arc, time::Duration};
use tenantry::{clock::SECOND_US, operations::Recovered};

const LEASE: &str = "SELECT lease_until FROM operations WHERE state = 'running'";

/// The lease is longer than one heartbeat and shorter than the step; between two heartbeats it must be renewed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_lengthened_while_a_step_takes_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let w = Arc::new(TestPlatform::open(dir.path()).await.with_plans().await);
    tenant(&w, "alpha").await;
    w.operations.faults().arm("move:filled:inside:wait-4000");
    let mover = tokio::spawn({
        let w = w.clone();
        async move { moves::to_disk(&w).await }
    });
    while w.operations.faults().waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let before = count(&w, LEASE).await;
    w.control.clock().advance_us(20 * SECOND_US);
    while count(&w, LEASE).await == before {
        assert!(!mover.is_finished(), "a long step renews nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Past the end of the original lease, within the renewed one.
    w.control.clock().advance_us(20 * SECOND_US);
    assert_eq!(w.operations.reconcile().await.unwrap(), Recovered::default(), "its worker is at it");
    mover.await.unwrap().unwrap();
    whole(&w).await;
}
