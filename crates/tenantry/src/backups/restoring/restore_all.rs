//! Restores every tenant whose database was lost with a disk or a machine, or was replaced by one that an older catalog
//! does not know, each from its newest good backup.
//!
//! `tenantry restore all` calls it. It determines which databases are lost; the operations `restore` and `restore_swap`
//! do the rest, so an interrupted run is simply started again. Only lost stores are replaced.

use crate::backups::{BackupId, Restores};
use crate::{
    Error, Result,
    access::Actor,
    config::Scope,
    control::params,
    moves::superseded::is_superseded,
    operations::State,
    platform::{
        databases::pool_place,
        health::lost::{damaged_pool, why},
    },
    tenants::PURGED,
    topology::{PlacementState, Policy, placement},
};
use futures_util::{StreamExt, stream};
use tenantry_engine::{
    name::{ServerName, Slug, StoreName, TenantId},
    place::Place,
};

/// Number of tenants tried before the others. If all of these fail, the cause is not in the tenants.
const CANARIES: usize = 3;
/// Number of tenants read from the catalog in one page.
const PAGE: i64 = 200;

/// Result of the run for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Slug of the tenant.
    pub slug: Slug,
    /// Description of how its database was lost.
    pub why: &'static str,
    /// Backup from which the tenant was restored, or reason why it was not. Private detail.
    pub result: Result<BackupId, String>,
}

