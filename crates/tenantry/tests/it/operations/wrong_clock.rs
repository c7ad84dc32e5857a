//! A system clock that jumps and comes back: the effects of the jump are reverted, and nothing was removed because of
//! it (T14, row "the clock jumps"; invariant `staged-deletion`).

use super::{
    kit::{count, execute, query, tenant},
    moves,
};
use crate::{
    installation::Installation,
    test_platform::{TestPlatform, by, confirmed, desk, operator, slug},
};
use tenantry::{
    clock::{DAY_US, SECOND_US},
    operations::Recovered,
    tenants::State,
};

const JUMPS: [i64; 3] = [3 * SECOND_US, 7_200 * SECOND_US, 800 * DAY_US];

async fn state(w: &TestPlatform) -> State {
    w.platform.tenants().show(&slug("alpha")).await.unwrap().state
}

#[tokio::test]
async fn what_is_due_follows_no_jump() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await;
    let clock = w.control.clock();
    for jump_us in JUMPS {
        let before_us = clock.due_us();
        clock.jump_us(jump_us);
        assert!(clock.due_us() - before_us < 2 * SECOND_US, "{jump_us}");
        clock.jump_us(-2 * jump_us);
        assert!(clock.due_us() < before_us, "never later than the clock itself");
        assert!(clock.retain_from_us() >= before_us, "a retention begins no earlier for it");
        clock.jump_us(jump_us);
        clock.advance_us(jump_us);
        assert!(clock.due_us() >= before_us + jump_us, "time that passes counts");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_closes_but_does_not_purge_and_the_way_back_opens() {
    let dir = tempfile::tempdir().unwrap();
    let w = desk(dir.path())
        .set("retention", "grace_days = 1")
        .set("retention", "retention_days = 1")
        .set("retention", "final_backup = false")
        .start()
        .await;
    tenant(&w, "alpha").await;
    let id = w.platform.tenants().id_of(&slug("alpha")).await.unwrap();
    w.platform.tenants().cancel(&operator(), id, None, None).await.unwrap();
    for jump_us in [-800 * DAY_US, 800 * DAY_US] {
        w.control.clock().jump_us(jump_us);
        w.pass().await;
        assert_eq!(state(&w).await, if jump_us > 0 { State::Cancelled } else { State::Active });
        assert_eq!(w.platform.purges().due().await.unwrap(), vec![], "{jump_us}");
        let refused = w
            .platform
            .purges()
            .start(&confirmed(&w.platform).await, &slug("alpha"), id, false)
            .await
            .unwrap_err();
        let text = refused.public_title();
        assert_eq!(text.contains("tenantry clock accept"), jump_us > 0, "{text}");
        w.control.clock().jump_us(-jump_us);
        w.pass().await;
        assert_eq!(state(&w).await, State::Active, "{jump_us}");
    }
    // Properly closed, an hour before its purge: a jump of two hours does not bring the purge forward.
    w.control.clock().advance_us(2 * DAY_US - 3_600 * SECOND_US);
    w.control.clock().jump_us(7_200 * SECOND_US);
    w.pass().await;
    assert_eq!((state(&w).await, w.platform.purges().due().await.unwrap()), (State::Cancelled, vec![]));
    // A server that has not seen the jump learns it from the catalog.
    let other = TestPlatform::open(dir.path()).await;
    other.control.clock().jump_us(7_200 * SECOND_US + 2 * DAY_US);
    assert_eq!(other.platform.purges().due().await.unwrap(), vec![]);
    w.control.clock().advance_us(3_600 * SECOND_US);
    assert_eq!(w.platform.purges().due().await.unwrap(), vec![(slug("alpha"), id)], "that hour was lived");
}

#[tokio::test]
async fn an_operator_who_compared_the_clock_may_accept_it() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    let id = w.platform.tenants().id_of(&slug("alpha")).await.unwrap();
    w.platform.tenants().cancel(&operator(), id, None, None).await.unwrap();
    w.control.clock().jump_us(400 * DAY_US);
    tenantry::internals::close_due(&w.control, 10).await.unwrap();
    let before = w.platform.clock_state().await.unwrap();
    assert!(before.holds_back() && before.ahead_seconds() / 86_400 >= 399, "{before:?}");
    assert_eq!(w.platform.purges().due().await.unwrap(), vec![]);
    let after = w.platform.accept_clock(&operator()).await.unwrap();
    assert!(!after.holds_back(), "{after:?}");
    assert_eq!(w.platform.purges().due().await.unwrap().len(), 1);
    assert_eq!(count(&w, "SELECT count(*) FROM audit WHERE action = 'clock.accept'").await, 1);
}

