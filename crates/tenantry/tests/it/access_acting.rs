//! Impersonation: with a reason, for an hour, with the rights of the impersonated user and no more
//! (`impersonation-abuse`).

use super::access_kit::*;
use tenantry::{
    access::{api_keys::NewKey, impersonation::Impersonate, passwords::Password, sessions::Origin},
    internals::Subject,
};

/// A user becomes staff while being impersonated: the impersonator does not gain the new rights.
#[tokio::test]
async fn impersonation_abuse_rights_that_the_other_gains_are_not_the_impersonators() {
    let world = World::new().await;
    let staff = world.actor(&world.login("staff").await).await;
    let as_ada = world.access.impersonate(&staff, &wish("ticket 12", 60), &Origin::default()).await;
    let token = as_ada.expect("ada").token.reveal();
    let raise = "UPDATE users SET is_staff = 1, is_superuser = 1 WHERE id = ?";
    world.change(raise, &[ADA.get().into()], Subject::User(ADA)).await;
    let herself = world.actor(&world.login("ada").await).await;
    assert!(herself.is_staff() && herself.is_superuser(), "as herself she has them");
    let acting = world.actor(&token).await;
    assert_eq!((acting.label(), acting.impersonator()), ("user:1", Some("user:4")));
    assert!(!acting.is_staff() && !acting.is_superuser());
    assert_eq!(acting.require_staff().expect_err("absent").code(), "not_found");
}

#[tokio::test]
async fn impersonation_abuse_impersonation_has_a_reason_an_end_and_two_names() {
    let world = World::new().await;
    let staff_token = world.login("staff").await;
    let staff = world.actor(&staff_token).await;
    let origin = Origin::default();
    let start = async |wish: Impersonate| world.access.impersonate(&staff, &wish, &origin).await;
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
    let tenant = world.enter(&by_session(&token)).await.expect("entered");
    assert_eq!((tenant.actor().label(), tenant.actor().impersonator()), ("user:1", Some("user:4")));
    assert_eq!(tenant.actor().role(), Some(&role("owner")));
    assert!(!tenant.actor().is_staff(), "the other's rights, never more");
    let new = NewKey { name: "x".into(), role: "member".into(), expires_us: None };
    assert_eq!(world.access.api_keys().create(&tenant, new).await.expect_err("no keys").code(), "denied");
    let actor = tenant.actor().clone();
    drop(tenant);
    let change = world.access.change_password(
        &actor,
        Password::new(PASSWORD),
        Password::new("a brand new one"),
        &origin,
    );
    assert_eq!(change.await.expect_err("no password").code(), "denied");
    assert_eq!(
        world.access.sessions().revoke_others(&actor).await.expect_err("no sessions").code(),
        "denied"
    );
    assert_eq!(world.access.switch_tenant(&actor, ALPHA).await.expect_err("no switch").code(), "denied");
    assert_eq!(
        world
            .access
            .impersonate(&actor, &wish("ticket 13", 5), &origin)
            .await
            .expect_err("no nesting")
            .code(),
        "denied"
    );
    world.access.stop_impersonating(&actor).await.expect("exit");
    assert!(world.enter(&by_session(&token)).await.is_err());
    assert!(world.access.resolve(&by_session(&staff_token)).await.is_ok(), "their own session stays");
    let log = world.audited().await;
    for action in ["impersonation.start", "impersonation.stop"] {
        assert!(
            log.contains(&(action.into(), "user:1".into(), Some("user:4".into()))),
            "{action} in {log:?}"
        );
    }
}

#[tokio::test]
async fn impersonation_abuse_impersonation_ends_with_its_hour_and_with_the_right_to_it() {
    let world = World::new().await;
    let staff_token = world.login("staff").await;
    let staff = world.actor(&staff_token).await;
    let origin = Origin::default();
    let hour = world
        .access
        .impersonate(&staff, &wish("ticket 12", 60), &origin)
        .await
        .expect("start")
        .token
        .reveal();
    world.control.clock().advance_us(HOUR_US - 10_000_000);
    assert!(world.enter(&by_session(&hour)).await.is_ok());
    world.control.clock().advance_us(10_000_000);
    assert!(world.enter(&by_session(&hour)).await.is_err(), "an hour is over");
    let again =
        world.access.impersonate(&staff, &wish("ticket 12", 5), &origin).await.expect("start").token.reveal();
    assert!(world.enter(&by_session(&again)).await.is_ok());
    world.change("UPDATE users SET is_staff = 0 WHERE id = 4", &[], Subject::User(STAFF)).await;
    assert!(world.enter(&by_session(&again)).await.is_err(), "no staff any more");
    let ada = world.actor(&world.login("ada").await).await;
    assert_eq!(
        world.access.impersonate(&ada, &wish("ticket 12", 5), &origin).await.expect_err("no staff").code(),
        "not_found"
    );
    world.change("UPDATE users SET is_staff = 1 WHERE id IN (1, 4)", &[], Subject::Everything).await;
    let staff = world.actor(&staff_token).await;
    let error =
        world.access.impersonate(&staff, &wish("ticket 12", 5), &origin).await.expect_err("staff as staff");
    assert_eq!(error.code(), "denied", "nobody gains the platform's rights this way");
}
