//! One page of a fleet run: claimed batch by batch, migrated in parallel, recorded.
//!
//! `fleet` calls it. If an operation is open on a database, the page waits briefly, then reports the database as busy
//! and skips it.

use super::fleet::{BUSY, Catalog, Event, Failure, Outcome, Report, Target};
use crate::{
    error::{Error, Result},
    operations::Cancel,
    platform::health::lost,
};
use futures_util::{StreamExt, stream};
use std::{collections::HashMap, time::Duration};
use tenantry_engine::{
    Kind,
    name::{PhysicalName, ServerName},
    place::Place,
};

/// Number of databases that are claimed and recorded in one transaction.
const BATCH: usize = 64;
/// Number of retries for busy databases, and the pause between them.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// A database with its tenants: one tenant, or several of a pool.
type Unit = Vec<Target>;

/// Parameters that all pages share.
pub(super) struct Run<'a, C, M> {
    pub(super) catalog: &'a C,
    pub(super) wanted: &'a str,
    pub(super) parallel: usize,
    pub(super) cancel: &'a Cancel,
    pub(super) migrate: &'a M,
}

impl<C, M, F> Run<'_, C, M>
where
    C: Catalog,
    M: Fn(Place) -> F,
    F: Future<Output = Result<u32>>,
{
    pub(super) async fn page(
        &self,
        page: Vec<Target>,
        report: &mut Report,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<()> {
        let mut busy = self.all(units(page), report, tell).await?;
        for _ in 0..LOOKS {
            if busy.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
            busy = self.all(busy.into_iter().map(|(unit, _)| unit).collect(), report, tell).await?;
        }
        for (unit, what) in busy {
            passed_by(unit, &what, report, tell);
        }
        Ok(())
    }

    /// Migrates all units that can be claimed. Returns the others, each with the operation or run that is using it.
    async fn all(
        &self,
        mut units: Vec<Unit>,
        report: &mut Report,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<Vec<(Unit, String)>> {
        let mut busy = Vec::new();
        while !units.is_empty() {
            self.cancel.check()?;
            let rest = units.split_off(units.len().min(BATCH));
            let batch = std::mem::replace(&mut units, rest);
            let places: Vec<_> = batch.iter().filter_map(|unit| Some(&unit.first()?.place)).collect();
            let at_work = self.catalog.claim(&places).await?;
            let mut ours = Vec::with_capacity(batch.len());
            for (unit, at_work) in batch.into_iter().zip(at_work) {
                match at_work {
                    Some(what) => busy.push((unit, what)),
                    None => ours.push(unit),
                }
            }
            self.batch(ours, report, tell).await?;
        }
        Ok(busy)
    }

    async fn batch(
        &self,
        units: Vec<Unit>,
        report: &mut Report,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<()> {
        let work = stream::iter(units).map(async |unit| {
            let result = match unit.first() {
                Some(target) => {
                    (self.migrate)(target.place.clone()).await.map_err(|error| failure(target, error))
                }
                None => Ok(0),
            };
            (unit, result)
        });
        let mut results = std::pin::pin!(work.buffer_unordered(self.parallel.max(1)));
        let mut outcomes = Vec::new();
        while let Some((unit, result)) = results.next().await {
            for target in unit {
                let outcome = Outcome { target, result: result.clone() };
                tell(Event::Done(&outcome));
                match &outcome.result {
                    Ok(_) => report.migrated += 1,
                    Err(_) => report.failed.push(outcome.clone()),
                }
                outcomes.push(outcome);
            }
        }
        if outcomes.is_empty() { Ok(()) } else { self.catalog.record(self.wanted, &outcomes).await }
    }
}

/// Converts the error of a database. If the database is lost, adds the remedy.
fn failure(target: &Target, error: Error) -> Failure {
    match error {
        Error::Engine(error) if is_loss(&target.place, &error) => {
            lost::said(None, &target.slug, &target.place, &error).into()
        }
        error => error.into(),
    }
}

/// Returns true if the error means that the database is lost. Only a file counts as lost because it cannot be read.
fn is_loss(place: &Place, error: &tenantry_engine::Error) -> bool {
    match error.kind() {
        Kind::Missing | Kind::WrongIdentity | Kind::Corrupt => true,
        Kind::NoAccess | Kind::Io => error.file().is_some(),
        Kind::Fenced => !place.isolation.is_pooled(),
        _ => false,
    }
}

/// Groups the pooled tenants of one database into one unit, so that the database is migrated once for all of them.
fn units(page: Vec<Target>) -> Vec<Unit> {
    let mut pools: HashMap<(ServerName, PhysicalName), usize> = HashMap::new();
    let mut units: Vec<Unit> = Vec::new();
    for target in page {
        if target.place.isolation.is_pooled() {
            let key = (target.place.server.clone(), target.place.physical.clone());
            if let Some(index) = pools.get(&key) {
                units[*index].push(target);
                continue;
            }
            pools.insert(key, units.len());
        }
        units.push(vec![target]);
    }
    units
}

fn passed_by(unit: Unit, what: &str, report: &mut Report, tell: &mut impl FnMut(Event<'_>)) {
    for target in unit {
        let remedy = Some("when it is over, run again: tenantry migrate tenants".into());
        let failure = Failure { code: BUSY, message: what.to_owned(), public: what.to_owned(), remedy };
        let outcome = Outcome { target, result: Err(failure) };
        tell(Event::Done(&outcome));
        report.failed.push(outcome);
    }
}
