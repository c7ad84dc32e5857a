//! Bounds of the serve loop, as the configuration gives them.

use super::{patience::Patience, wire::Pace};
use std::time::Duration;
use tenantry::{Platform, config::LimitsConfig};

/// Bounds of the loop.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Connections open at once. At the limit the one that has been idle for longest is closed for a new one.
    pub max_connections: usize,
    /// The same for one address, or one /64 of IPv6; trusted proxies are not held to it.
    pub max_connections_per_address: usize,
    /// Time for a request's head to arrive whole; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// Largest request head, bytes; at least 8,192.
    pub max_head_bytes: usize,
    /// Longest that a client may read less than `min_read_bytes_per_second` of what is sent to it.
    pub write_timeout: Duration,
    /// Slowest that a client may read, on average over `write_timeout`.
    pub min_read_bytes_per_second: u64,
    /// Time for running requests to end once shutdown begins.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self::from(&LimitsConfig::default())
    }
}

impl From<&LimitsConfig> for ServeOptions {
    fn from(limits: &LimitsConfig) -> Self {
        Self {
            max_connections: limits.connections,
            max_connections_per_address: limits.connections_per_address,
            header_timeout: limits.head_timeout,
            max_head_bytes: usize::try_from(limits.head_bytes).unwrap_or(usize::MAX),
            write_timeout: limits.write_timeout,
            min_read_bytes_per_second: limits.read_bytes_per_second,
            drain: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// What a platform's configuration says, as far as the process may have descriptors for it.
    pub fn of(platform: &Platform) -> Self {
        let options = Self::from(&platform.config().limits);
        let room = platform.descriptors().connections;
        Self {
            max_connections: options.max_connections.min(room),
            // One address alone cannot take all of a small number.
            max_connections_per_address: options.max_connections_per_address.min(room.div_ceil(2)),
            ..options
        }
    }

    /// How fast a client must read.
    pub(super) fn pace(&self) -> Pace {
        let ticks = Patience::ticks_of_write(self.header_timeout, self.write_timeout);
        let bytes = self.min_read_bytes_per_second.saturating_mul(self.write_timeout.as_secs());
        Pace { ticks, bytes }
    }
}
