//! Accounts under attack: closed to the guessing network for a growing time, recorded in the catalog, reopened by
//! staff, and indistinguishable from outside (`account-enumeration`).

use crate::access_kit::{ADA, EVE, HOUR_US, PASSWORD, TestAccess, attempt, attempt_from, from};
use std::time::{Duration, Instant};
use tenantry::access::Operator;
use tenantry::{Error, access::passwords::Password, audit::By, internals, users::User};
use tenantry_engine::name::UserId;

const MINUTE_US: i64 = 60_000_000;
/// Default of `auth.lock_after`.
const AFTER: i64 = 10;

async fn user(w: &TestAccess, id: UserId) -> User {
    internals::user(&mut w.control.snapshot().await.unwrap(), id).await.unwrap()
}

/// Returns the private text of the refusal, which is the same for every mismatch.
async fn refused(w: &TestAccess, name: &str, password: &str) -> String {
    let Err(error) = w.access.login(attempt(name, password, None)).await else { panic!("let in") };
    assert!(matches!(error, Error::Unauthenticated(_)), "{error}");
    error.to_string()
}

async fn guess(w: &TestAccess, times: i64) -> String {
    let mut text = String::new();
    for _ in 0..times {
        text = refused(w, "ada", "wrong password").await;
        w.access.flush().await.unwrap();
    }
    text
}

#[tokio::test]
async fn account_enumeration_a_guessed_at_account_closes_for_longer_each_time() {
    let w = TestAccess::new().await;
    guess(&w, AFTER - 1).await;
    assert_eq!(user(&w, ADA).await.locked_until_us, None);
    w.login("ada").await;
    assert_eq!(user(&w, ADA).await.failed_logins, 0, "a log-in that succeeds begins anew");

    guess(&w, AFTER).await;
    let mut closed_us = Vec::new();
    for _ in 0..9 {
        let until_us = user(&w, ADA).await.locked_until_us.expect("closed");
        closed_us.push(until_us - w.control.now_us());
        w.control.clock().advance_us(until_us - w.control.now_us() + 1);
        guess(&w, 1).await;
    }
    let minutes: Vec<_> = closed_us.iter().map(|us| (us + MINUTE_US / 2) / MINUTE_US).collect();
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60], "to the longest that is configured");
    // After a day without guesses the count starts again.
    w.control.clock().advance_us(26 * 60 * MINUTE_US);
    guess(&w, 1).await;
    assert_eq!(user(&w, ADA).await.failed_logins, 1);
    w.login("ada").await;
}

#[tokio::test]
async fn account_enumeration_a_closed_account_answers_like_a_wrong_password_on_every_server() {
    let w = TestAccess::new().await;
    let wrong = guess(&w, AFTER).await;
    let other = w.second().await;
    for server in [&w, &other] {
        assert_eq!(refused(server, "ada", PASSWORD).await, wrong, "the right password is not let in either");
        assert_eq!(refused(server, "nobody", PASSWORD).await, wrong);
    }
    // Guesses while the account is closed neither count nor prolong the closure.
    let before = user(&w, ADA).await;
    guess(&w, 3).await;
    assert_eq!(user(&w, ADA).await, before);
    assert_eq!(user(&w, EVE).await.failed_logins, 0, "others are not touched");
    // A password is hashed whether or not an open account exists.
    let open = fastest(&w, "eve").await;
    for name in ["ada", "nobody"] {
        let took = fastest(&w, name).await;
        assert!(took * 3 > open, "{name}: {took:?}, an open account takes {open:?}");
    }
}

async fn fastest(w: &TestAccess, name: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        refused(w, name, "wrong password").await;
        best = best.min(start.elapsed());
    }
    best
}

#[tokio::test]
async fn account_enumeration_staff_open_a_closed_account_and_both_are_on_record() {
    let w = TestAccess::new().await;
    guess(&w, AFTER).await;
    let mut write = w.control.begin().await.unwrap();
    internals::unlock(&mut write, &By::actor("user:4"), ADA).await.unwrap();
    write.commit().await.unwrap();
    w.login("ada").await;
    let audited = w.audited().await;
    for (action, actor) in [("user.lock", "system"), ("user.unlock", "user:4")] {
        assert_eq!(audited.iter().filter(|row| row.0 == action && row.1 == actor).count(), 1, "{action}");
    }
}

/// Returns the outcome of one sign-in from an address.
async fn outcome(w: &TestAccess, address: &str, name: &str, password: &str) -> &'static str {
    let outcome = w.access.login(attempt_from(address, name, password)).await;
    w.access.flush().await.unwrap();
    outcome.map_or_else(|error| error.code(), |_| "in")
}

async fn guess_from(w: &TestAccess, address: &str, times: i64) {
    for _ in 0..times {
        assert_eq!(outcome(w, address, "ada", "wrong password").await, "unauthenticated");
    }
}

