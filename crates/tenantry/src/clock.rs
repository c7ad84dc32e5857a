//! The one place that asks what time it is. Instants are microseconds since 1970, UTC.
//!
//! Called by everything that stores or compares an instant. Never reads a time zone.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// One second in microseconds.
pub const SECOND_US: i64 = 1_000_000;
/// One day in microseconds.
pub const DAY_US: i64 = 86_400 * SECOND_US;

/// An instant as people and machines read it: RFC 3339, to the second.
pub(crate) fn text(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us)
        .map_or_else(|_| us.to_string(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The system's clock and an offset that suites turn, to see leases lapse and trials end.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_us: Arc<AtomicI64>,
}

impl Clock {
    /// Now, microseconds.
    pub fn now_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond() + self.offset_us.load(Ordering::Relaxed)
    }

    /// Moves this clock and its clones; for suites.
    pub fn advance_us(&self, by_us: i64) {
        self.offset_us.fetch_add(by_us, Ordering::Relaxed);
    }
}
