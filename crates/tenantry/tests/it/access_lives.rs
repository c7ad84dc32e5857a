//! Lifetime of credentials: sign-in, expiry, revocation in every process (`account-enumeration` and `late-revocation`).

use super::access_kit::*;
use tenantry::{
    access::{api_keys::NewKey, passwords::Password, sessions::Origin},
    audit::By,
    internals::{Subject, members},
};

#[tokio::test]
async fn account_enumeration_all_that_is_wrong_with_a_log_in_looks_the_same() {
    let test = TestAccess::new().await;
    test.change("UPDATE users SET is_active = 0 WHERE id = 3", &[], Subject::User(EVE)).await;
    let locked = "INSERT INTO login_failures (user_id, network, failed, locked_until, at) VALUES (4, '', 10, ?1 + 60000000, ?1)";
    test.change(locked, &[test.control.now_us().into()], Subject::User(STAFF)).await;
    test.change("UPDATE users SET password_hash = NULL WHERE id = 5", &[], Subject::User(ROOT)).await;
    let mut texts = std::collections::BTreeSet::new();
    for login in [
        attempt("nobody", PASSWORD, None),
        attempt("ada", "wrong password", None),
        attempt("eve", PASSWORD, None),
        attempt("staff", PASSWORD, None),
        attempt("root", PASSWORD, None),
        attempt("ada", PASSWORD, Some("beta")),
        attempt("ada", PASSWORD, Some("nobody")),
    ] {
        let error = test.access.login(login).await.expect_err("refused");
        texts.insert((error.code(), error.public_title(), error.to_string()));
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    for _ in 0..40 {
        let _ = test.access.login(attempt("nobody", "wrong password", None)).await;
    }
    let error = test.access.login(attempt("nobody", PASSWORD, None)).await.expect_err("too often");
    assert_eq!(error.code(), "rate_limited");
}

#[tokio::test]
async fn a_log_in_offers_the_tenants_of_the_user() {
    let test = TestAccess::new().await;
    let one = test.access.login(attempt("ADA", PASSWORD, None)).await.expect("ada");
    assert_eq!((one.tenant, one.choices.len()), (Some(ALPHA), 1));
    let ask = test.access.login(attempt("bob", PASSWORD, None)).await.expect("bob");
    let names: Vec<_> = ask.choices.iter().map(|c| (c.slug.as_str(), c.role.as_str())).collect();
    assert_eq!((ask.tenant, names), (None, vec![("alpha", "member"), ("beta", "owner")]));
    let token = ask.token.reveal();
    let actor = test.actor(&token).await;
    test.access.switch_tenant(&actor, BETA).await.expect("his");
    assert_eq!(test.enter(&by_session(&token)).await.expect("beta").id(), BETA);
    let actor = test.actor(&test.login("ada").await).await;
    assert_eq!(test.access.switch_tenant(&actor, BETA).await.expect_err("not hers").code(), "not_found");
    let none = test.access.login(attempt("staff", PASSWORD, None)).await.expect("staff");
    assert_eq!((none.tenant, none.choices.len()), (None, 0));
}

#[tokio::test]
async fn expiry_is_to_the_microsecond() {
    let test = TestAccess::new().await;
    let clock = test.control.clock();
    let signed_in = test.access.login(attempt("ada", PASSWORD, None)).await.expect("ada");
    let session = signed_in.token.reveal();
    let (key, _) = test.key("ada", "alpha", Some(test.control.now_us() + HOUR_US)).await;
    clock.advance_us(HOUR_US - 10_000_000);
    assert!(test.enter(&by_key(&key)).await.is_ok(), "ten seconds before");
    clock.advance_us(10_000_000);
    assert_eq!(test.enter(&by_key(&key)).await.expect_err("over").code(), "unauthenticated");
    clock.advance_us(signed_in.expires_us - test.control.now_us() - 10_000_000);
    assert!(test.enter(&by_session(&session)).await.is_ok(), "ten seconds before");
    clock.advance_us(signed_in.expires_us - test.control.now_us());
    assert_eq!(test.enter(&by_session(&session)).await.expect_err("over").code(), "unauthenticated");
    // Removal depends on the witnessed time, which may be slightly behind.
    clock.advance_us(60_000_000);
    assert!(test.access.sessions().purge_expired(1000).await.expect("purge") >= 1);
}

#[tokio::test]
async fn a_trial_ends_to_the_microsecond() {
    let test = TestAccess::new().await;
    let rows =
        test.control.snapshot().await.expect("tx").query("SELECT ends_at FROM subscriptions", &[]).await;
    let ends_us = rows.expect("rows")[0].integer(0).expect("an end");
    test.control.clock().advance_us(ends_us - test.control.now_us() - 20_000_000);
    let session = test.login("ada").await;
    assert!(test.enter(&by_session(&session)).await.is_ok(), "twenty seconds before");
    test.control.clock().advance_us(ends_us - test.control.now_us());
    let error = test.enter(&by_session(&session)).await.expect_err("over");
    assert_eq!(error.code(), "subscription_required");
    let actor = test.actor(&session).await;
    let (record, _) = test.access.belongs(&actor, ALPHA).await.expect("the account page still knows her");
    assert_eq!(record.slug, slug("alpha"));
}

#[tokio::test]
async fn late_revocation_the_request_after_a_revocation_is_refused_in_every_process() {
    let test = TestAccess::new().await;
    let other = test.second().await;
    let warm = async |p: &tenantry::access::Presented<'_>| {
        for process in [&test, &other] {
            for _ in 0..3 {
                drop(process.enter(p).await.expect("warm"));
            }
        }
    };
    let refused = async |p: &tenantry::access::Presented<'_>, why: &str| {
        for process in [&test, &other] {
            let error = process.enter(p).await.expect_err(why);
            assert!(["unauthenticated", "not_found"].contains(&error.code()), "{why}: {error}");
        }
    };
    let token = test.login("ada").await;
    warm(&by_session(&token)).await;
    test.access.logout(&test.actor(&token).await).await.expect("log out");
    refused(&by_session(&token), "logged out").await;

    let (token, mine) = (test.login("ada").await, test.login("ada").await);
    warm(&by_session(&token)).await;
    assert_eq!(other.access.sessions().revoke_others(&other.actor(&mine).await).await.expect("others"), 1);
    refused(&by_session(&token), "revoked by the user").await;
    warm(&by_session(&mine)).await;

    let staff = test.actor(&test.login("staff").await).await;
    assert_eq!(test.access.sessions().revoke_all(&staff, ADA).await.expect("all"), 1);
    refused(&by_session(&mine), "revoked by staff").await;

    let (key, id) = test.key("ada", "alpha", None).await;
    warm(&by_key(&key)).await;
    let owner = test.login("ada").await;
    let tenant = test.enter(&by_session(&owner)).await.expect("owner");
    test.access.api_keys().revoke(&tenant, id).await.expect("revoke");
    assert_eq!(test.access.api_keys().revoke(&tenant, id).await.expect_err("twice").code(), "not_found");
    drop(tenant);
    refused(&by_key(&key), "key revoked").await;

    let token = jwt(ISSUER, BOB, Some("beta_ext"));
    warm(&by_bearer(&token)).await;
    test.change("UPDATE tenants SET settings = '{}' WHERE id = 2", &[], Subject::Tenant(BETA)).await;
    refused(&by_bearer(&token), "external id taken away").await;
    let token = jwt(ISSUER, BOB, Some("beta"));
    warm(&by_bearer(&token)).await;
    test.change("DELETE FROM identities WHERE user_id = 2", &[], Subject::User(BOB)).await;
    let bob = test.login_in("bob", Some("alpha")).await;
    warm(&by_session(&bob)).await;
    refused(&by_bearer(&token), "identity unlinked, while the user is in memory again").await;

    let bob = test.login_in("bob", Some("alpha")).await;
    warm(&by_session(&bob)).await;
    test.change("DELETE FROM memberships WHERE user_id = 2 AND tenant = 1", &[], Subject::User(BOB)).await;
    refused(&by_session(&bob), "no member any more").await;

    warm(&by_session(&owner)).await;
    other.change("UPDATE users SET is_active = 0 WHERE id = 1", &[], Subject::User(ADA)).await;
    refused(&by_session(&owner), "user closed").await;
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let test = TestAccess::new().await;
    let (old, mine) = (test.login("ada").await, test.login("ada").await);
    let actor = test.actor(&mine).await;
    let change = async |from: &str, to: &str| {
        test.access.change_password(&actor, Password::new(from), Password::new(to), &Origin::default()).await
    };
    assert_eq!(
        change("not the old one", "a brand new one").await.expect_err("wrong").code(),
        "unauthenticated"
    );
    assert_eq!(change(PASSWORD, "short").await.expect_err("weak").code(), "invalid");
    let fresh = change(PASSWORD, "a brand new one").await.expect("changed").token.reveal();
    for gone in [&old, &mine] {
        assert!(test.enter(&by_session(gone)).await.is_err());
    }
    assert!(test.enter(&by_session(&fresh)).await.is_ok());
    assert!(test.access.login(attempt("ada", PASSWORD, None)).await.is_err());
    assert!(test.access.login(attempt("ada", "a brand new one", None)).await.is_ok());
}

