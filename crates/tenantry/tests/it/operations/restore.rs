//! Scenarios of restores: staged, swapped in, undone, discarded, as a new tenant. Stores of both isolations at once,
//! with a neighbour in the pool.

use super::{
    Scenario,
    backup::{back_up, newest, through},
    kit::{contents, count, nth, rows, tenant, whole},
};
use crate::test_platform::{TestPlatform, by, operator, slug};
use tenantry::{NewFromCopy, Result};

/// A row that is not in the backup.
const LATER: (&str, &str) = ("items", "later");

pub(super) const BESIDE: Scenario = Scenario {
    name: "restore",
    kind: "restore",
    prepare: |w| Box::pin(changed(w)),
    run: |w| Box::pin(restore(w)),
    finished: |w| Box::pin(async { state(w).await == ("beside".into(), true) }),
    endless: |w, _| {
        Box::pin(async move {
            ready(w).await;
            restore(w).await.unwrap();
        })
    },
};

pub(super) const SWAP: Scenario = Scenario {
    name: "restore_swap",
    kind: "restore_swap",
    prepare: |w| {
        Box::pin(async {
            changed(w).await;
            restore(w).await.unwrap();
        })
    },
    run: |w| Box::pin(swap(w)),
    finished: |w| {
        Box::pin(async {
            match state(w).await {
                (state, false) if state == "swapped" => true,
                (state, true) if state == "beside" => false,
                other => panic!("half-swapped: {other:?}"),
            }
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            ready(w).await;
            restore(w).await.unwrap();
            swap(w).await.unwrap();
        })
    },
};

pub(super) const UNDO: Scenario = Scenario {
    name: "restore_undo",
    kind: "restore_swap",
    prepare: |w| {
        Box::pin(async {
            changed(w).await;
            restore(w).await.unwrap();
            swap(w).await.unwrap();
        })
    },
    run: |w| Box::pin(undo(w)),
    finished: |w| {
        Box::pin(async {
            match state(w).await {
                (state, true) if state == "undone" => true,
                (state, false) if state == "swapped" => false,
                other => panic!("half-undone: {other:?}"),
            }
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            ready(w).await;
            restore(w).await.unwrap();
            swap(w).await.unwrap();
            undo(w).await.unwrap();
        })
    },
};

pub(super) const DISCARD: Scenario = Scenario {
    name: "restore_discard",
    kind: "restore_discard",
    prepare: |w| {
        Box::pin(async {
            changed(w).await;
            restore(w).await.unwrap();
        })
    },
    run: |w| Box::pin(async { w.platform.restores().discard(&operator(), &slug("alpha")).await }),
    finished: |w| {
        Box::pin(async {
            match state(w).await {
                (state, true) if state == "discarded" => true,
                (state, true) if state == "beside" => false,
                other => panic!("half-discarded: {other:?}"),
            }
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            ready(w).await;
            restore(w).await.unwrap();
            w.platform.restores().discard(&operator(), &slug("alpha")).await.unwrap();
        })
    },
};

pub(super) const AS_NEW: Scenario = Scenario {
    name: "restore_as",
    kind: "restore_as",
    prepare: |w| Box::pin(changed(w)),
    run: |w| Box::pin(as_new(w, "alpha-then")),
    finished: |w| {
        Box::pin(async {
            whole(w).await;
            neighbours(w).await;
            match count(w, "SELECT count(*) FROM tenants WHERE slug = 'alpha-then'").await {
                0 => false,
                _ => {
                    assert_eq!(contents(w, "alpha-then").await, rows());
                    true
                }
            }
        })
    },
    endless: |w, n| {
        Box::pin(async move {
            ready(w).await;
            as_new(w, nth(n).as_str()).await.unwrap();
        })
    },
};

/// Creates two tenants, a backup of one, and a later row.
async fn changed(w: &TestPlatform) {
    tenant(w, "alpha").await;
    tenant(w, "beta").await;
    back_up(w, "alpha").await;
    add_later(w).await;
}

pub(super) async fn add_later(w: &TestPlatform) {
    let alpha = w.platform.tenants().enter(&operator(), &slug("alpha")).await.unwrap();
    let row = serde_json::json!({ "name": LATER.1 });
    w.platform.records(&alpha, LATER.0).unwrap().create(row.as_object().unwrap()).await.unwrap();
}

/// Prepares, whatever a kill has left, a tenant with a backup and no staged restore.
async fn ready(w: &TestPlatform) {
    if count(w, "SELECT count(*) FROM tenants WHERE slug = 'alpha'").await == 0 {
        tenant(w, "alpha").await;
    }
    if count(w, "SELECT count(*) FROM tenants WHERE slug = 'beta'").await == 0 {
        tenant(w, "beta").await;
    }
    if count(w, "SELECT count(*) FROM backups WHERE state = 'good'").await == 0 {
        back_up(w, "alpha").await;
    }
    if count(w, "SELECT count(*) FROM restores WHERE state = 'beside'").await == 1 {
        w.platform.restores().discard(&operator(), &slug("alpha")).await.unwrap();
    }
    w.operations.release_due(&by(), 100).await.unwrap();
}

pub(super) async fn restore(w: &TestPlatform) -> Result<()> {
    let backup = newest(w, "alpha").await;
    through(w, w.platform.restores().start(&operator(), &slug("alpha"), &backup, None).await).await
}

async fn swap(w: &TestPlatform) -> Result<()> {
    through(w, w.platform.restores().swap(&operator(), &slug("alpha")).await).await
}

async fn undo(w: &TestPlatform) -> Result<()> {
    through(w, w.platform.restores().undo(&operator(), &slug("alpha")).await).await
}

async fn as_new(w: &TestPlatform, name: &str) -> Result<()> {
    let backup = newest(w, "alpha").await;
    let new = NewFromCopy { plan: Some("large".into()), ..NewFromCopy::named(name) };
    through(w, w.platform.arrivals().from_backup(&operator(), &backup, false, new).await).await
}

/// Asserts that no rows of other tenants were touched.
async fn neighbours(w: &TestPlatform) {
    assert_eq!(contents(w, "beta").await, rows());
}

/// Returns the state of the last restore, and whether alpha has the later row.
async fn state(w: &TestPlatform) -> (String, bool) {
    whole(w).await;
    neighbours(w).await;
    let last = super::kit::query(w, "SELECT state FROM restores ORDER BY id DESC LIMIT 1").await;
    let state = last.first().map_or("none", |r| r.text(0).unwrap()).to_owned();
    let mut found = contents(w, "alpha").await;
    let later = found.len();
    found.retain(|(model, name)| (model.as_str(), name.as_str()) != LATER);
    assert_eq!(found, rows());
    (state, later > found.len())
}
