//! Operations as users see and control them.

use super::{
    Scenario, fresh,
    kit::{count, tenant, whole},
};
use crate::test_platform::{TestPlatform, by, operator, placement, registration, slug};
use futures_util::StreamExt;
use std::time::Duration;
use tenantry::{
    backups::Selection,
    clock::{DAY_US, SECOND_US},
    operations::{Filter, Listed, State, StepState},
    tenants::provision::CreateTenant,
    topology::Policy,
};

async fn newest(w: &TestPlatform) -> Listed {
    w.operations.list(&Filter { limit: 1, ..Filter::default() }).await.unwrap().remove(0)
}

async fn until_struck(w: &TestPlatform) {
    while w.operations.faults().waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn one_at_work_shows_its_steps_and_excludes_others_on_its_tenant_two_workers() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let bare = CreateTenant { placements: vec![], ..registration("alpha") };
    w.operations.create_tenant(&by(), bare).await.unwrap();
    let papers = || vec![placement("alpha", "papers", Policy::Managed)];
    w.operations.faults().arm("provision:databases:before:wait-400");
    let operations = w.operations.clone();
    let wanted = papers();
    let work = tokio::spawn(async move { operations.create_databases(&by(), &slug("alpha"), wanted).await });
    until_struck(&w).await;

    let now = newest(&w).await;
    assert_eq!((now.state, now.slug.as_deref(), now.stuck), (State::Running, Some("alpha"), false));
    assert_eq!(now.actor, "cli:test");
    let steps: Vec<_> = now.steps.iter().map(|s| (s.name, s.state)).collect();
    use StepState::{Done, Now, Waiting};
    let expected = [Done, Now, Waiting, Waiting, Waiting];
    assert_eq!(steps.iter().map(|s| s.1).collect::<Vec<_>>(), expected, "{steps:?}");

    let other = w.operations.create_databases(&by(), &slug("alpha"), papers()).await.unwrap_err();
    let (id, text) = (now.id, other.public_title());
    let named = format!("provision {id} is working on this tenant; see `tenantry operation show {id}`");
    assert_eq!((other.code(), text.as_str()), ("conflict", named.as_str()));

    let states: Vec<_> = w.operations.watch(id).map(|o| o.unwrap().state).collect().await;
    assert_eq!((states[0], *states.last().unwrap()), (State::Running, State::Done), "{states:?}");
    work.await.unwrap().unwrap();
    let over = w.operations.show(id).await.unwrap();
    assert!(over.steps.iter().all(|s| s.state == Done));
    assert_eq!(over.result.unwrap()["databases"], serde_json::json!(["papers_alpha_1"]));
    whole(&w).await;
}

#[tokio::test]
async fn one_that_failed_is_raised_and_can_be_tried_again_at_once() {
    let (_dir, w) = fresh(Scenario::named("register")).await;
    w.operations.faults().arm("provision:activate:before:fail");
    w.operations.faults().arm("provision:databases:undo-before:fail");
    w.operations.create_tenant(&by(), registration("alpha")).await.unwrap_err();
    let stuck = newest(&w).await;
    assert_eq!((stuck.state, stuck.stuck, stuck.resting), (State::Unwinding, true, true));
    assert!(stuck.error.as_ref().unwrap().contains("fault at"), "{stuck:?}");
    assert!(
        !stuck.reason.unwrap().contains("fault at"),
        "private detail in public text (`absent-not-forbidden`)"
    );
    assert_eq!(w.operations.counts().await.unwrap(), (1, 1));

    w.operations.retry(&operator(), stuck.id).await.unwrap();
    let over = w.operations.wait(stuck.id).await.unwrap();
    assert_eq!(over.state, State::Undone);
    assert_eq!(w.operations.counts().await.unwrap(), (0, 0));
    let audited = "SELECT count(*) FROM audit WHERE action = 'operation.retry'";
    assert_eq!(count(&w, audited).await, 1);
    let again = w.operations.retry(&operator(), stuck.id).await.unwrap_err();
    assert!(again.public_title().contains("start it anew"), "{again}");
    assert_eq!(w.operations.cancel(&operator(), stuck.id).await.unwrap_err().code(), "conflict");
    assert_eq!(w.operations.show(999).await.unwrap_err().code(), "not_found");
    whole(&w).await;
}