#[tokio::test]
async fn account_enumeration_guesses_close_an_account_to_their_own_network_only() {
    let w = TestAccess::new().await;
    assert_eq!(outcome(&w, "10.0.0.1", "ada", PASSWORD).await, "in");
    for address in ["10.9.9.9", "2001:db8:1:2::1", "::ffff:10.8.8.8"] {
        guess_from(&w, address, AFTER).await;
    }
    assert!(user(&w, ADA).await.locked_until_us.is_some());
    assert_eq!(user(&w, ADA).await.failed_logins, 3 * AFTER);
    let other = w.second().await;
    for server in [&w, &other] {
        for address in ["10.9.9.9", "2001:db8:1:2::ffff", "10.8.8.8"] {
            assert_eq!(outcome(server, address, "ada", PASSWORD).await, "unauthenticated", "{address}");
        }
    }
    assert_eq!(outcome(&w, "10.0.0.1", "ada", PASSWORD).await, "in", "the network of its holder");
    assert_eq!(outcome(&other, "2001:db8:1:3::1", "ada", PASSWORD).await, "in", "one that is new");
    // Failures of other networks are not added to this network's own.
    guess_from(&w, "10.0.0.1", AFTER - 1).await;
    assert_eq!(outcome(&w, "10.0.0.1", "ada", PASSWORD).await, "in");
}

#[tokio::test]
async fn account_enumeration_many_networks_have_few_guesses_together_and_the_holder_is_not_slowed() {
    let w = TestAccess::new().await;
    assert_eq!(outcome(&w, "10.0.0.1", "ada", PASSWORD).await, "in");
    for name in ["ada", "no-such-account"] {
        let mut outcomes = std::collections::BTreeMap::new();
        for n in 0..60 {
            *outcomes
                .entry(outcome(&w, &format!("10.7.7.{n}"), name, "wrong password").await)
                .or_insert(0) += 1;
        }
        assert_eq!(outcomes, [("rate_limited", 30), ("unauthenticated", 30)].into(), "{name}");
    }
    assert_eq!(outcome(&w, "10.0.0.1", "ada", PASSWORD).await, "in", "the network of its holder");
    assert_eq!(outcome(&w, "10.0.0.2", "ada", PASSWORD).await, "rate_limited", "one that is new");
    // A password that a reset link or an operator sets clears the counts.
    w.access.set_password(&Operator::new("system"), ADA, Password::new("a brand new one")).await.unwrap();
    assert_eq!(outcome(&w, "10.0.0.2", "ada", "a brand new one").await, "in");
}

#[tokio::test]
async fn account_enumeration_guesses_at_nothing_are_answered_like_guesses_at_an_account() {
    let w = TestAccess::new().await;
    let mut told = std::collections::BTreeSet::new();
    for (net, name) in ["ada", "no-such-account"].into_iter().enumerate() {
        let mut outcomes = Vec::new();
        // Exceed the limit of a network and the limit of an account.
        for n in 0..100 {
            outcomes.push(outcome(&w, &format!("10.{net}.{}.1", n % 4), name, "wrong password").await);
        }
        told.insert(outcomes);
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_lock_from_a_future_clock_is_no_lock() {
    let w = TestAccess::new().await;
    let clock = w.control.clock();
    clock.jump_us(800 * 24 * HOUR_US);
    guess(&w, AFTER).await;
    clock.jump_us(-800 * 24 * HOUR_US);
    w.login("ada").await;
    // Failures counted during the jump do not count now either.
    clock.jump_us(800 * 24 * HOUR_US);
    guess(&w, AFTER).await;
    clock.jump_us(-800 * 24 * HOUR_US);
    guess(&w, 1).await;
    assert_eq!((user(&w, ADA).await.failed_logins, user(&w, ADA).await.locked_until_us), (1, None));
}

#[tokio::test]
async fn unlocking_opens_an_account_to_every_network() {
    let w = TestAccess::new().await;
    for address in ["10.9.9.9", "10.8.8.8"] {
        guess_from(&w, address, AFTER).await;
        assert_eq!(outcome(&w, address, "ada", PASSWORD).await, "unauthenticated");
    }
    let mut write = w.control.begin().await.unwrap();
    internals::unlock(&mut write, &By::actor("user:4"), ADA).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!((user(&w, ADA).await.failed_logins, user(&w, ADA).await.locked_until_us), (0, None));
    for address in ["10.9.9.9", "10.8.8.8"] {
        assert_eq!(outcome(&w, address, "ada", PASSWORD).await, "in", "{address}");
    }
}

#[tokio::test]
async fn a_changed_password_forgets_where_the_old_one_was_used() {
    let w = TestAccess::new().await;
    for address in ["10.0.0.1", "10.0.0.2"] {
        assert_eq!(outcome(&w, address, "ada", PASSWORD).await, "in");
    }
    let ada = w.actor(&w.login("ada").await).await;
    let (old, new) = (Password::new(PASSWORD), Password::new("a brand new one"));
    w.access.change_password(&ada, old, new, &from("10.0.0.3")).await.unwrap();
    let mut tx = w.control.snapshot().await.unwrap();
    let rows = tx.query("SELECT network FROM known_networks WHERE user_id = 1", &[]).await.unwrap();
    let known: Vec<_> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(known, ["10.0.0.3"]);
}
