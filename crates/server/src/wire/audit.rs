//! The audit log.

use super::{Id, Instant, Limit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::audit;

/// Query of the audit log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only those of this tenant, by its id.
    pub(crate) tenant: Option<Id>,
    /// Only entries before the one with this id.
    pub(crate) before: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// A row of the audit log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditRow {
    /// Gapless from 1.
    pub(crate) id: i64,
    pub(crate) at: Instant,
    pub(crate) actor: String,
    /// Staff account that impersonated the actor.
    pub(crate) impersonator: Option<String>,
    /// Id of the tenant it concerns, if it concerns exactly one.
    pub(crate) tenant: Option<i64>,
    /// `noun.verb`.
    pub(crate) action: String,
    /// JSON text, exactly as it was hashed.
    pub(crate) detail: String,
    /// Hash of the row before; empty for the first.
    pub(crate) prev_hash: String,
    /// Hash of all other members.
    pub(crate) hash: String,
}

impl From<audit::Row> for AuditRow {
    fn from(row: audit::Row) -> Self {
        Self {
            id: row.id,
            at: Instant(row.at_us),
            actor: row.actor,
            impersonator: row.impersonator,
            tenant: row.tenant,
            action: row.action,
            detail: row.detail,
            prev_hash: row.prev_hash,
            hash: row.hash,
        }
    }
}

/// Result of a check of the whole audit log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditReport {
    /// Rows that were checked.
    pub(crate) rows: i64,
    /// Published heads that were compared.
    pub(crate) heads: usize,
    /// The newest row. Store it elsewhere, to compare it later.
    pub(crate) head: AuditHead,
    /// Every fault, with the row's id. Empty: the log is intact.
    pub(crate) faults: Vec<String>,
}

/// A row that fixes all rows before it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditHead {
    pub(crate) id: i64,
    pub(crate) hash: String,
}

impl From<audit::Report> for AuditReport {
    fn from(report: audit::Report) -> Self {
        let head = AuditHead { id: report.head.id, hash: report.head.hash };
        Self { rows: report.rows, heads: report.heads, head, faults: report.faults }
    }
}
