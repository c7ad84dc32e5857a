//! Requests per second and at the same time, per tenant, from its plan (rule 13).
//!
//! Called by `enter` for every request. The rate is the generic cell rate algorithm (ITU-T I.371) on
//! one atomic: limits are given at each call, so that a changed plan holds at once. The map is
//! bounded; a meter in use is pinned and never forgotten.

use crate::error::{Error, Result};
use quick_cache::{Lifecycle, UnitWeighter, sync::Cache};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tenantry_engine::name::TenantId;

/// Tenants remembered when none of their requests is running.
const REMEMBERED: usize = 32_768;

/// What a plan allows; None is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Requests a second, on average.
    pub per_second: Option<u32>,
    /// Requests at once before the average counts; at least 1.
    pub burst: u32,
    /// Requests at the same time.
    pub concurrent: Option<u32>,
}

/// The meters of all tenants.
pub struct Meters {
    cache: Cache<TenantId, Arc<Meter>, UnitWeighter, quick_cache::DefaultHashBuilder, PinInUse>,
    start: Instant,
}

#[derive(Debug, Default)]
struct Meter {
    /// Theoretical arrival time, nanoseconds since `Meters::start`.
    arrival: AtomicU64,
    running: AtomicU32,
}

/// A running request; counts until dropped.
#[derive(Debug)]
pub struct Permit(Arc<Meter>);

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
        meter.running.load(Ordering::Acquire) > 0
    }
}

impl Meters {
    /// Empty.
    pub fn new() -> Self {
        let cache = Cache::with(REMEMBERED, REMEMBERED as u64, UnitWeighter, Default::default(), PinInUse);
        Self { cache, start: Instant::now() }
    }

    /// One request of this tenant starts.
    ///
    /// # Errors
    /// [`Error::RateLimited`] over the rate, [`Error::LimitExceeded`] over the concurrency.
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

    /// Requests of this tenant that run now.
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
            // Dropping the permit takes the count back.
            Some(limit) if before >= limit => Err(Error::LimitExceeded { limit: "concurrency" }),
            _ => Ok(permit),
        }
    }

    fn pace(&self, allowance: &Allowance, now: u64) -> Result<()> {
        let Some(rate) = allowance.per_second else { return Ok(()) };
        let step = 1_000_000_000 / u64::from(rate.max(1));
        let tolerance = step * u64::from(allowance.burst.max(1) - 1);
        let mut arrival = self.arrival.load(Ordering::Relaxed);
        loop {
            let due = arrival.max(now);
            if due - now > tolerance {
                let wait = Duration::from_nanos(due - now - tolerance);
                return Err(super::ratelimit::wait(wait));
            }
            match self.arrival.compare_exchange_weak(arrival, due + step, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(current) => arrival = current,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const TENANT: TenantId = TenantId::from_raw(7);

    fn allowed(meters: &Meters, allowance: &Allowance, now: u64, tries: u32) -> usize {
        (0..tries).filter(|_| meters.admit_at(TENANT, allowance, now).is_ok()).count()
    }

    #[test]
    fn rule_13_a_burst_then_the_rate_exactly() {
        let meters = Meters::new();
        let plan = Allowance { per_second: Some(10), burst: 5, concurrent: None };
        assert_eq!(allowed(&meters, &plan, 0, 20), 5);
        assert_eq!(allowed(&meters, &plan, SECOND / 10 - 1, 20), 0, "a nanosecond early");
        assert_eq!(allowed(&meters, &plan, SECOND / 10, 20), 1);
        assert_eq!(allowed(&meters, &plan, 100 * SECOND, 20), 5, "idle time is not saved up");
        let wider = Allowance { per_second: Some(10), burst: 9, concurrent: None };
        assert_eq!(allowed(&meters, &wider, 100 * SECOND, 20), 4, "a larger plan holds at once");
    }

    #[test]
    fn rule_13_concurrency_is_given_back_even_when_refused() {
        let meters = Meters::new();
        let plan = Allowance { per_second: None, burst: 1, concurrent: Some(2) };
        let first = meters.admit(TENANT, &plan).expect("first");
        let second = meters.admit(TENANT, &plan).expect("second");
        assert_eq!(meters.admit(TENANT, &plan).expect_err("third").code(), "limit_exceeded");
        assert_eq!(meters.running(TENANT), 2);
        drop((first, second));
        assert_eq!(meters.running(TENANT), 0);
        let tight = Allowance { per_second: Some(1), burst: 1, concurrent: Some(2) };
        let _ok = meters.admit_at(TENANT, &tight, 0).expect("one");
        assert!(meters.admit_at(TENANT, &tight, 0).is_err());
        assert_eq!(meters.running(TENANT), 1, "a refused request holds nothing");
    }
}
