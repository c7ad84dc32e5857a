//! Limits of the serve loop, from the configuration.

use super::{received::BodyPace, wire::Pace};
use std::time::Duration;
use tenantry::{Platform, config::LimitsConfig};

/// Limits of the serve loop.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Largest number of open connections. At the limit, the connection that has waited longest for its client is
    /// closed in favour of a new one.
    pub max_connections: usize,
    /// Largest number of open connections from one address, or from one /64 of IPv6. One /48 may have four times as
    /// many, but at most half of all connections. Does not apply to trusted proxies.
    pub max_connections_per_address: usize,
    /// Time within which a request's head must arrive completely. It is also the lifetime of an idle connection.
    pub header_timeout: Duration,
    /// Largest size of a request's head in bytes; at least 8,192.
    pub max_head_bytes: usize,
    /// Longest time for which a client may read more slowly than `min_read_bytes_per_second`.
    pub write_timeout: Duration,
    /// Lowest average rate at which a client must read over `write_timeout`, in bytes per second.
    pub min_read_bytes_per_second: u64,
    /// Longest time for which a body may arrive more slowly than `min_body_bytes_per_second`.
    pub body_timeout: Duration,
    /// Lowest average rate at which a body must arrive over `body_timeout`, in bytes per second.
    pub min_body_bytes_per_second: u64,
    /// Time that running requests have to end after shutdown begins.
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
            body_timeout: limits.body_timeout,
            min_body_bytes_per_second: limits.body_bytes_per_second,
            drain: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// Returns the limits of a platform's configuration, as far as the process has descriptors for them.
    pub fn of(platform: &Platform) -> Self {
        let options = Self::from(&platform.config().limits);
        let room = platform.descriptors().connections;
        Self {
            max_connections: options.max_connections.min(room),
            // If the number is small, one address must not take all of it.
            max_connections_per_address: options.max_connections_per_address.min(room.div_ceil(2)),
            ..options
        }
    }

    /// Returns the rate at which a body must arrive.
    pub(super) fn body_pace(&self) -> BodyPace {
        let bytes = self.min_body_bytes_per_second.saturating_mul(self.body_timeout.as_secs());
        BodyPace { span: self.body_timeout, bytes: bytes.max(1) }
    }

    /// Returns the rate at which a client must read.
    pub(super) fn pace(&self) -> Pace {
        let bytes = self.min_read_bytes_per_second.saturating_mul(self.write_timeout.as_secs());
        Pace { span: self.write_timeout, bytes }
    }
}
