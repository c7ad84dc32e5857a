//! One path for every credential: sources must agree, all pass the same gates, and strangers learn nothing
//! (`id-without-tenant`, `uneven-credentials`, `default-tenant`, `host-spoofing`, `sources-disagree` and
//! `foreign-issuer`; `absent-not-forbidden`).

use super::access_kit::*;
use tenantry::{
    access::{
        Presented,
        gates::{self, Verb},
    },
    internals::Subject,
};
use tenantry_engine::model::{Grant, Permissions};
use tenantry_testkit::property;

/// Everything that can name a tenant, for alpha and for beta. Bob belongs to both.
struct Names {
    session: [String; 2],
    claim: [String; 2],
}

const HOSTS: [&str; 2] = ["alpha.app.example:8000", "beta.app.example"];
const SLUGS: [&str; 2] = ["alpha", "beta"];

impl Names {
    async fn of(test: &TestAccess) -> Self {
        Self {
            session: [test.login_in("bob", Some("alpha")).await, test.login_in("bob", Some("beta")).await],
            claim: [jwt(ISSUER, BOB, Some("alpha")), jwt(ISSUER, BOB, Some("beta_ext"))],
        }
    }

    /// Builds a request. `sources` selects absent, alpha or beta for session, claim, host, path and header.
    fn present(&self, sources: [Option<usize>; 5]) -> Presented<'_> {
        let [session, claim, host, path, header] = sources;
        Presented {
            session: session.map(|i| self.session[i].as_str()),
            bearer: claim.map(|i| self.claim[i].as_str()),
            api_key: None,
            host: host.map(|i| HOSTS[i]),
            path_tenant: path.map(|i| SLUGS[i]),
            header_tenant: header.map(|i| SLUGS[i]),
        }
    }
}

#[tokio::test]
async fn sources_disagree_all_sources_that_are_present_must_agree() {
    let test = TestAccess::new().await;
    let names = Names::of(&test).await;
    let (mut entered, mut refused) = (0, 0);
    for n in 0..3_usize.pow(5) {
        let sources: [Option<usize>; 5] =
            std::array::from_fn(|i| [None, Some(0), Some(1)][n / 3_usize.pow(i as u32) % 3]);
        let said: Vec<usize> = sources.iter().flatten().copied().collect();
        let answer = test.enter(&names.present(sources)).await;
        let signed_in = sources[0].is_some() || sources[1].is_some();
        match (signed_in, said.as_slice()) {
            (false, _) => assert_eq!(answer.expect_err("anonymous").code(), "unauthenticated"),
            (true, said) if said.iter().all(|t| *t == said[0]) => {
                assert_eq!(answer.expect("agreed").id(), [ALPHA, BETA][said[0]], "{sources:?}");
                entered += 1;
            }
            _ => {
                let error = answer.expect_err(&format!("{sources:?}"));
                assert_eq!(error.public_title(), "no such tenant", "{sources:?}");
                refused += 1;
            }
        }
    }
    println!("{entered} combinations agreed, {refused} were refused");
    assert_eq!((entered, refused), (48, 168));
}

#[tokio::test]
async fn sources_disagree_a_key_agrees_with_nothing_but_its_own_tenant() {
    let test = TestAccess::new().await;
    let (key, _) = test.key("ada", "alpha", None).await;
    for (host, path, ok) in [
        (None, None, true),
        (Some(HOSTS[0]), Some("alpha"), true),
        (Some(HOSTS[1]), None, false),
        (None, Some("beta"), false),
        (Some(HOSTS[0]), Some("beta"), false),
        (Some("app.example"), None, true),
    ] {
        let p = Presented { host, path_tenant: path, ..by_key(&key) };
        assert_eq!(test.enter(&p).await.is_ok(), ok, "{host:?} {path:?}");
    }
    let session = test.login_in("ada", Some("alpha")).await;
    let both = Presented { session: Some(&session), ..by_key(&key) };
    assert_eq!(test.enter(&both).await.expect_err("two identities").code(), "unauthenticated");
    let eve = test.login("eve").await;
    let two = Presented { bearer: Some(&eve), ..by_session(&session) };
    assert_eq!(test.enter(&two).await.expect_err("two people").code(), "unauthenticated");
    for wrong in [Presented { session: Some(&key), ..Presented::default() }, by_key(&session)] {
        assert_eq!(test.enter(&wrong).await.expect_err("kind").code(), "unauthenticated");
    }
    let good_and_bad = Presented { bearer: Some("tns_nonsense"), ..by_session(&session) };
    assert!(test.enter(&good_and_bad).await.is_err(), "one bad credential spoils the good one");
}

