//! Scenarios that create a tenant, or the databases of a tenant that has none.

use super::{
    Scenario,
    kit::{count, nth, whole},
};
use crate::test_platform::{TestPlatform, by, registration, slug, stores};
use tenantry::tenants::provision::CreateTenant;

/// A registration: tenant, two databases, a place in a pool, trial, new user as owner.
pub(super) const REGISTER: Scenario = Scenario {
    name: "register",
    kind: "provision",
    prepare: |_| Box::pin(async {}),
    run: |w| Box::pin(async { w.operations.create_tenant(&by(), registration("alpha")).await.map(drop) }),
    finished: |w| {
        Box::pin(async {
            match state(w).await {
                [1, 1, 3] => true,
                [0, 0, 0] => false,
                other => panic!("half-made: {other:?}"),
            }
        })
    },
    endless: |w, n| {
        Box::pin(async move {
            w.operations.create_tenant(&by(), registration(nth(n).as_str())).await.unwrap();
        })
    },
};

/// The databases of an existing tenant that has none.
pub(super) const DATABASES: Scenario = Scenario {
    name: "databases",
    kind: "provision",
    prepare: |w| {
        Box::pin(async {
            let bare = CreateTenant { placements: vec![], ..registration("alpha") };
            w.operations.create_tenant(&by(), bare).await.unwrap();
        })
    },
    run: |w| {
        Box::pin(async {
            w.operations.create_databases(&by(), &slug("alpha"), stores("alpha")).await.map(drop)
        })
    },
    finished: |w| {
        Box::pin(async {
            match state(w).await {
                [1, 1, 3] => true,
                [1, 1, 0] => false,
                other => panic!("half-made: {other:?}"),
            }
        })
    },
    endless: |w, n| {
        Box::pin(async move {
            let name = nth(n);
            let bare = CreateTenant { placements: vec![], ..registration(name.as_str()) };
            w.operations.create_tenant(&by(), bare).await.unwrap();
            w.operations.create_databases(&by(), &name, stores(name.as_str())).await.unwrap();
        })
    },
};

/// Returns the numbers of tenants, users and databases in use.
async fn state(w: &TestPlatform) -> [i64; 3] {
    whole(w).await;
    for (what, sql) in [
        (
            "tenant without trial",
            "SELECT count(*) FROM tenants WHERE id NOT IN (SELECT tenant FROM subscriptions)",
        ),
        (
            "tenant without owner",
            "SELECT count(*) FROM tenants WHERE id NOT IN (SELECT tenant FROM memberships WHERE role = 'owner')",
        ),
        (
            "user without tenant",
            "SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM memberships)",
        ),
        (
            "tenant without exactly one audit row",
            "SELECT count(*) FROM tenants t WHERE 1 <> (SELECT count(*) FROM audit WHERE tenant = t.id AND action = 'tenant.create')",
        ),
        (
            "audit row of no tenant",
            "SELECT count(*) FROM audit WHERE action = 'tenant.create' AND tenant NOT IN (SELECT id FROM tenants)",
        ),
    ] {
        assert_eq!(count(w, sql).await, 0, "{what}");
    }
    [
        count(w, "SELECT count(*) FROM tenants").await,
        count(w, "SELECT count(*) FROM users").await,
        count(w, "SELECT count(*) FROM placements WHERE state = 'ready'").await,
    ]
}
