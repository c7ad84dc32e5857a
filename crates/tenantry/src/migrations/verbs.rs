//! The verbs on migrations: `platform.migrations()`.
//!
//! Called by the staff API, the command line and the health report.

use super::fleet;
use crate::{
    Error, Platform, Result,
    access::Actor,
    platform::own_stores::refused::Refused,
    tenants::Listed,
    topology::{PlacementState, versions},
};
use std::sync::Arc;
use tenantry_engine::name::{Slug, StoreName};

/// The migrations of databases to the loaded apps.
pub struct Migrations<'a> {
    pub(crate) platform: &'a Platform,
}

impl Platform {
    /// Returns the migrations: run them on tenants, see which databases are behind.
    pub fn migrations(&self) -> Migrations<'_> {
        Migrations { platform: self }
    }
}

impl Migrations<'_> {
    /// Migrates tenant databases to the version of the installed apps. A failing tenant does not stop the others, and
    /// tenants with an open operation are skipped.
    ///
    /// # Errors
    /// Returns the errors of the control store. The reports contain the errors of single databases.
    pub async fn run(
        &self,
        actor: &Actor,
        only: Option<&Slug>,
        mut options: fleet::Options,
        tell: impl FnMut(&StoreName, fleet::Event<'_>),
    ) -> Result<Vec<(StoreName, fleet::Report)>> {
        actor.require_staff()?;
        let by = &actor.by();
        if let Some(slug) = only {
            options.only = Some(self.platform.tenants().id_of(slug).await?);
        }
        super::tenants::migrate(
            self.platform.control(),
            by,
            &self.platform.0.engine,
            &self.platform.apps(),
            None,
            &options,
            tell,
        )
        .await
    }

    /// Returns the number of tenant databases, without external ones, that lack migrations of the loaded apps. Reads
    /// only the catalog.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn behind(&self) -> Result<u64> {
        Ok(self.standing().await?.behind)
    }

    /// Returns the number of tenant databases that are behind the loaded apps, and the number that newer apps have
    /// migrated.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn standing(&self) -> Result<versions::Standing> {
        versions::standing(self.platform.control(), self.platform.apps().stores()).await
    }

    /// Compares the schema of each placement of the tenant with the loaded apps. The result is in the order of the
    /// placements.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn versions(&self, tenant: &Listed) -> Result<Vec<versions::Version>> {
        let apps = self.platform.apps();
        let mut found = Vec::with_capacity(tenant.placements.len());
        for placement in &tenant.placements {
            if placement.state != PlacementState::Ready {
                found.push(versions::Version::Current);
                continue;
            }
            let schema = apps.store(&placement.place.store).ok_or(Error::NotFound("store"))?;
            found.push(
                versions::of(self.platform.control(), schema, placement.schema_version.as_deref()).await?,
            );
        }
        Ok(found)
    }

    /// Returns the platform's stores, and the pools, that stay at an earlier schema version because a migration of the
    /// loaded apps was refused there. Opens only those databases.
    pub async fn refused(&self) -> Arc<Vec<Refused>> {
        let behind = self.platform.0.behind.load_full();
        let loaded = self.platform.loaded();
        let mut still = Vec::new();
        for refused in behind.iter() {
            // Another process may have migrated the store meanwhile.
            let is_current = match loaded.databases.schema(&refused.place.store) {
                Ok(schema) => self.platform.0.engine.session(&refused.place, &schema).await.is_ok(),
                Err(_) => false,
            };
            if !is_current {
                still.push(refused.clone());
            }
        }
        if still.len() == behind.len() {
            return behind;
        }
        let still = Arc::new(still);
        // A reload that ended meanwhile has newer results.
        self.platform.0.behind.compare_and_swap(&behind, still.clone());
        still
    }
}
