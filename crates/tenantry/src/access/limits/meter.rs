//! Limits the rate and the number of concurrent requests of each tenant, as its plan sets them (`enforced-limits`).
//!
//! `enter` calls it for every request and passes the limits, so a changed plan applies at once. The map is bounded; a
//! meter in use is pinned and never evicted.

use crate::access::gcra::{Gcra, Rate, refused};
use crate::error::{Error, Result};
use quick_cache::{Lifecycle, UnitWeighter, sync::Cache};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};
use tenantry_engine::name::TenantId;

/// Number of tenants whose meters are remembered while they have no running request.
const REMEMBERED: usize = 32_768;

/// Limits of a plan. A limit of `None` does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Average number of requests per second.
    pub per_second: Option<u32>,
    /// Number of requests at once before the average applies; at least 1.
    pub burst: u32,
    /// Largest number of concurrent requests.
    pub concurrent: Option<u32>,
}

/// The meters of all tenants.
pub struct Meters {
    cache: Cache<TenantId, Arc<Meter>, UnitWeighter, quick_cache::DefaultHashBuilder, PinInUse>,
    start: Instant,
}

#[derive(Debug, Default)]
struct Meter {
    rate: Gcra,
    running: AtomicU32,
}

/// A running request, counted until this is dropped.
#[derive(Debug)]
pub struct Permit(Arc<Meter>);

/// Keeps a request counted after its handler has returned, until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Hold(#[expect(dead_code, reason = "held for its drop")] Arc<Permit>);

/// The permit of a request, held by its handler alone or shared with the task that sends the answer.
#[derive(Debug)]
pub(in crate::access) enum Counted {
    /// The platform's own work, which is not counted.
    Not,
    Alone(Permit),
    Shared(Hold),
}

impl Counted {
    /// Shares the permit, and returns the shared hold on it.
    pub(in crate::access) fn hold(&mut self) -> Option<Hold> {
        *self = match std::mem::replace(self, Self::Not) {
            Self::Alone(permit) => Self::Shared(Hold(Arc::new(permit))),
            other => other,
        };
        match self {
            Self::Shared(hold) => Some(hold.clone()),
            _ => None,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Release);
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct PinInUse;

impl Lifecycle<TenantId, Arc<Meter>> for PinInUse {
    type RequestState = ();
    fn is_pinned(&self, _: &TenantId, meter: &Arc<Meter>) -> bool {
        // The map holds one reference. A request between look-up and count holds another.
        Arc::strong_count(meter) > 1
    }
}

impl Meters {
    /// Creates an empty set of meters.
    pub fn new() -> Self {
        let cache = Cache::with(REMEMBERED, REMEMBERED as u64, UnitWeighter, Default::default(), PinInUse);
        Self { cache, start: Instant::now() }
    }

    /// Starts one request of this tenant.
    ///
    /// # Errors
    /// Returns [`Error::RateLimited`] if the tenant exceeds its rate or its number of concurrent requests.
    pub fn admit(&self, tenant: TenantId, allowance: &Allowance) -> Result<Permit> {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2);
        self.admit_at(tenant, allowance, now)
    }

    fn admit_at(&self, tenant: TenantId, allowance: &Allowance, now: u64) -> Result<Permit> {
        let meter = match self.cache.get(&tenant) {
            Some(meter) => meter,
            None => self
                .cache
                .get_or_insert_with(&tenant, || Ok::<_, std::convert::Infallible>(Arc::default()))
                .unwrap_or_else(|never| match never {}),
        };
        let permit = meter.start(allowance.concurrent)?;
        permit.0.pace(allowance, now)?;
        Ok(permit)
    }

    /// Returns the number of running requests of this tenant.
    pub fn running(&self, tenant: TenantId) -> u32 {
        self.cache.peek(&tenant).map_or(0, |meter| meter.running.load(Ordering::Relaxed))
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Meters({} tenants)", self.cache.len())
    }
}

impl Meter {
    fn start(self: Arc<Self>, limit: Option<u32>) -> Result<Permit> {
        let before = self.running.fetch_add(1, Ordering::AcqRel);
        let permit = Permit(self);
        match limit {
            // Dropping the permit reverts the count. The refusal is temporary, so it is reported as a rate limit: the
            // client need not remove or buy anything.
            Some(limit) if before >= limit => Err(Error::RateLimited { retry_after_seconds: 1 }),
            _ => Ok(permit),
        }
    }

    fn pace(&self, allowance: &Allowance, now_ns: u64) -> Result<()> {
        let Some(per_second) = allowance.per_second else { return Ok(()) };
        let rate = Rate { step_ns: 1_000_000_000 / u64::from(per_second.max(1)), burst: allowance.burst };
        self.rate.take(rate, now_ns).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId::from_raw(7);

    #[test]
    fn a_request_counts_until_its_answer_is_gone() {
        let meters = Meters::new();
        let plan = Allowance { per_second: None, burst: 1, concurrent: Some(1) };
        let mut counted = Counted::Alone(meters.admit(TENANT, &plan).expect("first"));
        let (hold, again) = (counted.hold().expect("counted"), counted.hold());
        drop((counted, again));
        assert_eq!(meters.running(TENANT), 1);
        drop(hold);
        assert_eq!(meters.running(TENANT), 0);
        assert!(Counted::Not.hold().is_none());
    }

    #[test]
    fn enforced_limits_concurrency_is_given_back_even_when_refused() {
        let meters = Meters::new();
        let plan = Allowance { per_second: None, burst: 1, concurrent: Some(2) };
        let first = meters.admit(TENANT, &plan).expect("first");
        let second = meters.admit(TENANT, &plan).expect("second");
        assert_eq!(meters.admit(TENANT, &plan).expect_err("third").code(), "rate_limited");
        assert_eq!(meters.running(TENANT), 2);
        drop((first, second));
        assert_eq!(meters.running(TENANT), 0);
        let tight = Allowance { per_second: Some(1), burst: 1, concurrent: Some(2) };
        let _ok = meters.admit_at(TENANT, &tight, 0).expect("one");
        assert!(meters.admit_at(TENANT, &tight, 0).is_err());
        assert_eq!(meters.running(TENANT), 1, "a refused request holds nothing");
    }
}