/// Progress of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// All databases were checked.
    Found {
        /// Number of tenants checked.
        looked: usize,
        /// Number of tenants with a lost database.
        lost: usize,
    },
    /// A pool is damaged and must be restored before its tenants. The text names the pool and the commands.
    Pool(&'a str),
    /// A tenant is done, successfully or not.
    Done(&'a Done),
    /// A tenant is not restored, because it was purged after this state of the catalog was saved.
    Purged(&'a Slug),
}

/// Result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoredAll {
    /// Number of tenants with a lost database.
    pub lost: usize,
    /// Number of tenants restored.
    pub restored: usize,
    /// Number of tenants not restored.
    pub failed: usize,
    /// True if the first tenants all failed, so that the others were not tried.
    pub halted: bool,
    /// Number of damaged pools. Their tenants are not counted in `lost`.
    pub pools: usize,
}

/// A tenant with its lost stores.
struct Lost {
    slug: Slug,
    stores: Vec<StoreName>,
    why: &'static str,
}

impl Restores<'_> {
    /// Restores every tenant whose database is missing, holds something else, cannot be opened or is permanently
    /// fenced, on one server or on all. Owners must restore external databases themselves.
    ///
    /// # Errors
    /// Returns an error if the backup store cannot be used, the catalog cannot be read, or the configuration lacks a
    /// server that the catalog names. A failure of one tenant is reported and counted.
    pub async fn all(
        &self,
        actor: &Actor,
        server: Option<&ServerName>,
        mut tell: impl FnMut(Event<'_>),
    ) -> Result<RestoredAll> {
        actor.require_staff()?;
        if let Some(trouble) = self.platform.backups().store_trouble().await {
            return Err(Error::Conflict(trouble));
        }
        for slug in self.purged_since().await? {
            tell(Event::Purged(&slug));
        }
        let pools = self.damaged_pools(server).await?;
        pools.iter().for_each(|(_, why)| tell(Event::Pool(why)));
        let damaged: Vec<_> = pools.iter().map(|(place, _)| place).collect();
        let (looked, lost) = self.lost_tenants(server, &damaged).await?;
        tell(Event::Found { looked, lost: lost.len() });
        let mut report = RestoredAll { lost: lost.len(), pools: pools.len(), ..RestoredAll::default() };
        let mut count = |report: &mut RestoredAll, done: Done| {
            match &done.result {
                Ok(_) => report.restored += 1,
                Err(_) => report.failed += 1,
            }
            tell(Event::Done(&done));
        };
        let (first, rest) = lost.split_at(lost.len().min(CANARIES));
        for tenant in first {
            count(&mut report, self.bring_back(actor, tenant).await);
        }
        if report.restored == 0 && !rest.is_empty() {
            report.halted = true;
            return Ok(report);
        }
        let parallel = self.platform.config().backups.parallel;
        let mut all =
            stream::iter(rest).map(|tenant| self.bring_back(actor, tenant)).buffer_unordered(parallel);
        while let Some(done) = all.next().await {
            count(&mut report, done);
        }
        Ok(report)
    }

    /// Returns the tenants that were purged after this state of the catalog was saved, and stay closed.
    async fn purged_since(&self) -> Result<Vec<Slug>> {
        let sql = "SELECT slug FROM tenants WHERE state = 'cancelled' AND state_reason IS NOT DISTINCT FROM ? ORDER BY id";
        let rows = self.platform.control().snapshot().await?.query(sql, params![PURGED]).await?;
        rows.iter().map(|row| Ok(Slug::parse(row.text(0)?)?)).collect()
    }

    /// Returns the pools with a damaged page, each with the commands that restore it. Reads every page.
    async fn damaged_pools(&self, server: Option<&ServerName>) -> Result<Vec<(Place, String)>> {
        let mut damaged = Vec::new();
        let databases = self.platform.loaded().databases.clone();
        for store in self.platform.config().stores_of(Scope::Tenant) {
            let Some(place) = pool_place(self.platform.config(), store)? else { continue };
            if server.is_none_or(|server| *server == place.server)
                && let Some(error) = self.platform.0.engine.lost(&place).await?
            {
                let why = damaged_pool(&place, databases.host_of(&place), &error).public_title();
                damaged.push((place, why));
            }
        }
        Ok(damaged)
    }

    async fn lost_tenants(
        &self,
        server: Option<&ServerName>,
        damaged: &[&Place],
    ) -> Result<(usize, Vec<Lost>)> {
        let (mut looked, mut lost, mut after) = (0, Vec::new(), 0);
        let sql = "SELECT id, slug FROM tenants WHERE id > ? AND state IN ('active', 'suspended', 'cancelled') \
            AND NOT (state = 'cancelled' AND state_reason IS NOT DISTINCT FROM ?) ORDER BY id LIMIT ?";
        loop {
            let rows =
                self.platform.control().snapshot().await?.query(sql, params![after, PURGED, PAGE]).await?;
            for row in &rows {
                after = row.integer(0)?;
                looked += 1;
                let (id, slug) = (TenantId::from_raw(after), Slug::parse(row.text(1)?)?);
                lost.extend(self.lost_stores(id, slug, server, damaged).await?);
            }
            if rows.is_empty() {
                return Ok((looked, lost));
            }
        }
    }

    async fn lost_stores(
        &self,
        id: TenantId,
        slug: Slug,
        server: Option<&ServerName>,
        damaged: &[&Place],
    ) -> Result<Option<Lost>> {
        let mut found = Lost { slug, stores: vec![], why: "" };
        let all = placement::of_tenant(&mut self.platform.control().snapshot().await?, id).await?;
        let ours =
            all.into_iter().filter(|p| p.state == PlacementState::Ready && p.policy != Policy::External);
        let wanted = ours.map(|p| p.place).filter(|place| {
            let same = |pool: &&Place| (&pool.server, &pool.physical) == (&place.server, &place.physical);
            server.is_none_or(|server| *server == place.server) && !damaged.iter().any(same)
        });
        for place in wanted {
            if let Some(error) = self.platform.0.engine.unusable(&place).await? {
                found.why = why(&error);
                found.stores.push(place.store);
            } else if is_superseded(&self.platform.0.engine, self.platform.control(), &place).await? {
                found.why = "was replaced by a newer one that the catalog does not know";
                found.stores.push(place.store);
            }
        }
        Ok(Some(found).filter(|found| !found.stores.is_empty()))
    }

    async fn bring_back(&self, actor: &Actor, lost: &Lost) -> Done {
        let result = self.newest_that_comes_back(actor, lost).await.map_err(|error| match error.remedy() {
            Some(remedy) => format!("{error} (remedy: {remedy})"),
            None => error.to_string(),
        });
        Done { slug: lost.slug.clone(), why: lost.why, result }
    }

    async fn newest_that_comes_back(&self, actor: &Actor, lost: &Lost) -> Result<BackupId> {
        let slug = &lost.slug;
        let backup = match self.staged(slug).await? {
            // An earlier run was interrupted between the two operations.
            Some(staged) if staged.backup == self.newest_good(slug).await? => staged.backup,
            Some(staged) => {
                return Err(Error::Conflict(format!(
                    "backup {} is staged for it: swap it in (tenantry restore swap {slug}) or discard it \
                     (tenantry restore discard {slug})",
                    staged.backup
                )));
            }
            None => {
                let operations = self.platform.operations();
                let follow = |operation| operations.wait(operation);
                self.newest::<Error, _>(actor, slug, Some(lost.stores.clone()), follow).await?.backup
            }
        };
        let over = self.platform.operations().wait(self.swap(actor, slug).await?).await?;
        match over.state {
            State::Done => Ok(backup),
            _ => Err(Error::Conflict(over.error.unwrap_or(over.what))),
        }
    }
}
