//! The servers of an installation.

use super::Instant;
use tenantry::Node as Serving;

answers! {
    /// A server of an installation with several hosts.
    struct Node from node: Serving {
        /// Host and process id.
        name: String = node.name,
        /// When it began to serve.
        since: Instant = Instant(node.since_us),
        /// When the control store last heard of it. A server tells once a second that it lives; others remove it when it
        /// was silent for some seconds.
        last_heartbeat_at: Instant = Instant(node.seen_us),
        /// Version of its program.
        version: String = node.version,
        /// Names of the database servers in its configuration.
        servers: Vec<String> = node.servers,
    }
}
