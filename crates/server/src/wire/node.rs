//! Answers about the servers of an installation.

use super::Instant;
use tenantry::Node as Serving;

answers! {
    /// A server process of an installation with several hosts.
    struct Node from node: Serving {
        /// Host and process id of the server.
        name: String = node.name,
        /// Time at which it began to serve.
        since: Instant = Instant(node.since_us),
        /// Time of its last heartbeat at the control store. A server sends a heartbeat once a second; the others remove
        /// it after some seconds of silence.
        last_heartbeat_at: Instant = Instant(node.seen_us),
        /// Version of its program.
        version: String = node.version,
        /// Names of the database servers in its configuration.
        servers: Vec<String> = node.servers,
    }
}