#[tokio::test]
async fn late_revocation_credentials_set_by_somebody_else_void_what_was_before() {
    let test = TestAccess::new().await;
    let (ada, staff_token) = (test.login("ada").await, test.login("staff").await);
    let staff = test.actor(&staff_token).await;
    let begun = test.impersonate(&staff, &wish("ticket 12", 60), &Origin::default()).await;
    let as_ada = begun.expect("start").token.reveal();
    let void = async |user: tenantry_engine::name::UserId| {
        let sql = format!("UPDATE users SET credentials = credentials + 1 WHERE id = {user}");
        test.change(&sql, &[], Subject::User(user)).await;
    };
    assert!(test.enter(&by_session(&as_ada)).await.is_ok());
    void(STAFF).await;
    assert!(test.enter(&by_session(&as_ada)).await.is_err(), "the impersonator's credentials changed");
    assert!(test.enter(&by_session(&ada)).await.is_ok(), "hers did not");
    void(ADA).await;
    assert_eq!(test.enter(&by_session(&ada)).await.expect_err("void").code(), "unauthenticated");
    assert!(test.enter(&by_session(&test.login("ada").await)).await.is_ok(), "a new session is good");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_void_new_sessions() {
    let test = TestAccess::new().await;
    let ada = test.actor(&test.login("ada").await).await;
    let (old, new) = (Password::new(PASSWORD), Password::new("a brand new one"));
    test.access.change_password(&ada, old, new, &Origin::default()).await.expect("change");
    test.control.clock().advance_us(-HOUR_US);
    let signed_in = test.access.login(attempt("ada", "a brand new one", None)).await.expect("login");
    assert!(test.enter(&by_session(&signed_in.token.reveal())).await.is_ok(), "one hour behind");
    test.control.clock().advance_us(3 * HOUR_US);
    let signed_in = test.access.login(attempt("ada", "a brand new one", None)).await.expect("login");
    assert!(test.enter(&by_session(&signed_in.token.reveal())).await.is_ok(), "two hours ahead");
}

#[tokio::test]
async fn sessions_are_their_owners_to_see_and_end() {
    let test = TestAccess::new().await;
    let (ada, eve) = (test.login("ada").await, test.login("eve").await);
    let (ada, eve) = (test.actor(&ada).await, test.actor(&eve).await);
    let mine = test.access.sessions().list(&ada).await.expect("list");
    assert_eq!(mine.len(), 1);
    assert_eq!(
        test.access.sessions().revoke(&eve, mine[0].id).await.expect_err("not hers").code(),
        "not_found"
    );
    assert_eq!(test.access.sessions().revoke_all(&eve, ADA).await.expect_err("no staff").code(), "not_found");
    for _ in 0..60 {
        test.login("ada").await;
    }
    assert_eq!(test.access.sessions().list(&ada).await.expect("list").len(), 50, "the oldest make room");
    let hashes = test
        .control
        .snapshot()
        .await
        .expect("tx")
        .query("SELECT token_hash FROM sessions", &[])
        .await
        .expect("rows");
    assert!(
        hashes.iter().all(|row| row.text(0).is_ok_and(|hash| hash.len() == 64 && !hash.contains("tns_")))
    );
}

#[tokio::test]
async fn keys_are_managed_by_owners_themselves() {
    let test = TestAccess::new().await;
    let new =
        |role_name: &str, name: &str| NewKey { name: name.into(), role: role_name.into(), expires_us: None };
    let ada = test.login("ada").await;
    let tenant = test.enter(&by_session(&ada)).await.expect("owner");
    let keys = test.access.api_keys();
    for (wrong, code) in [
        (new("nonsense", "x"), "invalid"),
        (new("member", " "), "invalid"),
        (NewKey { expires_us: Some(1), ..new("member", "x") }, "invalid"),
    ] {
        assert_eq!(keys.create(&tenant, wrong).await.expect_err("wrong").code(), code);
    }
    let (token, info) = keys.create(&tenant, new("owner", "robot")).await.expect("key");
    let text = token.reveal();
    assert!(text.starts_with(&info.prefix) && info.prefix.len() < 12);
    assert_eq!(keys.list(&tenant).await.expect("list").len(), 1);
    drop(tenant);
    let robot = test.enter(&by_key(&text)).await.expect("robot");
    assert_eq!(keys.create(&robot, new("owner", "offspring")).await.expect_err("a key").code(), "denied");
    let bob = test.login_in("bob", Some("alpha")).await;
    let member = test.enter(&by_session(&bob)).await.expect("member");
    assert_eq!(keys.list(&member).await.expect_err("no owner").code(), "denied");
    let eve = test.login("eve").await;
    let stranger = test.enter(&by_session(&eve)).await.expect("beta");
    assert_eq!(keys.revoke(&stranger, info.id).await.expect_err("another tenant's").code(), "not_found");
}

#[tokio::test]
async fn last_use_is_written_late_and_coarsely() {
    let test = TestAccess::new().await;
    let token = test.login("ada").await;
    let seen = async || {
        let mut tx = test.control.snapshot().await.expect("tx");
        let rows = tx.query("SELECT seen_at, created_at FROM sessions", &[]).await.expect("rows");
        rows[0].integer(0).expect("seen") - rows[0].integer(1).expect("made")
    };
    for minutes in [0, 4] {
        test.control.clock().advance_us(minutes * HOUR_US / 60);
        drop(test.enter(&by_session(&token)).await.expect("in"));
        test.access.flush().await.expect("flush");
        assert_eq!(seen().await, 0, "within five minutes nothing is written");
    }
    test.control.clock().advance_us(2 * HOUR_US / 60);
    for _ in 0..5 {
        drop(test.enter(&by_session(&token)).await.expect("in"));
    }
    assert_eq!(seen().await, 0, "not in the request");
    test.access.flush().await.expect("flush");
    assert!(seen().await >= 6 * HOUR_US / 60, "but soon after");
}

#[tokio::test]
async fn the_audit_chain_holds_over_everything_access_does() {
    let test = TestAccess::new().await;
    let token = test.login("ada").await;
    test.key("ada", "alpha", None).await;
    test.access.logout(&test.actor(&token).await).await.expect("log out");
    let actions: Vec<_> = test.audited().await.into_iter().map(|(action, _, _)| action).collect();
    assert_eq!(actions, ["session.create", "session.create", "api_key.create", "session.revoke"]);
}

#[tokio::test]
async fn being_added_to_a_second_tenant_keeps_the_first_as_default() {
    let test = TestAccess::new().await;
    let mut write = test.control.begin().await.expect("begin");
    for user in [EVE, STAFF] {
        members::add(&mut write, &By::system(), user, ALPHA, &role("member")).await.expect("add");
    }
    write.commit().await.expect("commit");
    let signed_in = test.access.login(attempt("eve", PASSWORD, None)).await.expect("eve");
    assert_eq!((signed_in.tenant, signed_in.choices.len()), (Some(BETA), 2));
    // Staff who are added to a tenant still sign in to none by default.
    let signed_in = test.access.login(attempt("staff", PASSWORD, None)).await.expect("staff");
    assert_eq!((signed_in.tenant, signed_in.choices.len()), (None, 1));
    // A sign-in that names no tenant opens the one requested last.
    for wanted in [Some("alpha"), None] {
        let signed_in = test.access.login(attempt("eve", PASSWORD, wanted)).await.expect("eve");
        assert_eq!(signed_in.tenant, Some(ALPHA), "{wanted:?}");
    }
}
