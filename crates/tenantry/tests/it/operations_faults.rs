//! T6 in one process: every step of every operation fails before, fails after, is repeated, has its
//! undo fail before, fail after and repeated.

use crate::{
    operations_cases::{CASES, Case, count, succeeds_now},
    world::{World, by, registration},
};
use tenantry::{
    clock::SECOND_US,
    operations::{Operation, Recovered, Step, provision::Provision},
};

const KIND: &str = Provision::KIND;

fn undoable(step: &Step<Provision>) -> bool {
    matches!(step, Step::Outside { .. } | Step::Control { undo: Some(_), .. })
}

fn last() -> &'static str {
    Provision::steps().last().unwrap().name()
}

async fn fresh(case: Case) -> (tempfile::TempDir, World) {
    let dir = tempfile::tempdir().unwrap();
    let w = World::open(dir.path()).await.with_plans().await;
    case.prepare(&w).await;
    (dir, w)
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_the_next_try_succeeds() {
    let mut tried = 0;
    for case in CASES {
        for step in Provision::steps() {
            for point in ["before", "after"] {
                let (_dir, w) = fresh(case).await;
                w.operations.faults().arm(&format!("{KIND}:{}:{point}:fail", step.name()));
                let error = case.run(&w).await.unwrap_err();
                assert!(error.to_string().contains("fault at"), "{error}");
                assert_eq!(w.operations.faults().waiting(), 0);
                assert!(!case.finished(&w).await);
                succeeds_now(case, &w).await;
                tried += 1;
            }
        }
    }
    println!("T6: {tried} failed steps");
}

#[tokio::test]
async fn a_step_that_is_repeated_doubles_nothing() {
    for case in CASES {
        for step in Provision::steps() {
            let (_dir, w) = fresh(case).await;
            w.operations.faults().arm(&format!("{KIND}:{}:run:repeat", step.name()));
            case.run(&w).await.unwrap();
            assert_eq!(w.operations.faults().waiting(), 0);
            assert!(case.finished(&w).await);
        }
    }
}

#[tokio::test]
async fn an_undo_that_is_repeated_or_fails_still_ends_with_nothing() {
    let mut tried = 0;
    for case in CASES {
        for step in Provision::steps().iter().filter(|s| undoable(s)) {
            for fault in ["undo:repeat", "undo-before:fail", "undo-after:fail"] {
                let (_dir, w) = fresh(case).await;
                w.operations.faults().arm(&format!("{KIND}:{}:before:fail", last()));
                w.operations.faults().arm(&format!("{KIND}:{}:{fault}", step.name()));
                case.run(&w).await.unwrap_err();
                assert_eq!(w.operations.faults().waiting(), 0, "{fault} of {} never struck", step.name());
                if fault != "undo:repeat" {
                    let open = "SELECT count(*) FROM operations WHERE state = 'unwinding'";
                    assert_eq!(count(&w, open).await, 1, "left to the reconciler");
                    assert_eq!(w.operations.reconcile().await.unwrap(), Recovered::default(), "not yet");
                    w.control.clock().advance_us(60 * SECOND_US);
                    let pass = w.operations.reconcile().await.unwrap();
                    assert_eq!(pass, Recovered { undone: 1, ..Recovered::default() });
                }
                assert!(!case.finished(&w).await);
                succeeds_now(case, &w).await;
                tried += 1;
            }
        }
    }
    println!("T6: {tried} undos");
}

#[tokio::test]
async fn every_control_step_before_an_outside_step_has_an_undo() {
    let steps = Provision::steps();
    let last_outside = steps.iter().rposition(Step::is_outside).unwrap();
    assert!(steps[..=last_outside].iter().all(undoable));
    let mut names: Vec<_> = steps.iter().map(Step::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), steps.len(), "a fault or a cursor must mean one step");
}

/// A worker that was away too long touches nothing more (threat 32).
#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let slow = World::open(dir.path()).await.with_plans().await;
    slow.operations.faults().arm(&format!("{KIND}:databases:after:wait-300"));
    let other = World::open(dir.path()).await;
    let operations = slow.operations.clone();
    let first = tokio::spawn(async move { operations.create_tenant(&by(), registration("alpha")).await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(other.operations.recover().await.unwrap(), Recovered::default(), "its worker is alive");
    other.control.clock().advance_us(31 * SECOND_US);
    let pass = other.operations.reconcile().await.unwrap();
    assert_eq!(pass, Recovered { finished: 1, ..Recovered::default() });
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "unavailable", "{error}");
    assert!(Case::Register.finished(&other).await);
}

/// The caller goes away midway, as a cancelled request does (T2).
#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_it_midway() {
    let dir = tempfile::tempdir().unwrap();
    let w = World::open(dir.path()).await.with_plans().await;
    let by = by();
    let started = w.operations.create_tenant(&by, registration("alpha"));
    drop(tokio::time::timeout(std::time::Duration::from_micros(300), started).await);
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        if count(&w, "SELECT count(*) FROM tenants WHERE state = 'active'").await == 1 {
            break;
        }
    }
    assert!(Case::Register.finished(&w).await);
}

/// Two registrations of one name at once: one is made, one is told, nothing is left of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_with_one_name_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let w = World::open(dir.path()).await.with_plans().await;
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
    assert!(Case::Register.finished(&w).await);
}
