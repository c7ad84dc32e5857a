//! T6 in one process: every step of every operation fails before, fails after, panics, is repeated, has its undo fail
//! before, fail after, panic and repeated, and is cancelled.

use super::{Initial, Scenario, kit::count, succeeds_now, told};
use crate::test_platform::{TestPlatform, by, operator, registration};
use tenantry::{
    clock::SECOND_US,
    operations::{Filter, Recovered},
};

const OPEN: &str = "SELECT count(*) FROM operations WHERE state IN ('running', 'unwinding')";

/// Advances the clock and runs the reconciler.
async fn later(w: &TestPlatform) -> Recovered {
    w.control.clock().advance_us(600 * SECOND_US);
    w.operations.reconcile().await.unwrap()
}

pub(super) async fn fail(scenario: &'static Scenario) {
    let mut tried = 0;
    let initial = Initial::of(scenario).await;
    for (index, step) in scenario.steps().iter().enumerate() {
        for point in ["before:fail", "after:fail", "before:panic"] {
            let (_dir, w) = initial.open().await;
            let fault = scenario.fault(step, point);
            w.operations.faults().arm(&fault);
            let error = (scenario.run)(&w).await.unwrap_err();
            assert!(error.to_string().contains("fault at"), "{fault}: {error}");
            assert_eq!(w.operations.faults().waiting(), 0, "{fault}");
            if scenario.is_past(index) {
                // It goes forward only: it rests, and the next worker finishes it.
                assert_eq!(count(&w, OPEN).await, 1, "{fault}");
                assert_eq!(later(&w).await, Recovered { finished: 1, ..Recovered::default() }, "{fault}");
                assert!((scenario.finished)(&w).await, "{fault}");
            } else {
                assert!(!(scenario.finished)(&w).await, "{fault}");
                succeeds_now(scenario, &w).await;
            }
            tried += 1;
        }
    }
    told(scenario, tried, "failed steps");
}

pub(super) async fn repeat(scenario: &'static Scenario) {
    let mut tried = 0;
    let initial = Initial::of(scenario).await;
    for step in scenario.steps() {
        let (_dir, w) = initial.open().await;
        let fault = scenario.fault(&step, "run:repeat");
        w.operations.faults().arm(&fault);
        (scenario.run)(&w).await.unwrap_or_else(|e| panic!("{fault}: {e}"));
        assert_eq!(w.operations.faults().waiting(), 0, "{fault}");
        assert!((scenario.finished)(&w).await, "{fault}");
        tried += 1;
    }
    told(scenario, tried, "repeated steps");
}

pub(super) async fn undo(scenario: &'static Scenario) {
    let mut tried = 0;
    let initial = Initial::of(scenario).await;
    for step in scenario.undone() {
        for point in ["undo:repeat", "undo-before:fail", "undo-after:fail", "undo-before:panic"] {
            let (_dir, w) = initial.open().await;
            let fault = scenario.fault(&step, point);
            w.operations.faults().arm(&scenario.turning());
            w.operations.faults().arm(&fault);
            (scenario.run)(&w).await.unwrap_err();
            assert_eq!(w.operations.faults().waiting(), 0, "{fault} never struck");
            if point != "undo:repeat" {
                assert_eq!(count(&w, OPEN).await, 1, "{fault}: left to the reconciler");
                assert_eq!(w.operations.counts().await.unwrap(), (1, 1), "{fault}: raised");
                assert_eq!(w.operations.reconcile().await.unwrap(), Recovered::default(), "not yet");
                assert_eq!(later(&w).await, Recovered { undone: 1, ..Recovered::default() }, "{fault}");
            }
            assert!(!(scenario.finished)(&w).await, "{fault}");
            succeeds_now(scenario, &w).await;
            tried += 1;
        }
    }
    // Some kinds change nothing outside before they are done.
    if !scenario.undone().is_empty() {
        told(scenario, tried, "undos");
    }
}

/// Cancels while an outside step runs: the operation is undone. Past the point of no return the caller is told so, and
/// the operation is finished.
pub(super) async fn cancel(scenario: &'static Scenario) {
    let mut tried = 0;
    let initial = Initial::of(scenario).await;
    for (index, step) in scenario.steps().iter().enumerate().filter(|(_, s)| s.outside) {
        let (_dir, w) = initial.open().await;
        let fault = scenario.fault(step, "before:wait-300");
        w.operations.faults().arm(&fault);
        let (outcome, refused) = tokio::join!((scenario.run)(&w), cancel_when_at_work(&w, scenario));
        assert_eq!(w.operations.faults().waiting(), 0, "{fault}");
        if scenario.is_past(index) {
            assert_eq!(refused.unwrap_err().code(), "conflict", "{fault}");
            outcome.unwrap_or_else(|e| panic!("{fault}: {e}"));
            assert!((scenario.finished)(&w).await, "{fault}");
        } else {
            refused.unwrap_or_else(|e| panic!("{fault}: {e}"));
            assert_eq!(outcome.unwrap_err().code(), "cancelled", "{fault}");
            assert!(!(scenario.finished)(&w).await, "{fault}");
            succeeds_now(scenario, &w).await;
        }
        tried += 1;
    }
    told(scenario, tried, "cancelled");
}

