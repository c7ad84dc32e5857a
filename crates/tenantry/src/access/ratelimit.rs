//! How often: log-in per account and per address, registration per address, requests per tenant.
//!
//! Called before any work is done. Memory is bounded by construction: account and address keys are
//! folded with a secret seed into a fixed number of buckets, so a flood of invented names can
//! neither grow the map nor choose whom it collides with.

use crate::error::{Error, Result};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use serde::{Deserialize, Serialize};
use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Buckets of one limiter; 2^18 of them cost about 8 MB when all are in use.
const BUCKETS: u64 = 1 << 18;
/// Checks between two sweeps of buckets that are full again.
const SWEEP_EVERY: u32 = 4096;

/// A quota: `burst` at once, then one more every `every_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// At once.
    pub burst: u32,
    /// Seconds until one more is allowed.
    pub every_seconds: u32,
}

/// The paces of the public doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paces {
    /// Log-in attempts for one account, from anywhere.
    pub login_account: Pace,
    /// Log-in attempts from one address, for any account.
    pub login_address: Pace,
    /// Registrations from one address.
    pub register_address: Pace,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            login_account: Pace { burst: 10, every_seconds: 30 },
            login_address: Pace { burst: 30, every_seconds: 2 },
            register_address: Pace { burst: 10, every_seconds: 360 },
        }
    }
}

/// The limiters of the public doors.
#[derive(Debug)]
pub struct Doors {
    login_account: Keyed,
    login_address: Keyed,
    register_address: Keyed,
}

impl Doors {
    /// With these paces.
    pub fn new(paces: Paces) -> Self {
        Self {
            login_account: Keyed::new(paces.login_account),
            login_address: Keyed::new(paces.login_address),
            register_address: Keyed::new(paces.register_address),
        }
    }

    /// One log-in attempt. The address is charged first, so that one address cannot use up the
    /// attempts of many accounts.
    ///
    /// # Errors
    /// [`Error::RateLimited`]
    pub fn login(&self, account: &str, address: Option<IpAddr>) -> Result<()> {
        if let Some(address) = address {
            self.login_address.check(&network(address))?;
        }
        self.login_account.check(&account.trim().to_lowercase())
    }

    /// One registration.
    ///
    /// # Errors
    /// [`Error::RateLimited`]
    pub fn register(&self, address: Option<IpAddr>) -> Result<()> {
        address.map_or(Ok(()), |address| self.register_address.check(&network(address)))
    }
}

/// An IPv6 customer holds a /64: its addresses are one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// Refused for so long; whole seconds, never 0.
pub(super) fn wait(time: Duration) -> Error {
    Error::RateLimited { retry_after_seconds: time.as_secs() + u64::from(time.subsec_nanos() > 0) }
}

/// A keyed limiter over folded keys.
struct Keyed {
    limiter: DefaultKeyedRateLimiter<u32>,
    seed: RandomState,
    checks: AtomicU32,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyed({} buckets)", self.limiter.len())
    }
}

impl Keyed {
    fn new(pace: Pace) -> Self {
        let burst = NonZeroU32::new(pace.burst).unwrap_or(NonZeroU32::MIN);
        let every = Duration::from_secs(u64::from(pace.every_seconds.max(1)));
        let quota =
            Quota::with_period(every).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
        Self { limiter: RateLimiter::keyed(quota), seed: RandomState::new(), checks: AtomicU32::new(0) }
    }

    fn check(&self, key: &impl Hash) -> Result<()> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let bucket = u32::try_from(self.seed.hash_one(key) % BUCKETS).unwrap_or(0);
        self.limiter
            .check_key(&bucket)
            .map_err(|not_until| wait(not_until.wait_time_from(DefaultClock::default().now())))
    }
}