/// The worker is gone and no other has taken over: the next one finds that the operation was cancelled.
#[tokio::test]
async fn one_that_nobody_works_on_is_undone_when_it_was_cancelled() {
    let (_dir, w) = fresh(Scenario::named("register")).await;
    w.operations.faults().arm("provision:databases:before:wait-600000");
    let operations = w.operations.clone();
    let lost = tokio::spawn(async move { operations.create_tenant(&by(), registration("alpha")).await });
    until_struck(&w).await;
    lost.abort();
    let id = newest(&w).await.id;
    let busy = w.operations.retry(&operator(), id).await.unwrap_err();
    assert!(busy.public_title().contains("being worked on"), "{busy}");
    w.operations.cancel(&operator(), id).await.unwrap();
    w.control.clock().advance_us(31 * SECOND_US);
    w.operations.reconcile().await.unwrap();
    let over = w.operations.show(id).await.unwrap();
    assert_eq!((over.state, over.cancel_requested), (State::Undone, true));
    assert_eq!(over.reason.as_deref(), Some("the operation was cancelled"));
    assert!(!(Scenario::named("register").finished)(&w).await);
}

#[tokio::test]
async fn old_ones_that_are_over_leave_the_list() {
    let (_dir, w) = fresh(Scenario::named("register")).await;
    w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
    w.operations.faults().arm("provision:activate:before:fail");
    w.operations.faults().arm("provision:databases:undo-before:fail");
    w.operations.create_tenant(&by(), registration("beta")).await.unwrap_err();
    let day_ago = w.control.now_us() - DAY_US;
    assert_eq!(w.operations.prune(day_ago, 100).await.unwrap(), 0, "not yet");
    let later = w.control.now_us() + DAY_US;
    assert_eq!(w.operations.prune(later, 100).await.unwrap(), 1);
    let left = w.operations.list(&Filter::default()).await.unwrap();
    assert_eq!((left.len(), left[0].state), (1, State::Unwinding), "an open one stays however old");
}

#[tokio::test]
async fn the_list_pages_and_filters() {
    let (_dir, w) = fresh(Scenario::named("register")).await;
    for name in ["alpha", "beta", "gamma"] {
        w.operations.create_tenant(&by(), registration(name)).await.unwrap();
    }
    let all = w.operations.list(&Filter::default()).await.unwrap();
    assert_eq!(all.iter().map(|o| o.id).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(all[0].what, "create tenant gamma");
    let page = Filter { before: Some(3), limit: 1, ..Filter::default() };
    assert_eq!(w.operations.list(&page).await.unwrap()[0].id, 2);
    let of_beta = Filter { tenant: all[1].tenant, ..Filter::default() };
    assert_eq!(w.operations.list(&of_beta).await.unwrap().len(), 1);
    assert!(w.operations.list(&Filter { open: true, ..Filter::default() }).await.unwrap().is_empty());
}

/// Returns the numbers of good and failed backups of a run.
async fn backed_up(w: &TestPlatform) -> (i64, i64) {
    let run = w.platform.backups().start_run(&operator(), Selection::default()).await.unwrap();
    let over = w.operations.wait(run).await.unwrap().result.unwrap();
    (over["good"].as_i64().unwrap(), over["failed"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_many_waits_for_a_tenant_that_is_busy() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    tenant(&w, "beta").await;
    w.operations.faults().arm("backup:take:before:wait-700");
    let busy = w.platform.backups().start(&operator(), &slug("alpha"), None).await.unwrap();
    until_struck(&w).await;
    assert_eq!(w.operations.show(busy.operation).await.unwrap().state, State::Running);
    assert_eq!(backed_up(&w).await, (2, 0));
    whole(&w).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_many_goes_on_with_what_a_dead_worker_left_on_a_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    tenant(&w, "beta").await;
    // Past its point of no return the operation rests, without a worker.
    w.operations.faults().arm("backup:expire:before:fail");
    let left = w.platform.backups().start(&operator(), &slug("alpha"), None).await.unwrap();
    until_struck(&w).await;
    assert_eq!(backed_up(&w).await, (2, 0));
    assert_eq!(w.operations.show(left.operation).await.unwrap().state, State::Done, "finished by the run");
    whole(&w).await;
}
