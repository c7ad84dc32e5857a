//! Databases that are created when a tenant first needs them. The catalog plans them; nothing guesses their place.
//!
//! Called by a write that finds its placement planned. Concurrent callers create only one database: the journal allows
//! one open operation per tenant, and the other callers wait for it.

use crate::{
    Error, Result,
    audit::By,
    operations::Operations,
    tenants::provision::Provision,
    topology::{Placement, PlacementState, Policy, placement},
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use tenantry_engine::{
    name::{StoreName, TenantId},
    place::Place,
};
use tokio::sync::{Mutex, MutexGuard};

/// Number of attempts, and the pause between them, while another caller creates the database.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// Queues for requests that need the same missing database: the first one creates it, the others find it. The number of
/// queues is fixed, so nothing is stored per tenant. Two tenants that share a queue merely wait for each other.
#[derive(Default)]
pub(crate) struct CreationQueues([Mutex<()>; 32]);

impl CreationQueues {
    pub(crate) async fn turn(&self, tenant: TenantId, store: &StoreName) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (tenant, store).hash(&mut hasher);
        let queue = usize::try_from(hasher.finish() % self.0.len() as u64).unwrap_or(0);
        self.0[queue].lock().await
    }
}

impl Operations {
    /// Returns the place of the tenant's rows in this store. Creates the database first if it is planned on demand. A
    /// store without a placement stays without one.
    ///
    /// # Errors
    /// Returns [`Error::NoDatabase`] for a store without a placement; [`Error::Unavailable`] while the database is not
    /// ready; or the error of a failed creation.
    pub async fn ensure_database(&self, by: &By, tenant: TenantId, store: &str) -> Result<Place> {
        for _ in 0..TRIES {
            let found = self.placement(tenant, store).await?;
            match (found.state, found.policy) {
                (PlacementState::Ready, _) => return Ok(found.place),
                (PlacementState::Planned, Policy::OnDemand) => {}
                _ => {
                    return Err(Error::Unavailable(format!("{store} is being made")));
                }
            }
            match self.run(Provision::planned(by.clone(), tenant, &found)).await {
                Ok(_) => return Ok(found.place),
                // Another caller is creating the database.
                Err(Error::Occupied(_)) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unavailable(format!("{store} of tenant {tenant} is still being made")))
    }

    async fn placement(&self, tenant: TenantId, store: &str) -> Result<Placement> {
        let mut tx = self.context().control.snapshot().await?;
        let slug = crate::tenants::by_id(&mut tx, tenant).await?.slug.to_string();
        let all = placement::of_tenant(&mut tx, tenant).await?;
        let missing = Error::NoDatabase { slug, store: store.to_owned() };
        all.into_iter().find(|p| p.place.store.as_str() == store).ok_or(missing)
    }
}
