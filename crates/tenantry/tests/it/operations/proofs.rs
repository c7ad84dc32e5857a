//! The scenario of a proof of isolation of all tenants.

use super::{
    Scenario,
    backup::through,
    kit::{count, nth, tenant},
};
use crate::test_platform::{TestPlatform, by, operator, registration};
use tenantry::proofs::ProofOptions;

const LAST: &str = "SELECT count(*) FROM (SELECT state FROM operations WHERE kind = 'proof_run' \
    ORDER BY id DESC LIMIT 1) WHERE state = 'done'";

/// A proof of two tenants. It leaves its result, or nothing.
pub(super) const ISOLATION: Scenario = Scenario {
    name: "proof_run",
    kind: "proof_run",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            tenant(w, "beta").await;
        })
    },
    run: |w| {
        Box::pin(async {
            let started = w.platform.proofs().start(&operator(), None, ProofOptions::default()).await;
            through(w, started).await
        })
    },
    finished: |w| {
        Box::pin(async {
            let done = count(w, LAST).await == 1;
            let recorded = "SELECT count(*) FROM proofs WHERE findings = 0 AND unchecked = 0";
            let logged = "SELECT count(*) FROM audit WHERE action = 'proof.record'";
            let (recorded, logged) = (count(w, recorded).await, count(w, logged).await);
            assert_eq!(recorded, logged);
            assert!(!done || recorded > 0);
            done
        })
    },
    endless: |w: &TestPlatform, n| {
        Box::pin(async move {
            w.operations.create_tenant(&by(), registration(nth(n).as_str())).await.unwrap();
            let run = w.platform.proofs().start(&operator(), None, ProofOptions::default()).await.unwrap();
            w.operations.wait(run).await.unwrap();
        })
    },
};
