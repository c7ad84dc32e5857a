//! Backups that a tenant itself lists and starts.

use super::{
    Asked,
    catalog::{self, Filter, Listed},
    manifest::Reason,
    verbs::whose,
};
use crate::{
    Error, Result,
    control::clock::SECOND_US,
    tenants::{self, OwnTenant},
};

/// Shortest time between two backups that a tenant itself starts, in microseconds.
const OWN_EVERY_US: i64 = 600 * SECOND_US;

impl OwnTenant<'_> {
    /// Returns the backups of the entered tenant, newest first.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant.
    pub async fn backups(&self) -> Result<Vec<Listed>> {
        self.tenant.require_manager()?;
        let filter = Filter { tenant: Some(self.tenant.id()), limit: 1000, ..Filter::default() };
        self.platform.backups().list(&filter).await
    }

    /// Starts a backup of the entered tenant. A tenant may start at most one every few minutes, because backups take up
    /// the platform's space.
    ///
    /// # Errors
    /// Returns [`Error::RateLimited`] if the last backup is too recent; [`Error::Denied`] unless the actor manages the
    /// tenant.
    pub async fn start_backup(&self) -> Result<Asked> {
        self.tenant.require_manager()?;
        let mut tx = self.platform.control().snapshot().await?;
        let filter = Filter { tenant: Some(self.tenant.id()), limit: 1, ..Filter::default() };
        let newest = catalog::list(&mut tx, &filter).await?.into_iter().next();
        let again_us = newest.map_or(0, |b| b.at_us + OWN_EVERY_US - self.platform.control().now_us());
        // If the time lies further ahead, a wrong clock dated the newest backup, so it does not count.
        if (1..=OWN_EVERY_US).contains(&again_us) {
            let retry_after_seconds = u64::try_from(again_us / SECOND_US).unwrap_or(0) + 1;
            return Err(Error::RateLimited { retry_after_seconds });
        }
        let whose = whose(tenants::by_id(&mut tx, self.tenant.id()).await?);
        drop(tx);
        self.platform.backups().begin(&self.tenant.actor().by(), Some(whose), None, Reason::Manual).await
    }
}
