//! Imports CSV, streamed: lines are read as they arrive, checked one by one and written in batches. A refused line is
//! reported with its number; the others are imported.

use super::{
    guard::unguarded,
    lines::{Lines, Next},
    source::{Source, Stop},
};
use crate::{
    Error, Result,
    access::gates::Verb,
    error::{FieldError, Rule, Wrong},
    records::{
        Records,
        read::parse_id,
        write::{MAX_BATCH, writable},
    },
};
use serde::Serialize;
use serde_json::Value as Json;
use std::io::Read;
use tenantry_engine::{
    input,
    model::{Field, FieldKind},
    name::FieldName,
    query::{Change, RecordId},
    value::Value,
};

/// Meaning of a column of the file.
enum Column<'m> {
    Id,
    Ignored,
    Field(&'m Field),
}

/// Largest number of errors in a report.
const MAX_ERRORS: usize = 100;
/// Number of bytes of cells after which a batch is written. A batch has at least one line.
const BATCH_BYTES: usize = 4 << 20;

/// Reason of the error for a file without a usable first line.
const NO_HEADER: &str = "is no CSV in UTF-8 or UTF-16 whose first line names the fields";

/// Reason of the error for UTF-16 that does not say so.
const NO_MARK: &str = "has NUL characters, as UTF-16 without a byte order mark has: save it as \"CSV UTF-8\"";

/// Result of an import.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// Number of records created, or in a dry run of records that would have been created.
    pub created: u64,
    /// Refused lines.
    pub errors: Vec<RowError>,
    /// More lines were refused than `errors` lists.
    pub more_errors: bool,
    /// Ignored columns of the file: the platform sets them, or they describe files.
    pub ignored: Vec<String>,
    /// This was a dry run: nothing was written.
    pub dry_run: bool,
}

/// A refused line.
#[derive(Debug, Serialize)]
pub struct RowError {
    /// Line of the file. The header is line 1.
    pub line: u64,
    /// Column at fault, if it is a single one.
    pub field: Option<String>,
    /// Kind of rule, for programs.
    pub code: &'static str,
    /// What is wrong.
    pub reason: String,
}

/// Lines that are written together.
#[derive(Default)]
struct Batch {
    lines: Vec<(u64, Change)>,
    bytes: usize,
}

