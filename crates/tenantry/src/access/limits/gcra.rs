//! The generic cell rate algorithm (ITU-T I.371, virtual scheduling) on one atomic.
//!
//! `ratelimit` and `meter` use it. Callers pass rate and burst with each call, so a changed plan applies at once. The
//! algorithm never allocates, never sleeps and has no timer: idle time costs nothing.

use crate::Error;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Theoretical arrival time of the next cell, in nanoseconds since the start of the owner's clock.
#[derive(Debug, Default)]
pub(in crate::access) struct Gcra(AtomicU64);

/// A rate: `burst` cells at once, then one cell every `step_ns` nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::access) struct Rate {
    pub(in crate::access) step_ns: u64,
    pub(in crate::access) burst: u32,
}

impl Rate {
    /// Allows `count` cells in `seconds`, all of them at once if necessary. A count of 0 counts as 1.
    pub(in crate::access) fn per(count: u32, seconds: u32) -> Self {
        let count = count.max(1);
        Self { step_ns: u64::from(seconds) * 1_000_000_000 / u64::from(count), burst: count }
    }
}

impl Gcra {
    /// Takes a cell. If none is free, returns the wait until one is.
    pub(in crate::access) fn take(&self, rate: Rate, now_ns: u64) -> Result<(), Duration> {
        let tolerance = rate.step_ns * u64::from(rate.burst.max(1) - 1);
        let mut arrival = self.0.load(Ordering::Relaxed);
        loop {
            let due = arrival.max(now_ns);
            if due - now_ns > tolerance {
                return Err(Duration::from_nanos(due - now_ns - tolerance));
            }
            match self.0.compare_exchange_weak(
                arrival,
                due + rate.step_ns,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(current) => arrival = current,
            }
        }
    }

    /// Takes the next cell that becomes free, now or later, and returns the wait until then. If the wait exceeds
    /// `longest`, takes nothing and returns `None`.
    pub(in crate::access) fn reserve(&self, rate: Rate, now_ns: u64, longest: Duration) -> Option<Duration> {
        let tolerance = rate.step_ns * u64::from(rate.burst.max(1) - 1);
        let wait_ns = |arrival: u64| (arrival.max(now_ns) - now_ns).saturating_sub(tolerance);
        let fits = |arrival: u64| Duration::from_nanos(wait_ns(arrival)) <= longest;
        let next = |arrival: u64| fits(arrival).then(|| arrival.max(now_ns) + rate.step_ns);
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, next).ok()?;
        Some(Duration::from_nanos(wait_ns(before)))
    }

    /// Gives back a cell that turned out not to count.
    pub(in crate::access) fn give_back(&self, rate: Rate) {
        let back = |arrival: u64| Some(arrival.saturating_sub(rate.step_ns));
        // The closure always returns `Some`, so the update always succeeds.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, back);
    }
}

/// Converts a wait to an error with a whole number of seconds, at least 1.
pub(in crate::access) fn refused(wait: Duration) -> Error {
    let retry_after_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Error::RateLimited { retry_after_seconds: retry_after_seconds.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn allowed(cell: &Gcra, rate: Rate, now: u64) -> usize {
        (0..20).filter(|_| cell.take(rate, now).is_ok()).count()
    }

    #[test]
    fn enforced_limits_a_burst_then_the_rate_exactly() {
        let cell = Gcra::default();
        let rate = Rate { step_ns: SECOND / 10, burst: 5 };
        assert_eq!(allowed(&cell, rate, 0), 5);
        assert_eq!(cell.take(rate, 0), Err(Duration::from_millis(100)));
        assert_eq!(allowed(&cell, rate, SECOND / 10 - 1), 0, "a nanosecond early");
        assert_eq!(allowed(&cell, rate, SECOND / 10), 1);
        assert_eq!(allowed(&cell, rate, 100 * SECOND), 5, "idle time is not saved up");
        assert_eq!(
            allowed(&cell, Rate { burst: 9, ..rate }, 100 * SECOND),
            4,
            "a larger burst holds at once"
        );
    }

    #[test]
    fn a_reserved_place_comes_once_and_not_too_late() {
        let (cell, rate) = (Gcra::default(), Rate::per(2, 60));
        let reserve = || cell.reserve(rate, SECOND, Duration::from_secs(60)).map(|wait| wait.as_secs());
        let waits: Vec<_> = (0..5).map(|_| reserve()).collect();
        assert_eq!(waits, [Some(0), Some(0), Some(30), Some(60), None]);
        assert!(cell.take(rate, SECOND).is_err());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let cell = Gcra::default();
        let rate = Rate::per(3, 60);
        assert_eq!(allowed(&cell, rate, 0), 3);
        cell.give_back(rate);
        assert_eq!(allowed(&cell, rate, 0), 1);
        Gcra::default().give_back(rate);
    }
}
