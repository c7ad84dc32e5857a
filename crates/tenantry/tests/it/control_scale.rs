//! The control store with many tenants: the catalog of migration runs, and a bounded cache.

use crate::test_platform::{TestPlatform, by, placement, registration, slug};
use tenantry::internals::{Fleet, emptiest, topology};
use tenantry::{
    migrations::fleet::{Catalog, Failure, Outcome},
    name::StoreName,
    tenants::provision::CreateTenant,
    topology::Policy,
};

async fn fleet(w: &TestPlatform, tenants: usize) {
    for n in 0..tenants {
        let name = format!("tenant-{n}");
        let wanted = CreateTenant {
            placements: vec![placement(&name, "tenant", Policy::Managed)],
            owner: None,
            ..registration(&name)
        };
        w.operations.create_tenant(&by(), wanted).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_finds_who_is_behind_and_records_how_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    fleet(&w, 10).await;
    let store = StoreName::parse("tenant").unwrap();
    let catalog = Fleet::new(w.control.clone(), false, by());
    assert_eq!(catalog.count_behind(&store, &w.version("tenant")).await.unwrap(), 0);
    assert_eq!(catalog.count_behind(&store, "v2").await.unwrap(), 10);
    let first = catalog.behind(&store, "v2", None, 4).await.unwrap();
    let next = catalog.behind(&store, "v2", Some(first[3].tenant), 4).await.unwrap();
    assert_eq!((first.len(), next[0].slug.as_str()), (4, "tenant-4"));
    let (message, public) = ("disk is full at /srv".into(), "disk is full".into());
    let failure = Failure { code: "engine", message, public, remedy: None };
    let outcomes: Vec<Outcome> = first
        .into_iter()
        .enumerate()
        .map(|(n, target)| Outcome { target, result: if n == 2 { Err(failure.clone()) } else { Ok(1) } })
        .collect();
    catalog.record("v2", &outcomes).await.unwrap();
    assert_eq!(catalog.count_behind(&store, "v2").await.unwrap(), 7);
    let cache = topology(&w.control, 1_000);
    let failed = cache.by_slug(&slug("tenant-2")).await.unwrap();
    let failed = failed.placement("tenant").unwrap();
    assert_eq!(
        (failed.schema_version.as_deref(), failed.migration_error.as_deref()),
        (Some(&*w.version("tenant")), Some("disk is full"))
    );
}

#[tokio::test]
async fn nothing_to_do_is_answered_from_an_index_alone() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await;
    let mut tx = w.control.snapshot().await.unwrap();
    for condition in ["< 'v'", "> 'v'", "IS NULL"] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT count(*) FROM placements WHERE store = 's' AND state = 'ready' AND schema_version {condition} AND provision <> 'external'"
        );
        let rows = tx.query(&sql, &[]).await.unwrap();
        let plan = rows[0].text(3).unwrap();
        assert!(plan.contains("SEARCH") && plan.contains("COVERING INDEX placements_version"), "{plan}");
    }
}

#[tokio::test]
async fn the_audit_log_of_a_time_is_read_along_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await;
    let mut tx = w.control.snapshot().await.unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT id FROM audit WHERE at >= 1 AND at < 9 AND at <= 8 AND (at < 8 OR id < 7) \
        ORDER BY at DESC, id DESC LIMIT 50";
    let rows = tx.query(sql, &[]).await.unwrap();
    let plan: Vec<_> = rows.iter().map(|row| row.text(3).unwrap()).collect();
    assert!(plan.len() == 1 && plan[0].contains("SEARCH") && plan[0].contains("audit_at"), "{plan:?}");
}

#[tokio::test]
async fn the_cache_holds_no_more_than_its_capacity_whatever_the_fleet() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    fleet(&w, 120).await;
    let cache = topology(&w.control, 32);
    for _ in 0..3 {
        for n in 0..120 {
            let name = format!("tenant-{n}");
            assert_eq!(cache.by_slug(&slug(&name)).await.unwrap().slug.as_str(), name);
            assert!(cache.len() <= 40, "{}", cache.len());
        }
    }
}

#[tokio::test]
async fn the_emptiest_server_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    fleet(&w, 2).await;
    let servers = ["main", "other"].map(|name| tenantry::name::ServerName::parse(name).unwrap());
    assert_eq!(emptiest(&w.control, &servers).await.unwrap().as_str(), "other");
    assert_eq!(emptiest(&w.control, &servers[..1]).await.unwrap().as_str(), "main");
}

/// Concurrent requests that load and changes that invalidate: no request uses a state older than a change that was
/// committed before the request began.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_load_that_races_a_change_never_leaves_the_old_state_behind() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    fleet(&w, 1).await;
    let cache = topology(&w.control, 1_000);
    let id = cache.by_slug(&slug("tenant-0")).await.unwrap().id;
    let committed = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let readers = (0..4).map(|_| {
        let (cache, control, committed) = (cache.clone(), w.control.clone(), committed.clone());
        tokio::spawn(async move {
            let mut reads = 0_u64;
            loop {
                let least = committed.load(std::sync::atomic::Ordering::SeqCst);
                if least >= 150 {
                    return reads;
                }
                control.refresh().await.unwrap();
                let name = cache.by_id(id).await.unwrap().name.clone();
                let seen: u64 = name.strip_prefix("n").and_then(|n| n.parse().ok()).unwrap_or(0);
                assert!(seen >= least, "saw {seen} after {least} was committed");
                reads += 1;
                tokio::task::yield_now().await;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for n in 1..=150_u64 {
        let mut write = w.control.begin().await.unwrap();
        let values = [format!("n{n}").into(), id.get().into()];
        write.execute("UPDATE tenants SET name = ? WHERE id = ?", &values).await.unwrap();
        write.audit(&by(), Some(id), "test.rename", serde_json::json!({})).await.unwrap();
        write.invalidate(&tenantry::internals::Subject::Tenant(id)).await.unwrap();
        write.commit().await.unwrap();
        committed.store(n, std::sync::atomic::Ordering::SeqCst);
    }
    let mut reads = 0;
    for reader in readers {
        reads += reader.await.unwrap();
    }
    tenantry_testkit::tried("T2 reads beside changes", reads, "reads");
}
