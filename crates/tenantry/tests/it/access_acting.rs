//! Impersonation: with a reason, for an hour, with the rights of the impersonated user and no more
//! (`impersonation-abuse`).

use super::access_kit::*;
use tenantry::{
    access::{
        api_keys::NewKey, impersonation::Impersonate, passwords::Password, sessions::Origin,
        step_up::FRESH_MINUTES,
    },
    internals::Subject,
};

/// A user becomes staff while being impersonated: the impersonator does not gain the new rights.
#[tokio::test]
async fn impersonation_abuse_rights_that_the_other_gains_are_not_the_impersonators() {
    let test = TestAccess::new().await;
    let staff = test.actor(&test.login("staff").await).await;
    let as_ada = test.impersonate(&staff, &wish("ticket 12", 60), &Origin::default()).await;
    let token = as_ada.expect("ada").token.reveal();
    let raise = "UPDATE users SET is_staff = 1, is_superuser = 1 WHERE id = ?";
    test.change(raise, &[ADA.get().into()], Subject::User(ADA)).await;
    let herself = test.actor(&test.login("ada").await).await;
    assert!(herself.is_staff() && herself.is_superuser(), "as herself she has them");
    let acting = test.actor(&token).await;
    assert_eq!((acting.label(), acting.impersonator()), ("user:1", Some("user:4")));
    assert!(!acting.is_staff() && !acting.is_superuser());
    assert_eq!(acting.require_staff().expect_err("absent").code(), "not_found");
}

#[tokio::test]
async fn impersonation_abuse_impersonation_has_a_reason_an_end_and_two_names() {
    let test = TestAccess::new().await;
    let staff_token = test.login("staff").await;
    let staff = test.actor(&staff_token).await;
    let origin = Origin::default();
    let start = async |wish: Impersonate| test.impersonate(&staff, &wish, &origin).await;
    for (wrong, code) in [
        (wish("", 10), "invalid"),
        (wish("    x  ", 10), "invalid"),
        (wish("ticket 12", 0), "invalid"),
        (wish("ticket 12", 61), "invalid"),
        (Impersonate { user: Some(EVE), ..wish("ticket 12", 10) }, "not_found"),
        (
            Impersonate { tenant: tenantry_engine::name::TenantId::from_raw(99), ..wish("ticket 12", 10) },
            "not_found",
        ),
    ] {
        assert_eq!(start(wrong.clone()).await.expect_err("refused").code(), code, "{wrong:?}");
    }
    let as_ada = start(wish("ticket 12", 60)).await.expect("ada");
    assert_eq!(as_ada.user, ADA);
    let token = as_ada.token.reveal();
    let tenant = test.enter(&by_session(&token)).await.expect("entered");
    assert_eq!((tenant.actor().label(), tenant.actor().impersonator()), ("user:1", Some("user:4")));
    assert_eq!(tenant.actor().role(), Some(&role("owner")));
    assert!(!tenant.actor().is_staff(), "the other's rights, never more");
    let new = NewKey { name: "x".into(), role: "member".into(), expires_us: None };
    assert_eq!(test.access.api_keys().create(&tenant, new).await.expect_err("no keys").code(), "denied");
    let actor = tenant.actor().clone();
    drop(tenant);
    let change = test.access.change_password(
        &actor,
        Password::new(PASSWORD),
        Password::new("a brand new one"),
        &origin,
    );
    assert_eq!(change.await.expect_err("no password").code(), "denied");
    assert_eq!(test.access.sessions().revoke_others(&actor).await.expect_err("no sessions").code(), "denied");
    assert_eq!(test.access.switch_tenant(&actor, ALPHA).await.expect_err("no switch").code(), "denied");
    assert_eq!(
        test.impersonate(&actor, &wish("ticket 13", 5), &origin).await.expect_err("no nesting").code(),
        "denied"
    );
    test.access.stop_impersonating(&actor).await.expect("exit");
    assert!(test.enter(&by_session(&token)).await.is_err());
    assert!(test.access.resolve(&by_session(&staff_token)).await.is_ok(), "their own session stays");
    let log = test.audited().await;
    for action in ["impersonation.start", "impersonation.stop"] {
        assert!(
            log.contains(&(action.into(), "user:1".into(), Some("user:4".into()))),
            "{action} in {log:?}"
        );
    }
}

