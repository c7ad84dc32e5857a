//! The work of a proof: catalog, servers, pools, then the places of the tenants, page by page, a few at a time.

use super::{
    catalog,
    place::{self, Unit},
    report::{About, Report, Rule},
    run::ProofOptions,
};
use crate::{
    Error, Result,
    operations::Context,
    topology::{Placement, placement},
};
use futures_util::{StreamExt, stream};
use std::{collections::BTreeMap, time::Duration};
use tenantry_engine::{
    name::{ServerName, Slug, TenantId},
    place::Place,
};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A proof at work.
pub(super) struct Survey<'a> {
    context: &'a Context,
    options: ProofOptions,
    report: Report,
    /// Places on each server that roles of other tenants try to read.
    neighbours: BTreeMap<ServerName, Vec<Place>>,
    pace: Interval,
}

impl<'a> Survey<'a> {
    pub(super) fn new(context: &'a Context, options: ProofOptions, report: Report) -> Self {
        let mut pace = interval(Duration::from_secs(1) / options.per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { context, options, report, neighbours: BTreeMap::new(), pace }
    }

    /// Proves all tenants, or one. Returns the report.
    ///
    /// # Errors
    /// Returns [`Error::Cancelled`], and the errors of the control store. The report has the errors of single databases.
    pub(super) async fn all(mut self, only: Option<(TenantId, Slug)>) -> Result<Report> {
        let id = only.as_ref().map(|(id, _)| *id);
        self.catalog(id).await?;
        self.pools(id).await?;
        if let Some(only) = only {
            self.page(&[only]).await?;
        } else {
            self.pages().await?;
        }
        self.servers().await;
        Ok(self.report)
    }

    async fn pages(&mut self) -> Result<()> {
        let (total, mut after) = (catalog::count(&self.context.control).await?, 0);
        loop {
            let page = catalog::tenants(&self.context.control, after).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.get();
            // Few tenants at a time, so that the progress moves and a cancellation is noticed soon.
            for some in page.chunks(16) {
                self.page(some).await?;
                self.context.progress.set(self.report.tenants, total.max(self.report.tenants), "tenants");
            }
        }
    }

    async fn catalog(&mut self, only: Option<TenantId>) -> Result<()> {
        let (checked, shared) = catalog::shared(&self.context.control, only).await?;
        self.report.check(Rule::Placement, checked);
        for catalog::Shared { tenant, store, place } in shared {
            let about = About { tenant: Some(tenant), store, place };
            self.report.find(Rule::Placement, &about, "another placement names the same database");
        }
        Ok(())
    }

    async fn pools(&mut self, only: Option<TenantId>) -> Result<()> {
        for pool in catalog::pools(&self.context.control, only).await? {
            self.context.cancel.check()?;
            let about = About::place(None, &pool);
            match self.pool(&pool, &about).await {
                Ok(()) => self.report.pools += 1,
                Err(error @ Error::Engine(_)) => place::judge(&mut self.report, &about, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn pool(&mut self, pool: &Place, about: &About) -> Result<()> {
        let engine = self.context.databases.engine();
        // The pool is read before the catalog: a tenant that is added meanwhile is in the catalog first.
        let residents = engine.residents(&pool.server, &pool.physical, u32::MAX).await?;
        let placed = catalog::placed_in(&self.context.control, pool).await?;
        let ours = residents.iter().filter(|one| one.tenant > 0 && one.store == pool.store.as_str());
        for resident in ours {
            self.report.check(Rule::Resident, 1);
            if !placed.contains(&resident.tenant) {
                let detail = format!("tenant {} lives there without a placement", resident.tenant);
                self.report.find(Rule::Resident, about, detail);
            }
        }
        let schema = self.context.databases.schema(&pool.store)?;
        let proof = engine.prove_pool(pool, &schema).await?;
        self.report.take(about, proof);
        Ok(())
    }

    /// Proves the servers on which places were found.
    async fn servers(&mut self) {
        for server in self.neighbours.keys() {
            let about = About { place: server.to_string(), ..About::default() };
            match self.context.databases.engine().prove_server(server).await {
                Ok(proof) => self.report.take(&about, proof),
                Err(error) => self.report.miss(&about, Error::from(error).public_title()),
            }
        }
    }

    async fn page(&mut self, tenants: &[(TenantId, Slug)]) -> Result<()> {
        let (Some((first, _)), Some((last, _))) = (tenants.first(), tenants.last()) else { return Ok(()) };
        for tenant in tenants {
            self.session(tenant).await?;
        }
        let mut tx = self.context.control.snapshot().await?;
        let placements = placement::of_range(&mut tx, *first, *last).await?;
        drop(tx);
        for (_, placement) in &placements {
            let server = &placement.place.server;
            if !self.neighbours.contains_key(server) {
                let found = catalog::neighbours(&self.context.control, server).await?;
                self.neighbours.insert(server.clone(), found);
            }
        }
        let work: Vec<_> =
            placements.into_iter().filter_map(|placement| self.unit(tenants, placement)).collect();
        let (context, pace) = (self.context, tokio::sync::Mutex::new(&mut self.pace));
        let pace = &pace;
        let proven = stream::iter(work).map(|unit| async move {
            context.cancel.check()?;
            pace.lock().await.tick().await;
            place::prove(context, &unit).await
        });
        let mut proven = std::pin::pin!(proven.buffer_unordered(self.options.parallel.max(1)));
        let mut reports = vec![];
        while let Some(report) = proven.next().await {
            reports.push(report?);
        }
        self.report.tenants += tenants.len() as u64;
        reports.into_iter().for_each(|report| self.report.add(report));
        Ok(())
    }

    /// Tries the session of one of the tenant's members at another tenant.
    async fn session(&mut self, (id, slug): &(TenantId, Slug)) -> Result<()> {
        let Some((user, (other, name))) = catalog::stranger(&self.context.control, *id).await? else {
            return Ok(());
        };
        let platform = self.context.platform()?;
        let tried = platform.access.try_at_neighbour(user, *id, (other, &name)).await?;
        self.report.check(Rule::Session, tried.tries);
        if !tried.open.is_empty() {
            let ways: Vec<_> = tried.open.iter().map(|way| way.says()).collect();
            let about = About { tenant: Some(slug.clone()), place: name.to_string(), ..About::default() };
            let detail = format!("a session of user:{user} reaches tenant {name}: {}", ways.join(", "));
            self.report.find(Rule::Session, &about, detail);
        }
        Ok(())
    }

    /// Returns the work on a placement of one of these tenants.
    fn unit(&self, tenants: &[(TenantId, Slug)], (id, placement): (TenantId, Placement)) -> Option<Unit> {
        let at = tenants.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let place = &placement.place;
        let other = |one: &&Place| one.tenant != place.tenant && one.physical != place.physical;
        let neighbour = self.neighbours.get(&place.server)?.iter().find(other).cloned();
        Some(Unit { tenant: id, slug: tenants[at].1.clone(), placement, neighbour })
    }
}