#[tokio::test]
async fn a_lease_from_the_future_does_not_stop_its_operation_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    for jump_us in JUMPS {
        w.operations.faults().arm("move:filled:inside:error");
        moves::to_disk(&w).await.unwrap_err();
        execute(
            &w,
            "UPDATE operations SET state = 'running', cursor = 0, lease_owner = 'another machine' WHERE id = \
             (SELECT max(id) FROM operations WHERE kind = 'move')",
        )
        .await;
        let lease = w.control.now_us() + jump_us + 30 * SECOND_US;
        execute(&w, &format!("UPDATE operations SET lease_until = {lease} WHERE state = 'running'")).await;
        w.control.clock().advance_us(61 * SECOND_US);
        let held = w.operations.reconcile().await.unwrap() == Recovered::default();
        assert!(!held, "{jump_us}");
        execute(&w, "DELETE FROM operations WHERE state = 'running'").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_made_and_kept_before_and_after_a_jump() {
    // A drill would record that it has checked the backup.
    let text = "[backups]\ndrill = \"off\"\n[backups.keep]\ndaily = 2\nweekly = 0\nmonthly = 0\n\
        [[backups.schedules]]\nname = \"nightly\"\ncron = \"30 2 * * *\"\n";
    let clinic = Installation::new().with(text).start().await;
    clinic.create("acme").await;
    let clock = clinic.control.clock();
    let runs = async || {
        clinic.full_pass().await;
        clinic.backups().runs(10).await.unwrap().len()
    };
    assert_eq!(runs().await, 0);
    clock.advance_us(DAY_US);
    assert_eq!(runs().await, 1);
    let there = async || clinic.backups().of_tenant(&slug("acme"), 10).await.unwrap();
    let before = there().await;
    clock.jump_us(800 * DAY_US);
    assert_eq!(runs().await, 2, "the clock may be right: a backup is made");
    clinic.backups().prune(&operator()).await.unwrap();
    assert_eq!(there().await.last(), before.last(), "and none is given up for it");
    clock.jump_us(-800 * DAY_US);
    let status = clinic.backups().status().await.unwrap();
    assert!(
        status.newest_us.is_some_and(|at| at <= clock.now_us()),
        "one from the future tells nothing of now"
    );
    for night in 3..=5 {
        clock.advance_us(DAY_US);
        assert_eq!(runs().await, night, "the schedule goes on");
    }
    // Retention keeps two days; the backup dated in the future takes no other's place.
    assert_eq!(there().await.len(), 3);
}

#[tokio::test]
async fn a_kept_database_outlives_a_jump() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    moves::to_disk(&w).await.unwrap();
    let until =
        query(&w, "SELECT max(until) FROM placements WHERE state = 'kept'").await[0].integer(0).unwrap();
    assert!(until > w.control.now_us());
    for jump_us in [800 * DAY_US, -800 * DAY_US] {
        w.control.clock().jump_us(jump_us);
        assert_eq!(w.operations.release_due(&by(), 10).await.unwrap(), 0, "{jump_us}");
    }
    w.control.clock().advance_us(until - w.control.now_us() + 10 * SECOND_US);
    assert!(w.operations.release_due(&by(), 10).await.unwrap() > 0);
}

/// Older catalogs stored the effect of a jump in the subscription.
#[tokio::test]
async fn an_older_catalog_gets_its_subscriptions_back() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    for (name, audited) in [("alpha", "expire"), ("beta", "set_state"), ("gamma", "expire")] {
        tenant(&w, name).await;
        let id = w.platform.tenants().id_of(&slug(name)).await.unwrap();
        let mut write = w.control.begin().await.unwrap();
        if name == "gamma" {
            let ends = write.at_us() + DAY_US;
            let active = tenantry::plans::State::Active;
            tenantry::internals::set_subscription(&mut write, &by(), id, active, Some(ends)).await.unwrap();
        }
        let detail = serde_json::json!({ "state": "expired" });
        write.audit(&by(), Some(id), &format!("subscription.{audited}"), detail).await.unwrap();
        write.commit().await.unwrap();
    }
    execute(&w, "UPDATE subscriptions SET state = 'expired'").await;
    execute(&w, "DROP TABLE clock").await;
    let mut write = w.control.begin().await.unwrap();
    write.batch(include_str!("../../../src/control/migrations/003_clock.sql")).await.unwrap();
    write.commit_unaudited().await.unwrap();
    let states = query(&w, "SELECT state FROM subscriptions ORDER BY tenant").await;
    let states: Vec<_> = states.iter().map(|r| r.text(0).unwrap()).collect();
    assert_eq!(states, ["trial", "expired", "active"]);
    let newest = "SELECT witnessed_at = (SELECT max(at) FROM audit) FROM clock";
    assert_eq!(count(&w, newest).await, 1, "the newest instant on record");
    assert!(matches!(w.platform.purges().start_due(&operator()).await, Ok(run) if run.started.is_empty()));
}