#[tokio::test]
async fn impersonation_abuse_impersonation_ends_with_its_hour_and_with_the_right_to_it() {
    let test = TestAccess::new().await;
    let staff_token = test.login("staff").await;
    let staff = test.actor(&staff_token).await;
    let origin = Origin::default();
    let hour = test.impersonate(&staff, &wish("ticket 12", 60), &origin).await.expect("start").token.reveal();
    test.control.clock().advance_us(HOUR_US - 10_000_000);
    assert!(test.enter(&by_session(&hour)).await.is_ok());
    test.control.clock().advance_us(10_000_000);
    assert!(test.enter(&by_session(&hour)).await.is_err(), "an hour is over");
    let staff_token = test.login("staff").await;
    let staff = test.actor(&staff_token).await;
    let again = test.impersonate(&staff, &wish("ticket 12", 5), &origin).await.expect("start").token.reveal();
    assert!(test.enter(&by_session(&again)).await.is_ok());
    test.change("UPDATE users SET is_staff = 0 WHERE id = 4", &[], Subject::User(STAFF)).await;
    assert!(test.enter(&by_session(&again)).await.is_err(), "no staff any more");
    let ada = test.actor(&test.login("ada").await).await;
    assert_eq!(
        test.impersonate(&ada, &wish("ticket 12", 5), &origin).await.expect_err("no staff").code(),
        "not_found"
    );
    test.change("UPDATE users SET is_staff = 1 WHERE id IN (1, 4)", &[], Subject::Everything).await;
    let staff = test.actor(&staff_token).await;
    let error = test.impersonate(&staff, &wish("ticket 12", 5), &origin).await.expect_err("staff as staff");
    assert_eq!(error.code(), "denied", "nobody gains the platform's rights this way");
}

/// A stolen session is not enough to act as another user: the caller needs the password, or a sign-in within the last
/// minutes.
#[tokio::test]
async fn impersonation_abuse_an_old_session_needs_the_password_again() {
    let test = TestAccess::new().await;
    let staff = test.actor(&test.login("staff").await).await;
    let origin = Origin::default();
    let confirm = async |actor, password: Option<&str>| {
        test.access.confirm(actor, password.map(Password::new), &origin).await
    };
    let code = |confirmed: tenantry::Result<_>| confirmed.map(drop).map_err(|error| error.code());
    assert_eq!(code(confirm(&staff, None).await), Ok(()), "it is fresh");
    assert_eq!(code(confirm(&staff, Some("a guess")).await), Err("invalid"), "a wrong password never helps");
    test.control.clock().advance_us(FRESH_MINUTES * 60_000_000 + 1);
    assert_eq!(code(confirm(&staff, None).await), Err("confirmation_required"));
    assert_eq!(code(confirm(&staff, Some("a guess")).await), Err("invalid"));
    assert_eq!(code(confirm(&staff, Some(PASSWORD)).await), Ok(()));
    let again = test.actor(&test.login("staff").await).await;
    assert_eq!(code(confirm(&again, None).await), Ok(()));
}

/// For a token, the time of the sign-in at the issuer counts, not the time when the token was created.
#[tokio::test]
async fn impersonation_abuse_a_token_tells_when_its_person_signed_in() {
    let test = TestAccess::new().await;
    let now_s = test.control.now_us() / 1_000_000;
    for (auth_time, expected) in [
        (None, Err("confirmation_required")),
        (Some(now_s), Ok(())),
        (Some(now_s - FRESH_MINUTES * 60 - 1), Err("confirmation_required")),
        (Some(now_s + 3600), Err("confirmation_required")),
        (Some(i64::MAX), Err("confirmation_required")),
    ] {
        let token = jwt_since(ISSUER, ADA, None, auth_time);
        let actor = test.access.resolve(&by_bearer(&token)).await.expect("a valid token").actor;
        let confirmed = test.access.confirm(&actor, None, &Origin::default()).await;
        assert_eq!(confirmed.map(drop).map_err(|error| error.code()), expected, "{auth_time:?}");
    }
}
