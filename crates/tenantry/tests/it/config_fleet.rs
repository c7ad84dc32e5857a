//! Migration runs against an in-memory catalog: order, failures, opened databases, recorded results.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tenantry::{
    Error, Result,
    migrations::fleet::{self, Catalog, Event, Options, Outcome, Target},
    name::{StoreName, TenantId},
};
use tenantry_engine::place::{Isolation, Place};

/// Catalog in memory: versions by tenant; `None` is a placement whose first migration has not run.
struct Memory {
    isolation: Isolation,
    versions: Mutex<BTreeMap<i64, Option<String>>>,
    records: AtomicUsize,
    /// Tenants with an open operation, and how many more times it will be found there.
    busy: Mutex<BTreeMap<i64, u32>>,
}

impl Memory {
    fn new(tenants: i64, isolation: Isolation) -> Self {
        let versions = (1..=tenants).map(|id| (id, None)).collect();
        Self {
            isolation,
            versions: Mutex::new(versions),
            records: AtomicUsize::new(0),
            busy: Mutex::default(),
        }
    }

    fn busy(&self, place: &Place) -> Option<String> {
        let mut busy = self.busy.lock().unwrap();
        let left = busy.get_mut(&place.tenant.unwrap().get()).filter(|left| **left > 0)?;
        *left -= 1;
        Some("backup 12 is working on this tenant".into())
    }

    fn targets(&self, wanted: &str) -> Vec<Target> {
        let versions = self.versions.lock().unwrap();
        let behind = versions.iter().filter(|(_, version)| version.as_deref() != Some(wanted));
        behind.map(|(id, version)| self.target(*id, version.clone())).collect()
    }

    fn target(&self, id: i64, version: Option<String>) -> Target {
        let pooled = self.isolation == Isolation::Pooled;
        let physical = if pooled { "tenant_pool_1".to_owned() } else { format!("tenant_{id}_1") };
        let place = Place {
            server: "main".parse().unwrap(),
            store: "tenant".parse().unwrap(),
            isolation: self.isolation,
            physical: physical.parse().unwrap(),
            tenant: Some(TenantId::from_raw(id)),
            generation: 1,
        };
        Target {
            tenant: TenantId::from_raw(id),
            slug: format!("tenant-{id}").parse().unwrap(),
            place,
            version,
        }
    }
}

impl Catalog for Memory {
    async fn count_behind(&self, _: &StoreName, wanted: &str) -> Result<u64> {
        Ok(self.targets(wanted).len() as u64)
    }

