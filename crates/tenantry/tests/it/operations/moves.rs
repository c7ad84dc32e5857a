//! Scenarios of moves of a tenant's store: to another server, out of the pool, back into it.

use super::{
    Scenario,
    kit::{contents, count, rows, tenant, whole},
};
use crate::test_platform::{TestPlatform, by, operator, registration, slug};
use futures_util::future::BoxFuture;
use tenantry::internals::{placements, run_move};
use tenantry::{
    Result,
    moves::{Move, MoveTenant, Purpose},
    name::{PhysicalName, ServerName, TenantId},
    topology::{NewPlacement, Placement, Policy},
};
use tenantry_engine::place::Isolation;

pub(super) const DAY_US: i64 = 86_400_000_000;

pub(super) const SERVER: Scenario = Scenario {
    name: "move",
    kind: "move",
    prepare: |w| Box::pin(async { tenant(w, "alpha").await }),
    run: |w| Box::pin(to_disk(w)),
    finished: |w| finished(w, "tenant", ["main", "database"], ["disk", "database"]),
    endless: |w, _| Box::pin(again(w)),
};

pub(super) const PROMOTE: Scenario = Scenario {
    name: "promote",
    prepare: |w| Box::pin(async { tenant(w, "alpha").await }),
    run: |w| Box::pin(promote(w)),
    finished: |w| finished(w, "notes", ["main", "pooled"], ["main", "database"]),
    ..SERVER
};

/// A move into the pool while the database from an earlier promotion is still retained.
pub(super) const DEMOTE: Scenario = Scenario {
    name: "demote",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            promote(w).await.unwrap();
        })
    },
    run: |w| Box::pin(demote(w)),
    finished: |w| finished(w, "notes", ["main", "database"], ["main", "pooled"]),
    ..SERVER
};

pub(super) async fn ready(w: &TestPlatform, store: &str) -> Placement {
    let all = placements(&mut w.control.snapshot().await.unwrap(), TenantId::from_raw(1)).await;
    all.unwrap().into_iter().find(|p| p.place.store.as_str() == store).unwrap()
}

async fn go(w: &TestPlatform, store: &str, server: &str, isolation: Isolation, base: &str) -> Result<()> {
    let from = ready(w, store).await.place;
    let new = NewPlacement {
        store: from.store.clone(),
        server: ServerName::parse(server).unwrap(),
        isolation,
        policy: Policy::Managed,
        base: PhysicalName::parse(base).unwrap(),
        numbered: true,
    };
    let wanted = MoveTenant {
        purpose: Purpose::Move,
        tenant: TenantId::from_raw(1),
        slug: slug("alpha"),
        legs: vec![(from, new)],
        keep_us: DAY_US,
    };
    run_move(&w.operations, Move::new(&by(), wanted)).await
}

pub(super) async fn to_disk(w: &TestPlatform) -> Result<()> {
    go(w, "tenant", "disk", Isolation::Database, "tenant_alpha").await
}

async fn promote(w: &TestPlatform) -> Result<()> {
    go(w, "notes", "main", Isolation::Database, "notes_alpha").await
}

pub(super) async fn demote(w: &TestPlatform) -> Result<()> {
    go(w, "notes", "main", Isolation::Pooled, "notes_pool").await
}

/// Asserts that all rows are at the new place or all at the old one, and that the place is open to writes.
pub(super) fn finished<'a>(
    w: &'a TestPlatform,
    store: &'static str,
    before: [&'static str; 2],
    after: [&'static str; 2],
) -> BoxFuture<'a, bool> {
    Box::pin(async move {
        whole(w).await;
        assert_eq!(contents(w, "alpha").await, rows());
        open_to_writes(w).await;
        let place = ready(w, store).await.place;
        let isolation = if place.isolation == Isolation::Pooled { "pooled" } else { "database" };
        let there = match [place.server.as_str(), isolation] {
            found if found == after => true,
            found if found == before => false,
            other => panic!("in neither place: {other:?}"),
        };
        // Audited once at the swap and once with the outcome.
        let told =
            count(w, "SELECT count(*) FROM audit WHERE action IN ('tenant.move', 'tenant.moved')").await;
        let done = count(w, "SELECT count(*) FROM operations WHERE kind = 'move' AND state = 'done'").await;
        assert_eq!(told, 2 * done);
        let unproven = "SELECT count(*) FROM operations WHERE kind = 'move' AND state = 'done' AND result ->> 'verified' <> 1";
        assert_eq!(count(w, unproven).await, 0);
        there
    })
}

/// Asserts that alpha accepts writes: a fence left behind would close the tenant for good.
pub(super) async fn open_to_writes(w: &TestPlatform) {
    let tenant = w.platform.tenants().enter(&operator(), &slug("alpha")).await.unwrap();
    for model in ["items", "slips"] {
        let records = w.platform.records(&tenant, model).unwrap();
        let row = serde_json::json!({ "name": "passing" });
        let made = records.create(row.as_object().unwrap()).await.unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
        records.delete(&made["id"].to_string(), None).await.unwrap();
    }
}

/// Moves out of the pool and into it, round after round.
async fn again(w: &TestPlatform) {
    if count(w, "SELECT count(*) FROM tenants").await == 0 {
        w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
    }
    match ready(w, "notes").await.place.isolation {
        Isolation::Pooled => promote(w).await.unwrap(),
        Isolation::Schema | Isolation::Database => demote(w).await.unwrap(),
    }
}