impl Records<'_> {
    /// Imports CSV with a header line of field names, as the export writes it. An `id` is preserved. Columns that the
    /// platform sets and descriptions of files are ignored. Cells may be separated by commas, semicolons or tabs. Lines
    /// are written in batches of at most 1,000, each in one transaction. The report names every refused line, up to
    /// 100.
    ///
    /// In a dry run each batch is checked in the same way and then undone, so lines of different batches are not
    /// compared with one another. `source` is read on the calling thread: pass something buffered or bridged.
    ///
    /// # Errors
    /// [`Error::Denied`] for an actor who may not create records; [`Error::InvalidFields`] for a header that does not
    /// fit the model.
    pub async fn import_csv(self, source: impl Read + Send) -> Result<ImportReport> {
        self.allow(Verb::Create)?;
        let limits = &self.inner.config.limits;
        let most = usize::try_from(limits.import_record_bytes).unwrap_or(usize::MAX);
        let is_column = |name: &str| self.column(name).is_ok();
        let no_header = |_| Error::invalid("file", NO_HEADER);
        let mut lines =
            Lines::new(Source::new(source, limits.import_csv_bytes), most, is_column).map_err(no_header)?;
        if lines.next().map_err(no_header)? != Next::Line {
            return Err(Error::invalid("file", NO_HEADER));
        }
        let names: Vec<String> =
            lines.cells().map(|cell| String::from_utf8_lossy(cell).trim().into()).collect();
        if names.iter().any(|name| name.contains('\0')) {
            return Err(Error::invalid("file", NO_MARK));
        }
        let columns = self.header(&names)?;
        let mut report = ImportReport { dry_run: self.dry_run, ..ImportReport::default() };
        let ignored = names.iter().zip(&columns).filter(|(_, column)| matches!(column, Column::Ignored));
        report.ignored = ignored.map(|(name, _)| name.clone()).collect();
        self.all_lines(&mut lines, &columns, &mut report).await?;
        report.errors.sort_by_key(|error| error.line);
        Ok(report)
    }

    async fn all_lines<R: Read + Send>(
        &self,
        lines: &mut Lines<R>,
        columns: &[Column<'_>],
        report: &mut ImportReport,
    ) -> Result<()> {
        let mut batch = Batch::default();
        loop {
            match lines.next() {
                Ok(Next::End) => break,
                Ok(Next::TooLong) => {
                    let most = self.inner.config.limits.import_record_bytes;
                    report.refuse_line(
                        lines.line(),
                        format!(
                            "is longer than {most} bytes (limits.import_record_bytes), or has too many cells: \
                             perhaps a quote is not closed"
                        ),
                    );
                }
                Ok(Next::Line) => match self.line(columns, lines) {
                    Ok(change) => {
                        batch.lines.push((lines.line(), change));
                        batch.bytes += lines.length();
                    }
                    Err(error) => report.refuse(lines.line(), error)?,
                },
                Err(stop) => {
                    report.refuse_line(lines.line() + 1, stopped(&stop));
                    break;
                }
            }
            let is_full = batch.lines.len() == MAX_BATCH || batch.bytes >= BATCH_BYTES;
            if is_full && !self.flush_or_stop(&mut batch, report).await? {
                return Ok(());
            }
        }
        self.flush_or_stop(&mut batch, report).await.map(drop)
    }

    /// Writes a batch. If that fails after other batches were written, reports where the import stopped and returns false:
    /// an error alone would not say which records exist, and a second import would create them again.
    async fn flush_or_stop(&self, batch: &mut Batch, report: &mut ImportReport) -> Result<bool> {
        let (first, batch_size) = (batch.lines.first().map(|(line, _)| *line), batch.lines.len());
        match (self.flush(batch, report).await, first) {
            (Ok(()), _) => Ok(true),
            (Err(error), Some(line)) if report.created > 0 => {
                tracing::warn!(%error, created = report.created, line, "an import stopped midway");
                let title = error.public_title();
                let rest = match error.is_in_doubt() {
                    true => format!(
                        "look whether the next {} records are there; nothing after them was imported",
                        batch_size
                    ),
                    false => "nothing from here on was imported".to_owned(),
                };
                report.refuse_line(line, format!("{title}: {rest}"));
                Ok(false)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn column(&self, name: &str) -> Result<Column<'_>> {
        Ok(match name {
            "id" => Column::Id,
            // The platform sets these. An export contains them, so an import ignores them.
            "created_at" | "updated_at" | "version" => Column::Ignored,
            _ => match writable(&self.entry.model, name)? {
                // An export describes files. Their bytes are uploaded by another route.
                field if matches!(field.kind, FieldKind::File { .. }) => Column::Ignored,
                field => Column::Field(field),
            },
        })
    }

    fn header(&self, names: &[String]) -> Result<Vec<Column<'_>>> {
        let (mut columns, mut wrong) = (Vec::with_capacity(names.len()), Wrong::default());
        for (index, name) in names.iter().enumerate() {
            columns.extend(wrong.take(self.column(name))?);
            if names[..index].contains(name) {
                wrong.add(FieldError::new(name, Rule::Value, "is the name of two columns"));
            }
        }
        let needed = self.entry.model.fields.iter().filter(|f| f.required && f.default.is_none());
        for field in needed.filter(|f| !names.iter().any(|name| name == f.name.as_str())) {
            wrong.add(FieldError::new(
                field.name.as_str(),
                Rule::Required,
                "is required: there is no such column",
            ));
        }
        wrong.finish()?;
        Ok(columns)
    }

    fn line<R: Read>(&self, columns: &[Column<'_>], line: &Lines<R>) -> Result<Change> {
        let cells = line.cells();
        if cells.len() != columns.len() {
            let (found, wanted) = (cells.len(), columns.len());
            let mut reason = format!(
                "has {found} cell{}, and the first line has {wanted}",
                if found == 1 { "" } else { "s" }
            );
            if line.cells().any(|cell| cell.contains(&b'\n')) {
                reason.push_str(": perhaps a quote is not closed");
            }
            return Err(Error::invalid("", reason));
        }
        let (mut id, mut wrong) = (None, Wrong::default());
        let mut values: Vec<(FieldName, Value)> = Vec::with_capacity(columns.len());
        for (column, cell) in columns.iter().zip(cells) {
            match column {
                Column::Ignored => {}
                Column::Id => id = wrong.take(self.given_id(cell))?.flatten(),
                Column::Field(field) => {
                    let value = wrong.take(value(field, cell))?.flatten();
                    values.extend(value.map(|value| (field.name.clone(), value)));
                }
            }
        }
        wrong.finish()?;
        Ok(Change::Insert { model: self.entry.model.name.clone(), id, values })
    }

    fn given_id(&self, cell: &[u8]) -> Result<Option<RecordId>> {
        let text = str::from_utf8(cell).unwrap_or("?").trim();
        if text.is_empty() {
            return Ok(None);
        }
        let id = parse_id(&self.entry.model, text);
        id.map(Some).ok_or_else(|| Error::invalid("id", "is not an id of this model"))
    }

    /// Writes a batch. If it is refused, reports the lines at fault and writes the others.
    async fn flush(&self, batch: &mut Batch, report: &mut ImportReport) -> Result<()> {
        let mut lines = std::mem::take(batch).lines;
        while !lines.is_empty() {
            let changes: Vec<_> = lines.iter().map(|(_, change)| change.clone()).collect();
            let error = match self.apply(changes).await {
                Ok(written) => {
                    report.created += written.len() as u64;
                    break;
                }
                Err(error) if blames_a_line(&error) => error,
                Err(error) => return Err(error),
            };
            match &error {
                Error::Engine(engine) if engine.index().is_some_and(|index| index < lines.len()) => {
                    let (line, _) = lines.remove(engine.index().unwrap_or_default());
                    report.refuse(line, error)?;
                }
                _ => lines = self.without_blamed(lines, error, report).await?,
            }
        }
        Ok(())
    }

    /// Returns the lines of a refused batch whose references are valid, and reports the others.
    async fn without_blamed(
        &self,
        lines: Vec<(u64, Change)>,
        refused: Error,
        report: &mut ImportReport,
    ) -> Result<Vec<(u64, Change)>> {
        let (all, mut sound) = (lines.len(), Vec::with_capacity(lines.len()));
        for (line, change) in lines {
            match self.check_references(std::slice::from_ref(&change)).await {
                Ok(()) => sound.push((line, change)),
                Err(error) if blames_a_line(&error) => report.refuse(line, error)?,
                Err(error) => return Err(error),
            }
        }
        if sound.len() == all { Err(refused) } else { Ok(sound) }
    }
}

/// Returns the value of a cell. `None`: the cell is empty, and the field gets its default or stays empty.
fn value(field: &Field, cell: &[u8]) -> Result<Option<Value>> {
    if cell.is_empty() {
        return if field.required && field.default.is_none() {
            Err(Error::InvalidFields(vec![FieldError::required(field.name.as_str())]))
        } else {
            Ok(None)
        };
    }
    let not_text = |_| Error::invalid(field.name.as_str(), "is not UTF-8: save the file as \"CSV UTF-8\"");
    let cell = str::from_utf8(cell).map_err(not_text)?;
    let value = match field.kind {
        FieldKind::Text { .. } | FieldKind::Choice { .. } => {
            input::from_json(field, &Json::String(unguarded(cell).to_owned()))?
        }
        _ => input::from_text(field, cell.trim())?,
    };
    Ok(Some(value))
}

impl ImportReport {
    /// Adds the errors of a refused line.
    fn refuse(&mut self, line: u64, error: Error) -> Result<()> {
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
        for wrong in fields {
            let field = Some(wrong.field).filter(|field| !field.is_empty());
            self.push(RowError { line, field, code: wrong.rule.code(), reason: wrong.reason });
        }
        Ok(())
    }

    fn refuse_line(&mut self, line: u64, reason: String) {
        self.push(RowError { line, field: None, code: Rule::Value.code(), reason });
    }

    fn push(&mut self, error: RowError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        } else {
            self.more_errors = true;
        }
    }
}

fn stopped(stop: &Stop) -> String {
    match stop {
        Stop::TooLong(most) => {
            format!(
                "the file is longer than {most} bytes (limits.import_csv_bytes): nothing from here on was imported"
            )
        }
        Stop::NotText => "the file is no UTF-16 from here on: nothing more was imported".into(),
        Stop::Broken(error) => {
            tracing::debug!(%error, "an import broke off");
            "the file broke off: nothing from here on was imported".into()
        }
    }
}

/// Returns true if the error concerns single lines, so that other lines can still be written.
fn blames_a_line(error: &Error) -> bool {
    matches!(error.code(), "invalid" | "not_unique" | "reference")
}