    async fn behind(
        &self,
        _: &StoreName,
        wanted: &str,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<Target>> {
        let mut targets = self.targets(wanted);
        targets.retain(|target| after.is_none_or(|after| target.tenant > after));
        targets.truncate(limit as usize);
        Ok(targets)
    }

    async fn claim(&self, places: &[&Place]) -> Result<Vec<Option<String>>> {
        Ok(places.iter().map(|place| self.busy(place)).collect())
    }

    async fn record(&self, wanted: &str, outcomes: &[Outcome]) -> Result<()> {
        self.records.fetch_add(1, Ordering::Relaxed);
        let mut versions = self.versions.lock().unwrap();
        for outcome in outcomes.iter().filter(|outcome| outcome.result.is_ok()) {
            versions.insert(outcome.target.tenant.get(), Some(wanted.to_owned()));
        }
        Ok(())
    }
}

fn store() -> StoreName {
    "tenant".parse().unwrap()
}

fn failing(bad: &'static [i64], opened: &AtomicUsize) -> impl Fn(Place) -> std::future::Ready<Result<u32>> {
    move |place| {
        opened.fetch_add(1, Ordering::Relaxed);
        let id = place.tenant.unwrap().get();
        std::future::ready(match bad.contains(&id) {
            true => Err(Error::NoDatabase { slug: format!("tenant-{id}"), store: "tenant".into() }),
            false => Ok(1),
        })
    }
}

/// A run continues past failing tenants and reports them with reasons; the next run tries only those.
#[tokio::test]
async fn a_run_passes_failing_tenants_by_and_resumes() {
    let (catalog, opened) = (Memory::new(2_000, Isolation::Database), AtomicUsize::new(0));
    let options = Options { parallel: 8, ..Options::default() };
    let mut done = 0;
    let tell = |event: Event<'_>| done += usize::from(matches!(event, Event::Done(_)));
    let report = fleet::run(&catalog, &store(), "v1", &options, failing(&[2, 900, 2_000], &opened), tell)
        .await
        .unwrap();
    assert_eq!((report.total, report.migrated, done), (2_000, 1_997, 2_000));
    let mut failed: Vec<_> = report.failed.iter().map(|outcome| outcome.target.slug.to_string()).collect();
    failed.sort();
    assert_eq!(failed, ["tenant-2", "tenant-2000", "tenant-900"]);
    let failure = report.failed[0].result.as_ref().unwrap_err();
    assert_eq!(failure.code, "no_database");
    assert!(failure.remedy.as_ref().unwrap().contains("create-database"), "M16: the remedy is said");
    assert!(!report.is_clean());
    assert!(catalog.records.load(Ordering::Relaxed) < 60, "results are recorded in batches");

    let opened = AtomicUsize::new(0);
    let report = fleet::run(&catalog, &store(), "v1", &options, failing(&[], &opened), |_| {}).await.unwrap();
    assert_eq!((report.migrated, opened.into_inner()), (3, 3));
    assert!(report.is_clean());
}

/// A migration run with nothing to do over 10,000 tenants opens no tenant database.
#[tokio::test]
async fn nothing_to_do_opens_nothing() {
    let (catalog, opened) = (Memory::new(10_000, Isolation::Database), AtomicUsize::new(0));
    catalog.versions.lock().unwrap().values_mut().for_each(|version| *version = Some("v1".into()));
    let report = fleet::run(&catalog, &store(), "v1", &Options::default(), failing(&[], &opened), |_| {})
        .await
        .unwrap();
    assert_eq!((report.total, opened.into_inner()), (0, 0));
    assert_eq!(catalog.records.into_inner(), 0);
}

/// `half-migrated-fleet`: when every canary fails, the other tenants are not touched.
#[tokio::test]
async fn failing_canaries_halt_the_run() {
    let (catalog, opened) = (Memory::new(500, Isolation::Database), AtomicUsize::new(0));
    let store = store();
    let options = Options { canaries: 3, ..Options::default() };
    let run = |bad| fleet::run(&catalog, &store, "v1", &options, failing(bad, &opened), |_| {});
    let report = run(&[1, 2, 3]).await.unwrap();
    assert!(report.halted && !report.is_clean());
    assert_eq!((report.failed.len(), report.migrated, opened.load(Ordering::Relaxed)), (3, 0, 3));
    let report = run(&[1, 2]).await.unwrap();
    assert!(!report.halted, "one good canary is enough: the others are at fault themselves");
    assert_eq!(report.migrated, 498);
}

/// All of a few tenants fail: there is nothing left to protect, so the run does not count as halted.
#[tokio::test]
async fn a_small_fleet_that_fails_is_not_halted() {
    let (catalog, opened) = (Memory::new(2, Isolation::Database), AtomicUsize::new(0));
    let report = fleet::run(&catalog, &store(), "v1", &Options::default(), failing(&[1, 2], &opened), |_| {})
        .await
        .unwrap();
    assert_eq!((report.failed.len(), report.halted), (2, false));
}

/// A run for a single tenant.
#[tokio::test]
async fn one_tenant_alone() {
    let (catalog, opened) = (Memory::new(10, Isolation::Database), AtomicUsize::new(0));
    let options = Options { only: Some(TenantId::from_raw(7)), ..Options::default() };
    for migrated in [1, 0] {
        let report =
            fleet::run(&catalog, &store(), "v1", &options, failing(&[], &opened), |_| {}).await.unwrap();
        assert_eq!((report.total, report.migrated), (migrated, migrated));
    }
    assert_eq!(catalog.targets("v1").len(), 9);
}

/// Pooled tenants share a database: it is opened once per page of tenants, and each tenant is recorded.
#[tokio::test]
async fn a_pool_is_migrated_once_for_all_its_tenants() {
    let (catalog, opened) = (Memory::new(100, Isolation::Pooled), AtomicUsize::new(0));
    let report = fleet::run(&catalog, &store(), "v1", &Options::default(), failing(&[], &opened), |_| {})
        .await
        .unwrap();
    assert_eq!((report.migrated, opened.into_inner()), (100, 2), "once for the canaries, once for the rest");
    assert!(catalog.targets("v1").is_empty());
}

/// `half-migrated-fleet`: the run waits a little for a busy tenant, then skips and reports it.
#[tokio::test]
async fn busy_tenants_are_waited_for_and_then_passed_by() {
    let (catalog, opened) = (Memory::new(100, Isolation::Database), AtomicUsize::new(0));
    *catalog.busy.lock().unwrap() = BTreeMap::from([(1, u32::MAX), (2, u32::MAX), (3, u32::MAX), (50, 2)]);
    let report = fleet::run(&catalog, &store(), "v1", &Options::default(), failing(&[], &opened), |_| {})
        .await
        .unwrap();
    assert!(!report.halted, "canaries that are busy say nothing about the migration");
    assert_eq!((report.migrated, opened.into_inner()), (97, 97), "the one that was busy for a while is done");
    assert_eq!(report.failed.len(), 3);
    for outcome in &report.failed {
        assert!(outcome.is_busy() && outcome.target.tenant.get() <= 3);
        let failure = outcome.result.as_ref().unwrap_err();
        assert_eq!(failure.message, "backup 12 is working on this tenant");
        assert!(failure.remedy.as_ref().unwrap().contains("tenantry migrate tenants"), "M16");
    }
    assert_eq!(catalog.targets("v1").len(), 3, "nothing is recorded of those");
}