/// Code with resolved credentials could request any tenant, so the gate itself must refuse.
#[tokio::test]
async fn uneven_credentials_who_was_let_in_by_a_key_enters_no_other_tenant() {
    let test = TestAccess::new().await;
    let (key, _) = test.key("ada", "alpha", None).await;
    let session = test.login_in("bob", Some("alpha")).await;
    for presented in [by_key(&key), by_session(&session)] {
        let actor = test.access.resolve(&presented).await.expect("resolved").actor;
        assert_eq!(test.access.enter(&actor, ALPHA).await.expect("its own").id(), ALPHA);
        let error = test.access.enter(&actor, BETA).await.expect_err("bound to alpha");
        assert_eq!(error.code(), "not_found");
        assert_eq!(test.access.belongs(&actor, BETA).await.expect_err("the same").code(), "not_found");
    }
}

#[tokio::test]
async fn uneven_credentials_every_credential_meets_the_same_gates() {
    let test = TestAccess::new().await;
    let session = test.login_in("bob", Some("beta")).await;
    let (key, _) = test.key("bob", "beta", None).await;
    let token = jwt(ISSUER, BOB, Some("beta"));
    let bound = jwt(BETA_ISSUER, BOB, Some("beta"));
    let kinds = [
        by_session(&session),
        by_bearer(&session),
        by_key(&key),
        by_bearer(&key),
        by_bearer(&token),
        by_bearer(&bound),
    ];
    let state = |state: &str| {
        (
            format!("UPDATE tenants SET state = '{state}' WHERE id = 2"),
            "UPDATE tenants SET state = 'active' WHERE id = 2".to_owned(),
        )
    };
    let over = "UPDATE subscriptions SET ends_at = 1 WHERE tenant = 2".to_owned();
    let live = "UPDATE subscriptions SET ends_at = NULL, state = 'active' WHERE tenant = 2".to_owned();
    let gone = "UPDATE subscriptions SET state = 'expired' WHERE tenant = 2".to_owned();
    let cases = [
        (state("suspended"), "tenant_suspended"),
        (state("cancelled"), "tenant_suspended"),
        (state("creating"), "not_found"),
        (state("gone"), "not_found"),
        ((over, live.clone()), "subscription_required"),
        ((gone, live), "subscription_required"),
    ];
    let mut tried = 0;
    for ((closed, open), code) in cases {
        test.change(&closed, &[], Subject::Tenant(BETA)).await;
        for p in &kinds {
            assert_eq!(test.enter(p).await.expect_err(&closed).code(), code, "{closed}");
            tried += 1;
        }
        test.change(&open, &[], Subject::Tenant(BETA)).await;
        for p in &kinds {
            assert_eq!(test.enter(p).await.unwrap_or_else(|e| panic!("{open}: {e}")).id(), BETA);
        }
    }
    println!("{tried} closed doors tried");
}

