//! The activity log of a tenant: which user changed what.

use serde::Serialize;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// Grows with time; used for paging.
    pub id: i64,
    /// Instant, RFC 3339, UTC.
    pub at: String,
    /// The user that acted.
    pub actor: String,
    /// The user that impersonated the actor.
    pub impersonator: Option<String>,
    /// `create`, `update` or `delete`.
    pub action: String,
    /// The changed model.
    pub model: String,
    /// Key of the record.
    pub record: String,
    /// What changed.
    pub detail: Option<serde_json::Value>,
}
