//! What a tenant may use, as computed from its plan. A value; cached in the topology.

use std::collections::BTreeSet;

/// Limits of a tenant; none is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Members.
    pub users: Option<u64>,
    /// Rows over all models of a tenant store.
    pub rows: Option<u64>,
    /// Bytes of a tenant's database.
    pub bytes: Option<u64>,
    /// Bytes of uploaded files.
    pub file_bytes: Option<u64>,
    /// Requests per second, sustained.
    pub requests_per_second: Option<u64>,
    /// Requests at work at once.
    pub concurrency: Option<u64>,
}

/// Effective features and limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Entitlements {
    /// Switched on.
    pub features: BTreeSet<String>,
    /// How much of each.
    pub limits: Limits,
}

impl Entitlements {
    /// Whether the feature is switched on.
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}
