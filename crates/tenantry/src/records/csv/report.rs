//! The report of an import: created records, refused lines, and the reasons.
//!
//! The import fills it. The size of everything in it is limited.

use crate::{
    Error, Result,
    error::{FieldError, Rule},
};
use serde::Serialize;
use serde_json::Value as Json;

/// Largest number of errors in a report, and of kinds of errors.
const MAX_ERRORS: usize = 100;
/// Largest total size of retained refused lines, bytes.
const MAX_KEPT: usize = 8 << 20;
/// Number of records that the report of a dry run shows.
const SAMPLE: usize = 20;

/// Result of an import.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// Number of created records. In a dry run, number of records that would have been created.
    pub created: u64,
    /// Refused lines, up to 100.
    pub errors: Vec<RowError>,
    /// True if more lines were refused than `errors` lists.
    pub more_errors: bool,
    /// Ignored columns of the file: the platform sets them, or they describe files.
    pub ignored: Vec<String>,
    /// True for a dry run, which writes nothing.
    pub dry_run: bool,
    /// Number of refused lines.
    pub refused: u64,
    /// Reasons of all refused lines by column, up to 100 kinds.
    pub reasons: Vec<Reason>,
    /// In a dry run, the first records as they would be stored.
    pub sample: Vec<Json>,
    /// The refused lines as CSV with a column `reason`, if the options request them.
    #[serde(skip)]
    pub(super) kept: Option<Kept>,
}

/// Lines that were refused for the same reason.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// Column that is at fault, if it is a single one.
    pub field: Option<String>,
    /// Code of the broken rule, for programs.
    pub code: &'static str,
    /// Reason in words.
    pub reason: String,
    /// Number of these lines.
    pub lines: u64,
    /// Number of the first of these lines.
    pub first: u64,
}

/// Refused lines as CSV.
#[derive(Debug)]
pub(super) struct Kept {
    writer: csv::Writer<Vec<u8>>,
    bytes: usize,
}

impl Kept {
    /// Writes the first line of the file. The later lines may have a different number of cells, for which they may be
    /// refused.
    pub(super) fn new(names: &[String], separator: u8) -> Self {
        let writer = csv::WriterBuilder::new().delimiter(separator).flexible(true).from_writer(vec![]);
        let mut kept = Self { writer, bytes: 0 };
        kept.write(names, "reason");
        kept
    }

    fn write(&mut self, cells: &[String], reason: &str) {
        self.bytes += cells.iter().map(String::len).sum::<usize>() + reason.len();
        if self.bytes <= MAX_KEPT {
            // Writing to memory cannot fail.
            self.writer.write_record(cells.iter().map(String::as_str).chain([reason])).ok();
        }
    }
}

/// A refused line.
#[derive(Debug, Serialize)]
pub struct RowError {
    /// Number of the line in the file; the header is line 1.
    pub line: u64,
    /// Column that is at fault, if it is a single one.
    pub field: Option<String>,
    /// Code of the broken rule, for programs.
    pub code: &'static str,
    /// Reason in words.
    pub reason: String,
}

impl ImportReport {
    /// Returns the refused lines as CSV: the cells of the file, and a column `reason`. Empty unless the options
    /// requested it.
    pub fn refused_csv(self) -> Vec<u8> {
        self.kept.and_then(|kept| kept.writer.into_inner().ok()).unwrap_or_default()
    }

    /// Adds records that were written, or in a dry run would have been. `row` returns their JSON.
    pub(super) fn add(&mut self, count: usize, row: impl Fn(usize) -> Vec<u8>) {
        self.created += count as u64;
        let shown = if self.dry_run { SAMPLE.saturating_sub(self.sample.len()).min(count) } else { 0 };
        for index in 0..shown {
            let Ok(mut record) = serde_json::from_slice::<Json>(&row(index)) else { continue };
            if let Some(fields) = record.as_object_mut() {
                // The id and other values that the platform sets belong to a record that does not exist.
                fields.retain(|name, _| {
                    !["id", "created_at", "updated_at", "version"].contains(&name.as_str())
                });
            }
            self.sample.push(record);
        }
    }

    /// Adds the errors of a refused line with these cells.
    pub(super) fn refuse(&mut self, line: u64, cells: &[String], error: Error) -> Result<()> {
        let fields = match error {
            Error::Engine(ref engine) if error.code() == "not_unique" => {
                let tenantry_engine::Kind::Unique(fields) = engine.kind() else { return Err(error) };
                let reason = error.public_title();
                let field = fields.first().cloned().unwrap_or_default();
                vec![FieldError::new(field, Rule::Taken, reason)]
            }
            Error::Engine(_) if error.code() == "reference" => {
                vec![FieldError::new("", Rule::NoSuchRecord, error.public_title())]
            }
            error => error.into_fields()?,
        };
        self.refused += 1;
        if let Some(kept) = &mut self.kept {
            let said = |wrong: &FieldError| match wrong.field.as_str() {
                "" => wrong.reason.clone(),
                field => format!("{field}: {}", wrong.reason),
            };
            kept.write(cells, &fields.iter().map(said).collect::<Vec<_>>().join("; "));
        }
        for wrong in fields {
            let field = Some(wrong.field).filter(|field| !field.is_empty());
            self.push(RowError { line, field, code: wrong.rule.code(), reason: wrong.reason });
        }
        Ok(())
    }

    /// Adds a line that could not be read, or after which reading stopped.
    pub(super) fn refuse_line(&mut self, line: u64, reason: String) {
        self.refused += 1;
        if let Some(kept) = &mut self.kept {
            kept.write(&[], &format!("line {line} {reason}"));
        }
        self.push(RowError { line, field: None, code: Rule::Value.code(), reason });
    }

    fn group(&mut self, error: &RowError) {
        let same = |known: &&mut Reason| known.field == error.field && known.reason == error.reason;
        if let Some(known) = self.reasons.iter_mut().find(same) {
            known.lines += 1;
        } else if self.reasons.len() < MAX_ERRORS {
            let RowError { line, field, code, reason } = error;
            let (field, reason) = (field.clone(), reason.clone());
            self.reasons.push(Reason { field, code, reason, lines: 1, first: *line });
        }
    }

    fn push(&mut self, error: RowError) {
        self.group(&error);
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        } else {
            self.more_errors = true;
        }
    }
}