#[tokio::test]
async fn absent_not_forbidden_strangers_cannot_tell_a_tenant_from_none() {
    let test = TestAccess::new().await;
    let ada = test.login("ada").await;
    let staff = test.login("staff").await;
    let root = test.login("root").await;
    let unbound = jwt(ISSUER, ADA, None);
    let mut texts = std::collections::BTreeSet::new();
    for (host, path) in [
        (None, Some("beta")),
        (None, Some("nobody")),
        (Some("nobody.app.example"), None),
        (Some("beta.app.example"), None),
        (None, Some("../beta")),
        (Some("a.b.app.example"), None),
        (None, Some("admin")),
    ] {
        for p in [by_session(&ada), by_session(&staff), by_session(&root), by_bearer(&unbound)] {
            let error =
                test.enter(&Presented { host, path_tenant: path, ..p }).await.expect_err("a stranger");
            texts.insert((error.code(), error.public_title(), error.remedy()));
        }
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    test.change("UPDATE tenants SET state = 'suspended' WHERE id = 2", &[], Subject::Tenant(BETA)).await;
    let p = Presented { path_tenant: Some("beta"), ..by_session(&staff) };
    assert_eq!(test.enter(&p).await.expect_err("suspended").code(), "not_found", "state is for members");
}

#[tokio::test]
async fn default_tenant_nothing_named_is_nothing_entered() {
    let test = TestAccess::new().await;
    let bob = test.login("bob").await;
    let p = Presented { host: Some("app.example"), ..by_session(&bob) };
    let resolved = test.access.resolve(&p).await.expect("signed in");
    assert_eq!(resolved.tenant, None, "two tenants, none chosen, none guessed");
    assert_eq!(test.enter(&p).await.expect_err("none").code(), "not_found");
    let ada = test.login("ada").await;
    assert_eq!(test.enter(&by_session(&ada)).await.expect("her only one").id(), ALPHA);
    let actor = test.actor(&ada).await;
    assert_eq!(test.access.enter(&actor, BETA).await.expect_err("bound to alpha").code(), "not_found");
}

#[tokio::test]
async fn foreign_issuer_an_issuer_speaks_for_its_own_tenants_only() {
    let test = TestAccess::new().await;
    let good = jwt(BETA_ISSUER, BOB, Some("beta"));
    assert_eq!(test.enter(&by_bearer(&good)).await.expect("its own").id(), BETA);
    for claim in [Some("alpha"), Some("alpha_ext")] {
        let token = jwt(BETA_ISSUER, BOB, claim);
        assert_eq!(test.enter(&by_bearer(&token)).await.expect_err("alpha").code(), "not_found");
    }
    let unbound = jwt(BETA_ISSUER, BOB, None);
    let p = Presented { path_tenant: Some("alpha"), ..by_bearer(&unbound) };
    assert_eq!(test.enter(&p).await.expect_err("named by path").code(), "not_found");
    let session = test.login_in("bob", Some("alpha")).await;
    let p = Presented { session: Some(&session), ..by_bearer(&unbound) };
    assert!(test.enter(&p).await.is_err(), "a session does not widen the token");
    let stranger = jwt(ISSUER, EVE, Some("beta"));
    assert_eq!(test.enter(&by_bearer(&stranger)).await.expect_err("not linked").code(), "unauthenticated");
    let foreign = jwt(BETA_ISSUER, ADA, Some("beta"));
    assert!(test.enter(&by_bearer(&foreign)).await.is_err(), "a subject means nothing at another issuer");
}

#[tokio::test]
async fn foreign_issuer_an_issuer_of_a_tenant_never_carries_the_rights_of_the_platform() {
    let test = TestAccess::new().await;
    for user in [STAFF, ROOT] {
        for issuer in [ISSUER, BETA_ISSUER] {
            let sql = "INSERT INTO identities (issuer, subject, user_id, created_at) VALUES (?, ?, ?, 1)";
            let values = [issuer.into(), format!("sub-{user}").into(), user.get().into()];
            test.change(sql, &values, Subject::User(user)).await;
        }
        let ours = test.access.resolve(&by_bearer(&jwt(ISSUER, user, None))).await.expect("ours").actor;
        assert!(ours.is_staff(), "the platform's own issuer may");
        let token = jwt(BETA_ISSUER, user, None);
        let outside = test.access.resolve(&by_bearer(&token)).await.expect_err("no member of beta");
        assert_eq!(outside.code(), "unauthenticated");
        let sql = "INSERT INTO memberships (user_id, tenant, role, created_at) VALUES (?, ?, 'member', 1)";
        test.change(sql, &[user.get().into(), BETA.get().into()], Subject::User(user)).await;
        let theirs = test.access.resolve(&by_bearer(&token)).await.expect("theirs").actor;
        assert!(!theirs.is_staff() && !theirs.is_superuser());
        assert_eq!(theirs.require_staff().expect_err("no page of staff").code(), "not_found");
        assert_eq!(theirs.may_change_credentials().expect_err("no credentials").code(), "denied");
        let everything = Permissions { read: vec![Grant::Platform], ..Permissions::default() };
        assert!(!gates::allows(&theirs, &everything, Verb::Read));
    }
    let bob = test.access.resolve(&by_bearer(&jwt(BETA_ISSUER, BOB, None))).await.expect("bob").actor;
    let choices = test.access.choices_of(&bob).await.expect("choices");
    assert_eq!(choices.iter().map(|c| c.slug.as_str()).collect::<Vec<_>>(), ["beta"], "alpha is not told");
}

#[tokio::test]
async fn permission_lists_by_role_staff_and_superuser() {
    let test = TestAccess::new().await;
    let permissions = Permissions {
        read: vec![Grant::Any],
        create: vec![Grant::Role(role("owner")), Grant::Role(role("admin"))],
        update: vec![Grant::Platform],
        delete: vec![],
        read_only: false,
    };
    let ada = test.login("ada").await;
    let bob = test.login_in("bob", Some("alpha")).await;
    let (key, _) = test.key("ada", "alpha", None).await;
    for (p, expected) in [
        (by_session(&ada), [true, true, false, false]),
        (by_session(&bob), [true, false, false, false]),
        (by_key(&key), [true, false, false, false]),
    ] {
        let tenant = test.enter(&p).await.expect("member");
        assert_eq!(
            Verb::ALL.map(|verb| gates::allows(tenant.actor(), &permissions, verb)),
            expected,
            "{tenant:?}"
        );
    }
    for (name, expected) in [("staff", [true, false, true, false]), ("root", [true; 4]), ("ada", [false; 4])]
    {
        let session = test.login(name).await;
        let actor = test.actor(&session).await;
        assert_eq!(
            Verb::ALL.map(|verb| gates::allows(&actor, &permissions, verb)),
            expected,
            "{name} outside"
        );
    }
    let others = Permissions { read_only: true, ..permissions.clone() };
    let root = test.login("root").await;
    let root = test.actor(&root).await;
    assert_eq!(Verb::ALL.map(|verb| gates::allows(&root, &others, verb)), [true, false, false, false]);
    let tenant = test.enter(&by_session(&bob)).await.expect("member");
    assert_eq!(
        gates::require(tenant.actor(), &permissions, Verb::Create).expect_err("may read").code(),
        "denied"
    );
    let hidden = Permissions { read: vec![], ..permissions };
    assert_eq!(
        gates::require(tenant.actor(), &hidden, Verb::Create).expect_err("sees nothing").code(),
        "not_found"
    );
}

#[tokio::test]
async fn enforced_limits_concurrency_of_a_tenant_is_held_by_its_handles() {
    let test = TestAccess::new().await;
    let (ada, eve) = (test.login("ada").await, test.login("eve").await);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(test.enter(&by_session(&ada)).await.expect("three at once"));
    }
    assert_eq!(test.enter(&by_session(&ada)).await.expect_err("a fourth").code(), "rate_limited");
    assert!(test.enter(&by_session(&eve)).await.is_ok(), "others are untouched (`noisy-neighbour`)");
    drop(held.pop());
    assert!(test.enter(&by_session(&ada)).await.is_ok());
    let sql = "UPDATE plans SET limits = '{\"requests_per_second\": 1}'";
    test.change(sql, &[], Subject::Everything).await;
    let mut allowed = 0;
    for _ in 0..20 {
        allowed += usize::from(test.enter(&by_session(&ada)).await.is_ok());
    }
    assert_eq!(allowed, 10, "a burst of ten, then the rate; a new plan holds at once");
}