/// An undo fails permanently, or a step past the point of no return does: one command ends the operation, reports what
/// is left behind, and frees the tenant for other operations.
pub(super) async fn abandon(scenario: &'static Scenario) {
    let mut tried = 0;
    let initial = Initial::of(scenario).await;
    let undos = scenario.undone().into_iter().filter(|step| step.outside).map(|step| (step, "undo-before"));
    let steps = scenario.steps();
    let past = steps.iter().enumerate().filter(|(n, step)| step.outside && scenario.is_past(*n));
    for (step, point) in undos.chain(past.map(|(_, step)| (*step, "before"))) {
        let (_dir, w) = initial.open().await;
        let fault = scenario.fault(&step, point);
        if point == "undo-before" {
            w.operations.faults().arm(&scenario.turning());
        }
        w.operations.faults().watch(std::sync::Arc::new({
            let fault = fault.clone();
            move |at| {
                let strikes = at == fault;
                Box::pin(async move {
                    if strikes { Err(tenantry::Error::Internal("for good".into())) } else { Ok(()) }
                })
            }
        }));
        (scenario.run)(&w).await.unwrap_err();
        let open = Filter { open: true, ..Filter::default() };
        let stuck = w.operations.list(&open).await.unwrap();
        let stuck =
            stuck.iter().find(|o| o.kind == scenario.kind).unwrap_or_else(|| panic!("{fault}: it is over"));
        w.operations.retry(&operator(), stuck.id).await.unwrap();
        while !w.operations.show(stuck.id).await.unwrap().resting {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let over =
            w.operations.abandon(&operator(), stuck.id).await.unwrap_or_else(|e| panic!("{fault}: {e}"));
        assert!(over.state.is_over(), "{fault}: {over:?}");
        let told = over.error.unwrap_or_default();
        assert!(told.contains(&format!("left behind: {}", step.name)), "{fault}: {told}");
        assert!(told.contains("for good"), "{fault}: {told}");
        assert_eq!(w.operations.list(&open).await.unwrap(), vec![], "{fault}");
        let rows = "SELECT count(*) FROM audit WHERE action IN ('operation.abandon', 'operation.abandoned')";
        assert_eq!(count(&w, rows).await, 2, "{fault}");
        assert!(w.operations.abandon(&operator(), stuck.id).await.is_err(), "{fault}: it is over");
        tried += 1;
    }
    if tried > 0 {
        told(scenario, tried, "abandoned");
    }
}

/// Cancels once the step with the fault is running, which then takes 300 ms.
async fn cancel_when_at_work(w: &TestPlatform, scenario: &Scenario) -> tenantry::Result<()> {
    for _ in 0..2_000 {
        let open = w.operations.list(&Filter { open: true, ..Filter::default() }).await?;
        let at_work = open.iter().find(|o| o.kind == scenario.kind);
        if let Some(operation) = at_work.filter(|_| w.operations.faults().waiting() == 0) {
            return w.operations.cancel(&operator(), operation.id).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("{} was never at work", scenario.name);
}

/// A worker whose lease has lapsed changes nothing more (`two-workers`).
#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let slow = TestPlatform::open(dir.path()).await.with_plans().await;
    slow.operations.faults().arm("provision:databases:after:wait-600");
    let other = TestPlatform::open(dir.path()).await;
    let operations = slow.operations.clone();
    let first = tokio::spawn(async move { operations.create_tenant(&by(), registration("alpha")).await });
    while slow.operations.faults().waiting() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(other.operations.recover().await.unwrap(), Recovered::default(), "its worker is alive");
    other.control.clock().advance_us(31 * SECOND_US);
    let pass = other.operations.reconcile().await.unwrap();
    assert_eq!(pass, Recovered { finished: 1, ..Recovered::default() });
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "unavailable", "{error}");
    assert!((Scenario::named("register").finished)(&other).await);
}

/// The caller disconnects midway, like a cancelled request (T2).
#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_it_midway() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let by = by();
    let started = w.operations.create_tenant(&by, registration("alpha"));
    drop(tokio::time::timeout(std::time::Duration::from_micros(300), started).await);
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        if count(&w, "SELECT count(*) FROM tenants WHERE state = 'active'").await == 1 {
            break;
        }
    }
    assert!((Scenario::named("register").finished)(&w).await);
}

/// Two registrations of one name at once: one succeeds, the other is refused and leaves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_with_one_name_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let tries = (0..16).map(|_| {
        let operations = w.operations.clone();
        tokio::spawn(async move { operations.create_tenant(&by(), registration("alpha")).await })
    });
    let mut made = 0;
    for one in tries.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(_) => made += 1,
            Err(e) => assert_eq!(e.code(), "conflict", "{e}"),
        }
    }
    assert_eq!(made, 1);
    assert!((Scenario::named("register").finished)(&w).await);
}
