//! Durations of requests as a histogram.

use super::exposition::Exposition;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the histogram's buckets, in microseconds.
pub(crate) const BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
];

/// Numbers of requests by duration: one number per bound, and one for longer requests.
pub(crate) type Buckets = [u64; BOUNDS_US.len() + 1];

/// A histogram to which any thread adds.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    /// Total duration of all requests, in nanoseconds.
    total_ns: AtomicU64,
}

/// The state of a histogram at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Durations {
    pub(crate) buckets: Buckets,
    total_ns: u64,
}

impl Latency {
    /// Counts a request.
    pub(crate) fn record(&self, took: Duration) {
        let bucket = BOUNDS_US.iter().position(|bound| took <= Duration::from_micros(*bound));
        self.buckets[bucket.unwrap_or(BOUNDS_US.len())].fetch_add(1, Relaxed);
        self.total_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Returns the requests so far.
    pub(crate) fn read(&self) -> Durations {
        let mut read = Durations { total_ns: self.total_ns.load(Relaxed), ..Durations::default() };
        read.buckets.iter_mut().zip(&self.buckets).for_each(|(count, bucket)| *count = bucket.load(Relaxed));
        read
    }

    /// Begins anew. Returns the number of requests so far.
    pub(crate) fn take(&self) -> u64 {
        self.total_ns.store(0, Relaxed);
        self.buckets.iter().map(|bucket| bucket.swap(0, Relaxed)).sum()
    }
}

impl Durations {
    /// Returns the number of requests.
    pub(crate) fn requests(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the mean duration in microseconds; `None` if there were no requests.
    pub(crate) fn mean_us(&self) -> Option<u64> {
        (self.total_ns / 1000).checked_div(self.requests())
    }

    /// Returns the total duration in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.total_ns as f64 / 1e9
    }

    /// Estimates as [`quantile_us`] does.
    pub(crate) fn quantile_us(&self, part: f64) -> Option<u64> {
        quantile_us(&self.buckets, part)
    }

    /// Adds the samples of a histogram to the text. `labels` are without braces.
    pub(crate) fn expose(&self, text: &mut Exposition, name: &str, labels: &str) {
        let mut below = 0;
        let bounds = BOUNDS_US.iter().map(|us| (*us as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
        for (bound, bucket) in bounds.zip(&self.buckets) {
            below += bucket;
            text.sample(&format!("{name}_bucket"), &format!("{{{labels},le=\"{bound}\"}}"), below);
        }
        text.sample(&format!("{name}_sum"), &format!("{{{labels}}}"), self.seconds());
        text.sample(&format!("{name}_count"), &format!("{{{labels}}}"), below);
    }
}

/// Estimates the duration, in microseconds, that a part of the requests (from 0 to 1) did not exceed. Assumes that
/// durations are spread evenly within each bucket. Returns `None` if there were no requests.
pub(crate) fn quantile_us(buckets: &Buckets, part: f64) -> Option<u64> {
    let wanted = (buckets.iter().sum::<u64>() as f64 * part).max(f64::MIN_POSITIVE);
    let (mut below, mut lower) = (0.0, 0);
    for (count, upper) in buckets.iter().zip(BOUNDS_US.iter().chain(BOUNDS_US.last())) {
        let count = *count as f64;
        if count > 0.0 && below + count >= wanted {
            let share = (wanted - below) / count;
            return Some(lower + ((upper - lower) as f64 * share).round() as u64);
        }
        (below, lower) = (below + count, *upper);
    }
    None
}
