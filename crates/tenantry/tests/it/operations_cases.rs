//! What the suites of operations (T6) run, and what must hold after every fault.

use crate::world::{World, by, registration, slug, stores};
use std::fs;
use tenantry::{Result, audit, name::Slug, operations::CreateTenant};
use tenantry_engine::SqlRow;

/// An operation with its before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// Tenant, two databases, a place in a pool, trial, new user as owner.
    Register,
    /// The same databases for a tenant that has none.
    Databases,
}

pub(crate) const CASES: [Case; 2] = [Case::Register, Case::Databases];

impl Case {
    pub(crate) fn parse(text: &str) -> Self {
        CASES.into_iter().find(|c| format!("{c:?}") == text).unwrap()
    }

    /// What is there before the operation.
    pub(crate) async fn prepare(self, w: &World) {
        if self == Self::Databases {
            let bare = CreateTenant { placements: vec![], ..registration("alpha") };
            w.operations.create_tenant(&by(), bare).await.unwrap();
        }
    }

    pub(crate) async fn run(self, w: &World) -> Result<()> {
        match self {
            Self::Register => w.operations.create_tenant(&by(), registration("alpha")).await.map(drop),
            Self::Databases => {
                w.operations.create_databases(&by(), &slug("alpha"), stores("alpha")).await.map(drop)
            }
        }
    }

    /// True: finished; false: gone. Anything between, or a trace of what is gone, panics.
    pub(crate) async fn finished(self, w: &World) -> bool {
        whole(w).await;
        let ready = count(w, "SELECT count(*) FROM placements WHERE state = 'ready'").await;
        let tenants = count(w, "SELECT count(*) FROM tenants").await;
        let users = count(w, "SELECT count(*) FROM users").await;
        match (self, tenants, users, ready) {
            (_, 1, 1, 3) => true,
            (Self::Register, 0, 0, 0) | (Self::Databases, 1, 1, 0) => false,
            other => panic!("half-made: {other:?}"),
        }
    }
}

async fn query(w: &World, sql: &str) -> Vec<SqlRow> {
    w.control.snapshot().await.unwrap().query(sql, &[]).await.unwrap()
}

pub(crate) async fn count(w: &World, sql: &str) -> i64 {
    query(w, sql).await[0].integer(0).unwrap()
}

/// Nothing stuck, orphaned, half-made or doubled.
pub(crate) async fn whole(w: &World) {
    for (what, sql) in [
        ("stuck operation", "SELECT count(*) FROM operations WHERE state IN ('running', 'unwinding')"),
        ("secret kept in the journal", "SELECT count(*) FROM operations WHERE data <> '{}'"),
        ("half-made tenant", "SELECT count(*) FROM tenants WHERE state = 'creating'"),
        ("planned placement", "SELECT count(*) FROM placements WHERE state = 'planned'"),
        (
            "placement without tenant",
            "SELECT count(*) FROM placements WHERE state = 'ready' AND tenant NOT IN (SELECT id FROM tenants)",
        ),
        (
            "tenant without trial",
            "SELECT count(*) FROM tenants WHERE id NOT IN (SELECT tenant FROM subscriptions)",
        ),
        (
            "tenant without owner",
            "SELECT count(*) FROM tenants WHERE id NOT IN (SELECT tenant FROM memberships WHERE role = 'owner')",
        ),
        ("user without tenant", "SELECT count(*) FROM users WHERE id NOT IN (SELECT user FROM memberships)"),
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
    let rows = query(w, "SELECT physical || iif(isolation = 'pooled', '.' || tenant, '') AS name FROM placements WHERE state = 'ready' ORDER BY name").await;
    let recorded: Vec<_> = rows.iter().map(|r| r.text(0).unwrap().to_owned()).collect();
    assert_eq!(recorded, w.databases().await, "databases of the catalog and databases that exist");
    assert_eq!(told(w).await, Vec::<String>::new(), "every database is its tenant's, with its schema");
    let scratch = w.platform.config().platform.data_dir.join("scratch");
    assert!(fs::read_dir(scratch).map_or(0, Iterator::count) == 0, "scratch is not empty");
    let report = audit::verify(&w.control, &[]).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}

/// What a check of all databases finds.
async fn told(w: &World) -> Vec<String> {
    let mut found = Vec::new();
    w.platform.check(None, |finding| found.push(finding.to_string())).await.unwrap();
    found
}

/// After a failed creation the same creation succeeds (threat 48).
pub(crate) async fn succeeds_now(case: Case, w: &World) {
    case.run(w).await.unwrap();
    assert!(case.finished(w).await);
}

/// The slug of the n-th tenant of a long run.
pub(crate) fn nth(n: u64) -> Slug {
    slug(&format!("tenant-{n}"))
}
