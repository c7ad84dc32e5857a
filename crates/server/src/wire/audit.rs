//! Answers about the audit log.

use super::{Id, Instant, Limit};
use schemars::JsonSchema;
use serde::Deserialize;
use tenantry::audit;

requests! {
    /// Query of the audit log.
    struct AuditQuery {
        /// Only rows about the tenant with this id.
        tenant: Option<Id>,
        /// Only rows of this actor, also where it acted as another: a label such as `user:12`, or the address of an account.
        actor: Option<String>,
        /// Only rows with this action, for example `tenant.move`; a noun such as `tenant` means all its actions.
        action: Option<String>,
        /// Only rows from this time on.
        since: Option<Instant>,
        /// Only rows before this time.
        until: Option<Instant>,
        /// Only rows before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }

    /// Query of an export of the audit log.
    struct AuditExportQuery {
        /// `csv` or `ndjson`: a line of JSON for each row. `csv` by default.
        format: Option<AuditFormat>,
        /// Only rows about the tenant with this id.
        tenant: Option<Id>,
        /// Only rows of this actor, as in the list.
        actor: Option<String>,
        /// Only rows with this action, as in the list.
        action: Option<String>,
        /// Only rows from this time on.
        since: Option<Instant>,
        /// Only rows before this time.
        until: Option<Instant>,
    }
}

/// Format of an export of the audit log.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditFormat {
    #[default]
    Csv,
    Ndjson,
}

answers! {
    /// A row of the audit log.
    struct AuditRow from row: audit::Row {
        /// Id of the row. Ids start at 1 and have no gaps.
        id: i64 = row.id,
        at: Instant = Instant(row.at_us),
        actor: String = row.actor,
        /// Staff account that acted as the actor.
        impersonator: Option<String> = row.impersonator,
        /// Id of the tenant that the row concerns, if it concerns exactly one.
        tenant: Option<i64> = row.tenant,
        /// Name of the action, as `noun.verb`.
        action: String = row.action,
        /// Details of the action as JSON text, exactly as it was hashed.
        detail: String = row.detail,
        /// Hash of the previous row; empty for the first row.
        prev_hash: String = row.prev_hash,
        /// Hash of all other members of this row.
        hash: String = row.hash,
    }

    /// Result of a check of the whole audit log.
    struct AuditReport from report: audit::Report {
        /// Number of rows that were checked.
        rows: i64 = report.rows,
        /// Number of published heads that were compared.
        heads: usize = report.heads,
        /// The newest row. Store it elsewhere to compare it later.
        head: AuditHead = report.head.into(),
        /// Every fault, with the id of the row. Empty if the log is intact.
        faults: Vec<String> = report.faults,
    }

    /// A row that pins down all rows before it.
    struct AuditHead from head: audit::Head {
        id: i64 = head.id,
        hash: String = head.hash,
    }
}
