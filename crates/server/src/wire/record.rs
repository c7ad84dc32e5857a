//! Records, apart from the shapes of models, which the models themselves give.

use schemars::JsonSchema;
use serde::Serialize;
use tenantry::records;

/// What was imported, and what is wrong with which line.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ImportReport {
    /// Records created; of a dry run, those that would have been.
    pub(crate) created: u64,
    /// Refused lines.
    pub(crate) errors: Vec<LineError>,
    /// More lines were refused than are listed.
    pub(crate) more_errors: bool,
    /// Columns that were ignored.
    pub(crate) ignored: Vec<String>,
    /// Nothing was written.
    pub(crate) dry_run: bool,
}

impl From<records::ImportReport> for ImportReport {
    fn from(report: records::ImportReport) -> Self {
        let records::ImportReport { created, errors, more_errors, ignored, dry_run } = report;
        Self {
            created,
            errors: errors.into_iter().map(LineError::from).collect(),
            more_errors,
            ignored,
            dry_run,
        }
    }
}

/// A refused line.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LineError {
    /// Line of the file. The header is line 1.
    pub(crate) line: u64,
    /// Column at fault, if it is a single one.
    pub(crate) field: Option<String>,
    /// Kind of the broken rule, for programs.
    pub(crate) code: &'static str,
    /// What is wrong.
    pub(crate) reason: String,
}

impl From<records::RowError> for LineError {
    fn from(records::RowError { line, field, code, reason }: records::RowError) -> Self {
        Self { line, field, code, reason }
    }
}
