//! A late worker, whose operation another worker has undone, leaves no recording on.

use super::{kit::tenant, moves};
use crate::test_platform::{TestPlatform, operator};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tenantry::operations::{Filter, Recovered};
use tenantry_engine::PlaceState;
use tokio::sync::oneshot;

const LEASE_US: i64 = 30_000_000;

/// The mover sleeps before it starts the recording; another worker cancels and undoes the move; then the mover wakes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mover_that_wakes_after_its_move_was_undone_has_nothing_noted() {
    let dir = tempfile::tempdir().unwrap();
    let w = Arc::new(TestPlatform::open(dir.path()).await.with_plans().await);
    tenant(&w, "alpha").await;
    let passed = Arc::new(AtomicUsize::new(0));
    let (asleep, wake) = park(&w, passed.clone());
    let mover = tokio::spawn({
        let w = w.clone();
        async move { moves::to_disk(&w).await }
    });
    asleep.await.unwrap();
    let open = Filter { open: true, ..Filter::default() };
    let id = w.operations.list(&open).await.unwrap()[0].id;
    w.operations.cancel(&operator(), id).await.unwrap();
    w.control.clock().advance_us(LEASE_US + 1);
    let recovered = w.operations.reconcile().await.unwrap();
    assert_eq!(recovered, Recovered { undone: 1, ..Recovered::default() });
    let before = passed.load(Ordering::SeqCst);

    wake.send(()).unwrap();
    mover.await.unwrap().unwrap_err();
    assert_eq!(passed.load(Ordering::SeqCst), before, "its place refuses to note what is written");
    let info = w.engine.place_info(&moves::ready(&w, "tenant").await.place).await.unwrap();
    assert_eq!((info.recorder, info.state), (None, PlaceState::Open));
}

/// Parks the first worker that reaches the step `watch`; signals that it is parked, and waits for the wake-up. Counts
/// the workers that pass.
fn park(w: &TestPlatform, passed: Arc<AtomicUsize>) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
    let ((tell, asleep), (wake, woken)) = (oneshot::channel(), oneshot::channel());
    let first = Arc::new(Mutex::new(Some((tell, woken))));
    w.operations.faults().watch(Arc::new(move |point| {
        let (first, passed) = (first.clone(), passed.clone());
        Box::pin(async move {
            if point == "move:watching:inside" {
                passed.fetch_add(1, Ordering::SeqCst);
            }
            let parked = if point == "move:watch:before" { first.lock().unwrap().take() } else { None };
            if let Some((tell, woken)) = parked {
                tell.send(()).unwrap();
                woken.await.unwrap();
            }
            Ok(())
        })
    }));
    (asleep, wake)
}
