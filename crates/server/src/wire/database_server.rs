//! Answers about the database servers of the configuration.

use crate::wire::plan::labels;
use std::collections::BTreeMap;
use tenantry::DatabaseServer as Found;

answers! {
    /// A database server of the configuration.
    struct DatabaseServer from server: Found {
        name: String = server.name.to_string(),
        /// Database software: `sqlite`, `postgres` or `mongodb`.
        engine: &'static str = server.engine.as_str(),
        /// Labels by which plans choose the server.
        labels: BTreeMap<String, String> = labels(&server.labels),
        /// Number of databases and places in pools that tenants have there.
        places: u64 = server.places,
        /// Bytes that databases may still take; null if not known.
        free_bytes: Option<u64> = server.free_bytes,
        /// True if less than `limits.disk_reserve` is free.
        is_low: bool = server.is_low,
        /// False if the server did not answer when it was last asked.
        answers: bool = server.answers,
    }
}
