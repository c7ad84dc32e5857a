//! The only module that reads the clocks. Times are microseconds since 1970, UTC.
//!
//! All code that stores or compares a time calls it. It never reads a time zone. The system clock may be wrong, so
//! irreversible work uses [`Clock::due_us`] instead of [`Clock::now_us`]; see `docs/decisions/clock.md`.

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

/// Formats a time for programs: RFC 3339 in UTC, always with six digits after the decimal point. Returns `None` if the
/// year cannot be written.
pub fn iso(us: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(us).ok().map(|at| format!("{at:.6}"))
}

/// Formats a time like [`iso`], or as a number if [`iso`] cannot write it.
pub(crate) fn text(us: i64) -> String {
    iso(us).unwrap_or_else(|| us.to_string())
}

/// Serializes a time with six digits after the decimal point.
pub(crate) fn six_digits<S: serde::Serializer>(at: &jiff::Timestamp, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(&format_args!("{at:.6}"))
}

/// Returns true if a date is further in the future than any process with a correct clock could have set it, which is at
/// most `reach_us` after its own time. The process's clock was wrong, and the date means nothing.
pub(crate) fn is_out_of_reach(date_us: i64, now_us: i64, reach_us: i64) -> bool {
    date_us.saturating_sub(now_us) > reach_us
}

/// Marker for an installation that uses the system clock of this host.
const NO_SERVER: i64 = i64::MIN;

/// The clocks as this process last read them for the catalog.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Value of [`Clock::lived_us`] at that moment.
    pub(crate) lived_us: i64,
    /// Value of [`Clock::now_us`] at that moment.
    pub(crate) wall_us: i64,
    /// Witnessed time at that moment.
    pub(crate) witnessed_us: i64,
}

/// The system clock, the monotonic clock, and the witnessed time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Time of the control store's server at `start`, in microseconds, or [`NO_SERVER`].
    server_start_us: AtomicI64,
    /// Offset that test suites add to the system clock.
    wall_offset_us: AtomicI64,
    /// Offset that test suites add to the monotonic clock.
    lived_offset_us: AtomicI64,
    /// Last reading for the catalog's row; `None` if this clock has no catalog and is trusted.
    reading: Mutex<Option<Reading>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            server_start_us: AtomicI64::new(NO_SERVER),
            wall_offset_us: AtomicI64::new(0),
            lived_offset_us: AtomicI64::new(0),
            reading: Mutex::new(None),
        }))
    }
}

impl Clock {
    /// Returns the current time of the system clock, in microseconds. If the control store is on a server, it is that
    /// server's time, so all hosts have the same time.
    pub fn now_us(&self) -> i64 {
        let now_us = match self.0.server_start_us.load(Ordering::Relaxed) {
            NO_SERVER => jiff::Timestamp::now().as_microsecond(),
            start_us => start_us + self.since_start_us(Instant::now()),
        };
        now_us + self.0.wall_offset_us.load(Ordering::Relaxed)
    }

    /// Sets the time from the control store's server, which reported `us` at `at`.
    pub(crate) fn set_by_server(&self, us: i64, at: Instant) {
        self.0.server_start_us.store(us - self.since_start_us(at), Ordering::Relaxed);
    }

    fn since_start_us(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.0.start).as_micros()).unwrap_or(i64::MAX)
    }

    /// Returns the age of this process by the monotonic clock, in microseconds.
    pub fn lived_us(&self) -> i64 {
        let lived = self.since_start_us(Instant::now());
        lived.saturating_add(self.0.lived_offset_us.load(Ordering::Relaxed))
    }

    /// Returns the time up to which irreversible work is due: the earlier of the system time and the witnessed time,
    /// which no jump of the system clock moves.
    pub fn due_us(&self) -> i64 {
        let now_us = self.now_us();
        self.witnessed_us().map_or(now_us, |witnessed_us| witnessed_us.min(now_us))
    }

    /// Returns the time at which a retention that begins now starts: the later of the system time and the witnessed
    /// time, so that a slow clock shortens no retention.
    pub fn retain_from_us(&self) -> i64 {
        let now_us = self.now_us();
        self.witnessed_us().map_or(now_us, |witnessed_us| witnessed_us.max(now_us))
    }

    /// Returns the time by which a paid right ends: the witnessed time, which no jump of the system clock moves in either
    /// direction. After a time without a running server it may be behind by that time, for up to a day.
    pub fn right_ends_us(&self) -> i64 {
        self.witnessed_us().unwrap_or_else(|| self.now_us())
    }

    /// Returns the witnessed time, or `None` before the catalog was read.
    pub(crate) fn witnessed_us(&self) -> Option<i64> {
        self.reading().map(|reading| reading.witnessed_us + (self.lived_us() - reading.lived_us))
    }

    /// Returns the last reading of the clocks, or `None` before the catalog was read.
    pub(crate) fn reading(&self) -> Option<Reading> {
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the last reading of the clocks.
    pub(crate) fn looked(&self, reading: Reading) {
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// Advances both clocks, as if the process had run for that long. For test suites.
    pub fn advance_us(&self, by_us: i64) {
        self.0.wall_offset_us.fetch_add(by_us, Ordering::Relaxed);
        self.0.lived_offset_us.fetch_add(by_us, Ordering::Relaxed);
    }

    /// Moves the system clock forward, or back if negative, while no time passes. For test suites.
    pub fn jump_us(&self, by_us: i64) {
        self.0.wall_offset_us.fetch_add(by_us, Ordering::Relaxed);
    }
}
