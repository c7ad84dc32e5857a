//! Records, apart from the shapes of models, which the models themselves give.

use tenantry::records;

answers! {
    /// What was imported, and what is wrong with which line.
    struct ImportReport from report: records::ImportReport {
        /// Records created; of a dry run, those that would have been.
        created: u64 = report.created,
        /// Refused lines.
        errors: Vec<LineError> = report.errors.into_iter().map(LineError::from).collect(),
        /// More lines were refused than are listed.
        more_errors: bool = report.more_errors,
        /// Columns that were ignored.
        ignored: Vec<String> = report.ignored,
        /// Nothing was written.
        dry_run: bool = report.dry_run,
        /// Number of refused lines.
        refused: u64 = report.refused,
        /// Refused lines by column and reason, up to 100 kinds.
        reasons: Vec<RefusalReason> = report.reasons.into_iter().map(RefusalReason::from).collect(),
        /// Of a dry run, the first 20 records as they would be stored.
        sample: Vec<serde_json::Value> = report.sample,
    }

    /// Lines that were refused for the same reason.
    struct RefusalReason from reason: records::Reason {
        /// Column at fault, if it is a single one.
        field: Option<String> = reason.field,
        /// Kind of the broken rule, for programs.
        code: &'static str = reason.code,
        /// What is wrong.
        reason: String = reason.reason,
        /// Number of lines.
        lines: u64 = reason.lines,
        /// The first of them.
        first: u64 = reason.first,
    }

    /// How many records were changed or deleted.
    struct Written from count: u64 {
        count: u64 = count,
    }

    /// A refused line.
    struct LineError from error: records::RowError {
        /// Line of the file. The header is line 1.
        line: u64 = error.line,
        /// Column at fault, if it is a single one.
        field: Option<String> = error.field,
        /// Kind of the broken rule, for programs.
        code: &'static str = error.code,
        /// What is wrong.
        reason: String = error.reason,
    }
}
