//! Features and limits of a tenant, computed from its plan. A value, cached in the topology.

use std::collections::BTreeSet;

/// Limits of a tenant. `None`: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Number of members.
    pub users: Option<u64>,
    /// Number of rows over all models of a tenant store.
    pub rows: Option<u64>,
    /// Size of a tenant's database, in bytes.
    pub bytes: Option<u64>,
    /// Size of uploaded files, in bytes.
    pub file_bytes: Option<u64>,
    /// Sustained requests per second.
    pub requests_per_second: Option<u64>,
    /// Number of concurrent requests.
    pub concurrency: Option<u64>,
}

/// Effective features and limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Entitlements {
    /// Features that are switched on.
    pub features: BTreeSet<String>,
    /// Limits.
    pub limits: Limits,
}

impl Entitlements {
    /// Returns true if the feature is switched on.
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}
