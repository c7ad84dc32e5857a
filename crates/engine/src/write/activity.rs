//! The activity log of a tenant: which user changed which record.

use serde::Serialize;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// Id of the entry. Ids grow with time; paging uses them.
    pub id: i64,
    /// Instant of the change, RFC 3339 in UTC.
    pub at: String,
    /// The user that acted.
    pub actor: String,
    /// The user that impersonated the actor.
    pub impersonator: Option<String>,
    /// `create`, `update` or `delete`.
    pub action: String,
    /// Name of the changed model.
    pub model: String,
    /// Id of the changed record.
    pub record: String,
    /// JSON with the changed fields.
    pub detail: Option<serde_json::Value>,
}
