//! The audit log.

use super::{Id, Instant, Limit};
use tenantry::audit;

requests! {
    /// Query of the audit log.
    struct AuditQuery {
        /// Only those of this tenant, by its id.
        tenant: Option<Id>,
        /// Only entries before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// A row of the audit log.
    struct AuditRow from row: audit::Row {
        /// Gapless from 1.
        id: i64 = row.id,
        at: Instant = Instant(row.at_us),
        actor: String = row.actor,
        /// Staff account that impersonated the actor.
        impersonator: Option<String> = row.impersonator,
        /// Id of the tenant it concerns, if it concerns exactly one.
        tenant: Option<i64> = row.tenant,
        /// `noun.verb`.
        action: String = row.action,
        /// JSON text, exactly as it was hashed.
        detail: String = row.detail,
        /// Hash of the row before; empty for the first.
        prev_hash: String = row.prev_hash,
        /// Hash of all other members.
        hash: String = row.hash,
    }

    /// Result of a check of the whole audit log.
    struct AuditReport from report: audit::Report {
        /// Rows that were checked.
        rows: i64 = report.rows,
        /// Published heads that were compared.
        heads: usize = report.heads,
        /// The newest row. Store it elsewhere, to compare it later.
        head: AuditHead = report.head.into(),
        /// Every fault, with the row's id. Empty: the log is intact.
        faults: Vec<String> = report.faults,
    }

    /// A row that fixes all rows before it.
    struct AuditHead from head: audit::Head {
        id: i64 = head.id,
        hash: String = head.hash,
    }
}
