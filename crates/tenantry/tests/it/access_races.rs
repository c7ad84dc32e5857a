//! A password that changes while another process uses it (`late-revocation`).

use super::access_kit::*;
use std::time::Duration;
use tenantry::{
    access::{passwords::Password, sessions::Origin},
    audit::By,
    internals::{Write, set_flags, set_password_hash},
    users::Flags,
};

const NEW: &str = "a brand new one";

/// Waits long enough for other tasks to verify a password and to reach the write that waits for ours.
async fn others_come_to_their_write() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

/// Changes ada's password and commits while the other tasks wait.
async fn change(mut write: Write) {
    let hash = tenantry::access::passwords::Passwords::new(1).hash(Password::new(NEW)).await.unwrap();
    set_password_hash(&mut write, &By::system(), ADA, &hash).await.unwrap();
    write.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_revocation_a_sign_in_that_began_before_a_new_password_makes_no_session() {
    let w = TestAccess::new().await;
    let write = w.control.begin().await.unwrap();
    let sign_in = w.access.login(attempt("ada", PASSWORD, None));
    let (outcome, ()) = tokio::join!(sign_in, async {
        others_come_to_their_write().await;
        change(write).await;
    });
    assert_eq!(outcome.expect_err("the password changed").code(), "unauthenticated");
    assert!(w.access.login(attempt("ada", NEW, None)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_revocation_a_change_with_the_old_password_does_not_undo_a_new_one() {
    let w = TestAccess::new().await;
    let ada = w.actor(&w.login("ada").await).await;
    let write = w.control.begin().await.unwrap();
    let (old, theirs, origin) =
        (Password::new(PASSWORD), Password::new("an intruder's choice"), Origin::default());
    let changing = w.access.change_password(&ada, old, theirs, &origin);
    let (outcome, ()) = tokio::join!(changing, async {
        others_come_to_their_write().await;
        change(write).await;
    });
    assert_eq!(outcome.expect_err("the password changed").code(), "unauthenticated");
    assert!(w.access.login(attempt("ada", NEW, None)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_revocation_staff_whose_credentials_changed_begin_no_impersonation() {
    let w = TestAccess::new().await;
    let staff = w.actor(&w.login("staff").await).await;
    let mut write = w.control.begin().await.unwrap();
    set_password_hash(&mut write, &By::system(), STAFF, "none").await.unwrap();
    write.commit().await.unwrap();
    // A request that was let in just before the change.
    let begun = w.impersonate(&staff, &wish("ticket 12", 60), &Origin::default()).await;
    assert_eq!(begun.expect_err("void").code(), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_revocation_a_user_who_was_closed_meanwhile_is_not_let_in() {
    let w = TestAccess::new().await;
    let mut write = w.control.begin().await.unwrap();
    let sign_in = w.access.login(attempt("eve", PASSWORD, None));
    let (outcome, ()) = tokio::join!(sign_in, async {
        others_come_to_their_write().await;
        let flags = Flags { is_superuser: false, is_staff: false, is_active: false };
        let role = role("owner");
        set_flags(&mut write, &By::system(), EVE, flags, &role).await.unwrap();
        write.commit().await.unwrap();
    });
    assert_eq!(outcome.expect_err("closed").code(), "unauthenticated");
}
