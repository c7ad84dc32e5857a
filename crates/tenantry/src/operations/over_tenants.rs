//! The loop of operations that start another operation for each of many tenants.
//!
//! Backup runs and placement runs use it. Tenants are read page by page, so memory does not grow with their number. A
//! few of them are worked on at a time. One that fails does not stop the others.

use super::{Context, Operations};
use crate::{Error, Result};
use futures_util::{stream, stream::StreamExt};
use serde::{Deserialize, Serialize};
use std::{future::Future, time::Duration};
use tenantry_engine::name::TenantId;
use tokio::time::Instant;

/// Longest time that a run waits for another operation on a tenant.
const PATIENCE: Duration = Duration::from_secs(60);
/// Number of failures that a tally lists by name. The others are only counted.
const TOLD: usize = 100;

/// Results of a run so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Number of tenants for which the run succeeded.
    pub(crate) good: u64,
    /// Slug and reason for each of the first failures.
    pub(crate) failures: Vec<(String, String)>,
    /// Number of tenants for which the run failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// Counts a result, and reports the progress. `total` is the number of expected results.
    pub(crate) fn note(&mut self, context: &Context, total: u64, who: &str, done: Result<()>) {
        match done {
            Ok(()) => self.good += 1,
            // Work that did not start because the run was cancelled has not failed.
            Err(Error::Cancelled) => {}
            Err(error) => {
                self.failed += 1;
                tracing::warn!(%error, who, "failed in a run over many tenants");
                if self.failures.len() < TOLD {
                    self.failures.push((who.to_owned(), error.public_title()));
                }
            }
        }
        context.progress.set(self.good + self.failed, total, "tenants");
    }
}

/// Calls `one` for each tenant of all pages, for `parallel` of them at a time, and counts the results. `page` returns the
/// tenants after the one with this id. `key` returns the id of a tenant, and its slug.
///
/// # Errors
/// Returns [`Error::Cancelled`], and the errors of `page`.
pub(crate) async fn each<W, P, O>(
    context: &Context,
    (tally, total): (&mut Tally, u64),
    parallel: usize,
    page: impl Fn(i64) -> P,
    key: impl Fn(&W) -> (TenantId, String),
    one: impl Fn(W) -> O,
) -> Result<()>
where
    P: Future<Output = Result<Vec<W>>>,
    O: Future<Output = Result<()>>,
{
    let mut after = 0;
    loop {
        let tenants = page(after).await?;
        let Some(last) = tenants.last() else { return Ok(()) };
        after = key(last).0.get();
        let begun = tenants.into_iter().map(|tenant| {
            let (slug, done) = (key(&tenant).1, one(tenant));
            async move { (slug, done.await) }
        });
        let mut results = stream::iter(begun).buffer_unordered(parallel);
        while let Some((slug, done)) = results.next().await {
            tally.note(context, total, &slug, done);
        }
        context.cancel.check()?;
    }
}

/// Calls `make` again after each other operation that is open on the tenant, until it succeeds, fails in another way, or
/// the patience is over. Takes over an operation that a dead worker left.
pub(crate) async fn patiently<F: Future<Output = Result<()>>>(
    context: &Context,
    operations: &Operations,
    tenant: Option<TenantId>,
    make: impl Fn() -> F,
) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        context.cancel.check()?;
        let busy = match make().await {
            Err(Error::Occupied(busy)) => busy,
            done => return done,
        };
        let Some(tenant) = tenant else { return Err(Error::Occupied(busy)) };
        if Instant::now() >= until || !operations.settle(tenant, until, &context.cancel).await? {
            return Err(Error::Occupied(busy));
        }
        // A migration run is not an operation. It claims a database only briefly, so trying again shortly is enough.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
