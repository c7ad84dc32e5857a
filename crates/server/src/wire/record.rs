//! Answers about records, except the records themselves, whose form the models define.

use super::{Id, Instant, Limit};
use serde_json::Value;
use tenantry::records::{self, ChangedValues};

requests! {
    /// Query of the history of a record.
    struct HistoryQuery {
        /// Only changes before the one with this id, for the next page.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }

    /// Body of a transition.
    struct TransitionInput {
        /// Comment, which the trail of the record keeps.
        #[serde(default)]
        comment: Option<String>,
    }
}

answers! {
    /// The state of a record, and the transitions that the caller may make now.
    struct Standing from standing: records::Standing {
        state: String = standing.state,
        version: i64 = standing.version,
        transitions: Vec<OfferedTransition> =
            standing.transitions.into_iter().map(OfferedTransition::from).collect(),
    }

    /// A transition that the caller may make.
    struct OfferedTransition from offered: records::OfferedTransition {
        name: String = offered.name,
        label: String = offered.label,
        /// State after the transition.
        to: String = offered.to,
        /// True if the transition needs a comment.
        needs_comment: bool = offered.needs_comment,
    }

    /// A transition that a record made.
    struct MadeTransition from made: records::Made {
        id: i64 = made.id,
        #[schemars(with = "Instant")]
        at: String = made.at,
        transition: String = made.transition,
        /// State before the transition.
        from: String = made.from,
        /// State after the transition.
        to: String = made.to,
        actor: String = made.actor,
        /// Staff account that acted as the actor during a support visit.
        impersonator: Option<String> = made.impersonator,
        comment: Option<String> = made.comment,
        /// Version of the record after the transition.
        version: i64 = made.version,
    }
}

answers! {
    /// A change of a record.
    struct Change from entry: records::HistoryEntry {
        id: i64 = entry.id,
        #[schemars(with = "Instant")]
        at: String = entry.at,
        actor: String = entry.actor,
        /// Staff account that acted as the actor during a support visit.
        impersonator: Option<String> = entry.impersonator,
        /// `create`, `update` or `delete`.
        action: String = entry.action,
        /// The fields that the change touched; empty for a creation.
        changes: Vec<FieldChange> = entry.changes.into_iter().map(FieldChange::from).collect(),
    }

    /// The change of one field.
    struct FieldChange from change: records::FieldChange {
        field: String = change.field,
        /// `known`, `personal` (the log never has personal data) or `target_deleted` (the record that the reference led to was
        /// deleted).
        values: &'static str = match &change.values {
            ChangedValues::Known(..) => "known",
            ChangedValues::Personal => "personal",
            ChangedValues::TargetDeleted => "target_deleted",
        },
        /// The value before the change, if it is known.
        before: Value = match &change.values {
            ChangedValues::Known(before, _) => before.clone(),
            _ => Value::Null,
        },
        /// The value after the change, if it is known.
        after: Value = match &change.values {
            ChangedValues::Known(_, after) => after.clone(),
            _ => Value::Null,
        },
    }
}

answers! {
    /// Result of an import, with the refused lines.
    struct ImportReport from report: records::ImportReport {
        /// Number of created records, or in a dry run, of records that would be created.
        created: u64 = report.created,
        /// Refused lines, with the reason.
        errors: Vec<LineError> = report.errors.into_iter().map(LineError::from).collect(),
        /// True if more lines were refused than are listed.
        more_errors: bool = report.more_errors,
        /// Names of the columns that were ignored.
        ignored: Vec<String> = report.ignored,
        /// True if nothing was written.
        dry_run: bool = report.dry_run,
        /// Number of refused lines.
        refused: u64 = report.refused,
        /// Refused lines by column and reason, up to 100 kinds.
        reasons: Vec<RefusalReason> = report.reasons.into_iter().map(RefusalReason::from).collect(),
        /// In a dry run, the first 20 records in the form in which they would be stored.
        sample: Vec<Value> = report.sample,
    }

    /// Lines that were refused for the same reason.
    struct RefusalReason from reason: records::Reason {
        /// Column at fault, if it is a single column.
        field: Option<String> = reason.field,
        /// Kind of the broken rule, for programs.
        code: &'static str = reason.code,
        /// Description of the fault.
        reason: String = reason.reason,
        /// Number of these lines.
        lines: u64 = reason.lines,
        /// Number of the first of these lines.
        first: u64 = reason.first,
    }

    /// Number of records that were changed or deleted.
    struct Written from count: u64 {
        count: u64 = count,
    }

    /// A refused line.
    struct LineError from error: records::RowError {
        /// Number of the line in the file. The header is line 1.
        line: u64 = error.line,
        /// Column at fault, if it is a single column.
        field: Option<String> = error.field,
        /// Kind of the broken rule, for programs.
        code: &'static str = error.code,
        /// Description of the fault.
        reason: String = error.reason,
    }
}
