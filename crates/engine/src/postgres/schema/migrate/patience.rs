//! Changes of tables never wait for long, because all other statements would wait behind them: they give up, let the
//! others continue, and try again.

use crate::{
    error::{Error, Kind, Result},
    postgres::site::Site,
};
use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Time for which a change is tried again.
const BUSY_WAIT: Duration = Duration::from_secs(20);
/// First pause between two attempts. It doubles up to the longest one.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Limits for how long a change of tables is tried again while they are in use.
#[derive(Debug)]
pub(in crate::postgres) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    pub(in crate::postgres) fn new() -> Self {
        Self { until: Instant::now() + BUSY_WAIT, pause: PAUSE }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] with the remedy if there is no time left.
    pub(in crate::postgres) async fn wait(&mut self, site: &Site, error: Error) -> Result<()> {
        if Instant::now() + self.pause < self.until {
            tracing::debug!(%site, %error, "tables are in use: a change of them waits");
            sleep(jittered(self.pause)).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return Ok(());
        }
        let detail = format!(
            "{site}: its tables were in use for {} s: end the transactions that hold them (see pg_stat_activity), or \
             try again when fewer run",
            BUSY_WAIT.as_secs()
        );
        Err(Error::with_source(Kind::Busy, detail, error))
    }
}

/// Returns between half of the duration and all of it, so that processes that wait for each other do not collide again.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 1000;
    pause / 2 + pause * u32::try_from(random).unwrap_or_default() / 2000
}
