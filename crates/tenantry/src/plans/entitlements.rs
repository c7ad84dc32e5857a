//! Features and limits of a tenant, computed from its plan. The topology caches this value.

use std::collections::BTreeSet;

/// Limits of a tenant. A limit of `None` does not apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest number of members.
    pub users: Option<u64>,
    /// Largest number of rows over all models of a tenant store.
    pub rows: Option<u64>,
    /// Largest size of a tenant's database, in bytes.
    pub bytes: Option<u64>,
    /// Largest total size of uploaded files, in bytes.
    pub file_bytes: Option<u64>,
    /// Largest sustained number of requests per second.
    pub requests_per_second: Option<u64>,
    /// Largest number of concurrent requests.
    pub concurrency: Option<u64>,
}

/// Effective features and limits of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Entitlements {
    /// Names of the features that are switched on.
    pub features: BTreeSet<String>,
    /// Limits of the tenant.
    pub limits: Limits,
}

impl Entitlements {
    /// Returns true if the feature is switched on.
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}
