//! The heart of a long outside step: renews the lease, writes down progress, hears a cancellation.
//!
//! Called by the driver while a step takes its time. A step shorter than a beat costs nothing here.

use super::{
    Inner,
    journal::{self, Live, Stop},
    lease::LEASE_US,
    progress::Amount,
};
use std::time::{Duration, Instant};

/// Time between two beats.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Of one outside step.
pub(super) struct Beat<'a> {
    inner: &'a Inner,
    id: i64,
    owner: &'a str,
    live: &'a Live,
    renewed: Instant,
    written: Option<Amount>,
}

impl<'a> Beat<'a> {
    pub(super) fn new(inner: &'a Inner, id: i64, owner: &'a str, live: &'a Live) -> Self {
        Self { inner, id, owner, live, renewed: Instant::now(), written: None }
    }

    /// One beat; writes only what is new or due.
    pub(super) async fn tick(&mut self) -> Result<(), Stop> {
        let control = &self.inner.world.control;
        journal::hear(control, self.id, &self.live.cancel).await?;
        let now = self.live.progress.get();
        let patience = Duration::from_micros(LEASE_US.unsigned_abs() / 3);
        if now != self.written || self.renewed.elapsed() >= patience {
            journal::renew(control, self.id, self.owner, now.as_ref()).await?;
            (self.written, self.renewed) = (now, Instant::now());
        }
        Ok(())
    }
}
