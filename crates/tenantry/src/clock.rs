//! The one place that asks what time it is. Instants are microseconds since 1970, UTC.
//!
//! Called by everything that stores or compares an instant. Never reads a time zone. The system clock may be
//! wrong, so what cannot be undone asks [`Clock::due_us`] instead of [`Clock::now_us`]; see
//! `docs/decisions/clock.md`.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

/// One second in microseconds.
pub const SECOND_US: i64 = 1_000_000;
/// One day in microseconds.
pub const DAY_US: i64 = 86_400 * SECOND_US;

/// An instant as programs read it: RFC 3339 in UTC, always with six digits after the second. None: outside the years
/// that can be written.
pub fn iso(us: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(us).ok().map(|at| format!("{at:.6}"))
}

/// The same in a text, where the number stands for what cannot be written.
pub(crate) fn text(us: i64) -> String {
    iso(us).unwrap_or_else(|| us.to_string())
}

/// Writes an instant into JSON with six digits after the second.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn six_digits<S: serde::Serializer>(at: &jiff::Timestamp, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(&format_args!("{at:.6}"))
}

/// Whether a date lies further ahead than any process would have written it: at most `reach_us` after its own
/// clock. Then that clock was wrong, and the date means nothing.
pub(crate) fn is_out_of_reach(date_us: i64, now_us: i64, reach_us: i64) -> bool {
    date_us.saturating_sub(now_us) > reach_us
}

/// What this process saw when it last looked at its clocks for the catalog.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// [`Clock::lived_us`] then.
    pub(crate) lived_us: i64,
    /// [`Clock::now_us`] then.
    pub(crate) wall_us: i64,
    /// The witnessed time then.
    pub(crate) witnessed_us: i64,
}

/// The system clock, the monotonic clock, and the time that was witnessed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Added to the system clock by suites.
    wall_offset_us: AtomicI64,
    /// Added to the monotonic clock by suites.
    lived_offset_us: AtomicI64,
    /// The last look at the catalog's row; none: this clock stands alone and is believed.
    reading: Mutex<Option<Reading>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            wall_offset_us: AtomicI64::new(0),
            lived_offset_us: AtomicI64::new(0),
            reading: Mutex::new(None),
        }))
    }
}

impl Clock {
    /// Now by the system clock, microseconds.
    pub fn now_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond() + self.0.wall_offset_us.load(Ordering::Relaxed)
    }

    /// Time that this process has lived by the monotonic clock, microseconds.
    pub fn lived_us(&self) -> i64 {
        let lived = i64::try_from(self.0.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        lived.saturating_add(self.0.lived_offset_us.load(Ordering::Relaxed))
    }

    /// The instant up to which things that cannot be undone are due: the earlier of the system clock and the
    /// witnessed time, which no jump of the system clock moves.
    pub fn due_us(&self) -> i64 {
        let now_us = self.now_us();
        self.witnessed_us().map_or(now_us, |witnessed_us| witnessed_us.min(now_us))
    }

    /// The instant at which a retention begins now: the later of the system clock and the witnessed time, so
    /// that a clock that is behind shortens no retention.
    pub fn retain_from_us(&self) -> i64 {
        let now_us = self.now_us();
        self.witnessed_us().map_or(now_us, |witnessed_us| witnessed_us.max(now_us))
    }

    /// The witnessed time; none before the catalog was read.
    pub(crate) fn witnessed_us(&self) -> Option<i64> {
        self.reading().map(|reading| reading.witnessed_us + (self.lived_us() - reading.lived_us))
    }

    /// The last look at the clocks; none before the catalog was read.
    pub(crate) fn reading(&self) -> Option<Reading> {
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces it.
    pub(crate) fn looked(&self, reading: Reading) {
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// Lets time pass by both clocks, as if the process had run that long; for suites.
    pub fn advance_us(&self, by_us: i64) {
        self.0.wall_offset_us.fetch_add(by_us, Ordering::Relaxed);
        self.0.lived_offset_us.fetch_add(by_us, Ordering::Relaxed);
    }

    /// Sets the system clock forward, or back if negative, while no time passes; for suites.
    pub fn jump_us(&self, by_us: i64) {
        self.0.wall_offset_us.fetch_add(by_us, Ordering::Relaxed);
    }
}
