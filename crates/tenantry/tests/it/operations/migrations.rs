//! The scenario of a migration run over all tenants.

use super::{
    Scenario,
    backup::through,
    kit::{count, execute, nth, tenant},
};
use crate::test_platform::{TestPlatform, by, operator, registration};
use tenantry::migrations::RunOptions;

const BEHIND: &str =
    "UPDATE placements SET schema_version = 'before' WHERE store = 'tenant' AND state = 'ready'";
const LEFT: &str = "SELECT count(*) FROM placements WHERE schema_version = 'before'";

/// A run over two tenants. What it has migrated stays migrated, whatever becomes of it.
pub(super) const FLEET: Scenario = Scenario {
    name: "migration_run",
    kind: "migration_run",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            tenant(w, "beta").await;
            execute(w, BEHIND).await;
        })
    },
    run: |w| {
        Box::pin(async {
            let started = w.platform.migrations().start(&operator(), RunOptions::default()).await;
            through(w, started).await
        })
    },
    finished: |w| {
        Box::pin(async {
            assert_eq!(count(w, "SELECT count(*) FROM migrating").await, 0, "claims are given back");
            let last = "SELECT count(*) FROM (SELECT state FROM operations WHERE kind = 'migration_run' \
                ORDER BY id DESC LIMIT 1) WHERE state = 'done'";
            let done = count(w, last).await == 1;
            assert!(!done || count(w, LEFT).await == 0);
            done
        })
    },
    endless: |w: &TestPlatform, n| {
        Box::pin(async move {
            w.operations.create_tenant(&by(), registration(nth(n).as_str())).await.unwrap();
            execute(w, BEHIND).await;
            let run = w.platform.migrations().start(&operator(), RunOptions::default()).await.unwrap();
            w.operations.wait(run).await.unwrap();
        })
    },
};
