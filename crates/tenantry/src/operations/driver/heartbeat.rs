//! Heartbeat of a long outside step: renews the lease, records progress and checks for a cancellation.
//!
//! Called by the driver while a step runs. A step shorter than one heartbeat costs nothing here.

use crate::operations::{
    Inner,
    journal::{self, Live, Stop, lease::LEASE_US},
    progress::Amount,
};
use std::time::{Duration, Instant};

/// Time between two heartbeats.
pub(in crate::operations) const HEARTBEAT: Duration = Duration::from_secs(1);

/// The heartbeat of one outside step.
pub(in crate::operations) struct Heartbeat<'a> {
    inner: &'a Inner,
    id: i64,
    owner: &'a str,
    live: &'a Live,
    renewed: Instant,
    written: Option<Amount>,
}

impl<'a> Heartbeat<'a> {
    pub(in crate::operations) fn new(inner: &'a Inner, id: i64, owner: &'a str, live: &'a Live) -> Self {
        Self { inner, id, owner, live, renewed: Instant::now(), written: None }
    }

    /// Performs one heartbeat. Writes only if the progress changed or the lease is due for renewal.
    pub(in crate::operations) async fn tick(&mut self) -> Result<(), Stop> {
        let control = &self.inner.context.control;
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
