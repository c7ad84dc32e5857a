//! The scenario of a run that moves all tenants of a plan to servers that fit it.

use super::{
    Scenario,
    backup::through,
    kit::{contents, count, execute, nth, rows, tenant},
};
use crate::test_platform::{TestPlatform, by, operator, registration};
use tenantry::moves::USUAL_PARALLEL;

const LABELS: &str = "UPDATE plans SET servers = '{\"tier\":\"fast\"}' WHERE code = 'small'";
/// Only the store `tenant` has a second server, so the owners of the others choose where they are.
const OTHERS: &str = "UPDATE placements SET provision = 'external' WHERE store <> 'tenant'";
const LAST: &str = "SELECT count(*) FROM (SELECT state FROM operations WHERE kind = 'place_run' \
    ORDER BY id DESC LIMIT 1) WHERE state = 'done'";
const LEFT: &str = "SELECT count(*) FROM placements WHERE store = 'tenant' AND state = 'ready' AND server <> \
    (SELECT CASE p.servers WHEN '{\"tier\":\"slow\"}' THEN 'main' WHEN '{\"tier\":\"fast\"}' THEN 'disk' \
    ELSE placements.server END FROM plans AS p WHERE p.code = 'small')";
/// Makes the plan ask for the other server.
const OTHER_WAY: &str = "UPDATE plans SET servers = CASE servers WHEN '{\"tier\":\"slow\"}' THEN '{\"tier\":\"fast\"}' \
    ELSE '{\"tier\":\"slow\"}' END WHERE code = 'small'";

/// Starts a run. If an earlier one has moved all tenants, it moves them back.
async fn place(w: &TestPlatform) -> tenantry::Result<i64> {
    while count(w, LEFT).await == 0 {
        execute(w, OTHER_WAY).await;
    }
    w.platform.moves().place(&operator(), "small", USUAL_PARALLEL).await
}

/// A run over two tenants. What it has moved stays moved, whatever becomes of it.
pub(super) const PLAN: Scenario = Scenario {
    name: "place_run",
    kind: "place_run",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            tenant(w, "beta").await;
            execute(w, OTHERS).await;
            execute(w, LABELS).await;
        })
    },
    run: |w| {
        Box::pin(async {
            let started = place(w).await;
            through(w, started).await
        })
    },
    finished: |w| {
        Box::pin(async {
            let done = count(w, LAST).await == 1;
            assert!(!done || count(w, LEFT).await == 0);
            for name in ["alpha", "beta"] {
                assert_eq!(contents(w, name).await, rows(), "{name}");
            }
            done
        })
    },
    endless: |w: &TestPlatform, n| {
        Box::pin(async move {
            w.operations.create_tenant(&by(), registration(nth(n).as_str())).await.unwrap();
            execute(w, OTHERS).await;
            let run = place(w).await.unwrap();
            w.operations.wait(run).await.unwrap();
        })
    },
};
