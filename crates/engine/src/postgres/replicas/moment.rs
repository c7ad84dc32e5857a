//! Moments of this process that fit into an atomic number. They are only compared with each other.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A moment, in microseconds of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// Number of the first moment. It exceeds 0 by more than any lag.
const FIRST: u64 = 1 << 40;

impl Moment {
    /// Returns the present moment.
    pub(crate) fn now() -> Self {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Self(FIRST + micros(BEGAN.elapsed()))
    }

    /// Returns the moment `time` before this one.
    pub(super) fn before(self, time: Duration) -> Self {
        // Never 0, which stands for no moment.
        Self(self.0.saturating_sub(micros(time)).max(1))
    }

    /// Returns the time from `earlier` to this moment.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 2)
}

/// The latest of the moments that tasks have reported. Before the first report, it is earlier than all moments.
#[derive(Debug, Default)]
pub(crate) struct Latest(AtomicU64);

impl Latest {
    /// Returns the latest moment.
    pub(super) fn get(&self) -> Moment {
        Moment(self.0.load(Ordering::Acquire))
    }

    /// Reports a moment.
    pub(crate) fn raise(&self, to: Moment) {
        self.0.fetch_max(to.0, Ordering::AcqRel);
    }

    /// Resets the value to its initial state.
    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }
}
