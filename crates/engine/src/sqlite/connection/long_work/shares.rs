//! Limits each tenant's share of the long work: work beyond the share waits until other work of the same tenant ends.
//!
//! Used by [`crate::sqlite::connection::long_work`]. Only tenants with long work in progress have an entry.

use crate::error::{Error, Kind, Result};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Number of entries at which the entries of tenants without work are removed.
const SWEEP_AT: usize = 64;

/// The shares of all tenants.
#[derive(Debug)]
pub(crate) struct Shares {
    /// Maximum number of concurrent pieces of work of one tenant.
    each: usize,
    taken: Mutex<HashMap<i64, Weak<Semaphore>>>,
}

impl Shares {
    /// Gives each tenant a share of `each` concurrent pieces of work.
    pub(crate) fn new(each: usize) -> Self {
        Self { each, taken: Mutex::default() }
    }

    /// Waits until the tenant uses less than its share. The system stores count as tenant 0 and have their own share.
    ///
    /// # Errors
    /// Never fails in practice: the semaphore of a share is never closed.
    pub(crate) async fn take(&self, tenant: i64) -> Result<OwnedSemaphorePermit> {
        let share = self.of(tenant);
        share.acquire_owned().await.map_err(|error| Error::with_source(Kind::Internal, "share", error))
    }

    fn of(&self, tenant: i64) -> Arc<Semaphore> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = taken.get(&tenant).and_then(Weak::upgrade) {
            return share;
        }
        if taken.len() >= SWEEP_AT {
            taken.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.each));
        taken.insert(tenant, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_waits_for_itself_and_for_no_other() {
        let shares = Shares::new(2);
        let held = [shares.take(1).await.unwrap(), shares.take(1).await.unwrap()];
        let third = tokio::time::timeout(std::time::Duration::from_millis(20), shares.take(1)).await;
        assert!(third.is_err(), "more than its share");
        drop(shares.take(2).await.unwrap());
        drop(held);
        drop(shares.take(1).await.unwrap());
        for tenant in 0..1000 {
            drop(shares.take(tenant).await.unwrap());
        }
        assert!(shares.taken.lock().unwrap().len() <= SWEEP_AT, "idle tenants have no entry");
    }
}