#[test]
fn rubbish_never_enters_and_never_panics() {
    property(
        200,
        proptest::collection::vec("\\PC{0,50}|tn[sk]_[A-Za-z0-9_-]{43}|eyJ[A-Za-z0-9_.-]{0,60}", 24),
        |texts| {
            static WORLD: std::sync::OnceLock<(tokio::runtime::Runtime, TestAccess)> =
                std::sync::OnceLock::new();
            let (runtime, test) = WORLD.get_or_init(|| {
                let runtime = tokio::runtime::Runtime::new().expect("runtime");
                let test = runtime.block_on(TestAccess::new());
                (runtime, test)
            });
            for six in texts.chunks_exact(6) {
                let p = Presented {
                    session: Some(&six[0]),
                    bearer: Some(&six[1]),
                    api_key: Some(&six[2]),
                    host: Some(&six[3]),
                    path_tenant: Some(&six[4]),
                    header_tenant: Some(&six[5]),
                };
                for p in [p, Presented { session: None, ..p }, Presented { session: None, bearer: None, ..p }]
                {
                    let error = runtime.block_on(test.enter(&p)).expect_err("rubbish");
                    assert!(["unauthenticated", "not_found"].contains(&error.code()), "{error}");
                }
            }
        },
    );
}

#[tokio::test]
async fn the_futures_of_a_warm_request_stay_small() {
    let test = TestAccess::new().await;
    let ada = test.login("ada").await;
    let actor = test.actor(&ada).await;
    let p = by_session(&ada);
    let sizes = [
        std::mem::size_of_val(&test.access.resolve(&p)),
        std::mem::size_of_val(&test.access.enter(&actor, ALPHA)),
        std::mem::size_of_val(&test.access.enter_presented(&p)),
    ];
    println!("bytes of resolve, enter, both: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < 1536), "cold paths are boxed");
}
