//! Accounts that are guessed at: closed for a while and longer each time, stored, opened by staff, and
//! nothing of it can be told from outside (threat 41).

use crate::access_kit::{ADA, EVE, PASSWORD, World, attempt};
use std::time::{Duration, Instant};
use tenantry::{
    Error,
    audit::By,
    users::{self, User},
};
use tenantry_engine::name::UserId;

const MINUTE_US: i64 = 60_000_000;
/// As the configuration's default.
const AFTER: i64 = 10;

async fn user(w: &World, id: UserId) -> User {
    users::by_id(&mut w.control.snapshot().await.unwrap(), id).await.unwrap()
}

/// The private text of the refusal, which is the same for everything that does not fit.
async fn refused(w: &World, name: &str, password: &str) -> String {
    let Err(error) = w.access.login(attempt(name, password, None)).await else { panic!("let in") };
    assert!(matches!(error, Error::Unauthenticated(_)), "{error}");
    error.to_string()
}

async fn guess(w: &World, times: i64) -> String {
    let mut text = String::new();
    for _ in 0..times {
        text = refused(w, "ada", "wrong password").await;
        w.access.flush().await.unwrap();
    }
    text
}

#[tokio::test]
async fn threat_41_a_guessed_at_account_closes_for_longer_each_time() {
    let w = World::new().await;
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
    // Left alone for a day it begins anew.
    w.control.clock().advance_us(26 * 60 * MINUTE_US);
    guess(&w, 1).await;
    assert_eq!(user(&w, ADA).await.failed_logins, 1);
    w.login("ada").await;
}

#[tokio::test]
async fn threat_41_a_closed_account_answers_like_a_wrong_password_on_every_server() {
    let w = World::new().await;
    let wrong = guess(&w, AFTER).await;
    let other = w.second().await;
    for server in [&w, &other] {
        assert_eq!(refused(server, "ada", PASSWORD).await, wrong, "the right password is not let in either");
        assert_eq!(refused(server, "nobody", PASSWORD).await, wrong);
    }
    // Guesses at it while it is closed neither count nor prolong it.
    let before = user(&w, ADA).await;
    guess(&w, 3).await;
    assert_eq!(user(&w, ADA).await, before);
    assert_eq!(user(&w, EVE).await.failed_logins, 0, "others are not touched");
    // The work of a hash is done whether or not there is an account that is open.
    let open = fastest(&w, "eve").await;
    for name in ["ada", "nobody"] {
        let took = fastest(&w, name).await;
        assert!(took * 3 > open, "{name}: {took:?}, an open account takes {open:?}");
    }
}

async fn fastest(w: &World, name: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        refused(w, name, "wrong password").await;
        best = best.min(start.elapsed());
    }
    best
}

#[tokio::test]
async fn threat_41_staff_open_a_closed_account_and_both_are_on_record() {
    let w = World::new().await;
    guess(&w, AFTER).await;
    let mut write = w.control.begin().await.unwrap();
    users::unlock(&mut write, &By::actor("user:4"), ADA).await.unwrap();
    write.commit().await.unwrap();
    w.login("ada").await;
    let audited = w.audited().await;
    for (action, actor) in [("user.lock", "system"), ("user.unlock", "user:4")] {
        assert_eq!(audited.iter().filter(|row| row.0 == action && row.1 == actor).count(), 1, "{action}");
    }
}
