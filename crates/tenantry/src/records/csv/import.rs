//! CSV import, streamed: lines are read as they arrive, checked one by one and written in batches.
//! A line that is refused is reported with its number; the others are kept.

use super::{
    Records,
    write::{MAX_BATCH, writable},
};
use crate::{Error, Result, access::gates::Verb};
use serde::Serialize;
use std::io::Read;
use tenantry_engine::{
    model::FieldKind,
    name::FieldName,
    query::{Change, RecordId},
    sqlite::bind,
    value::Value,
};

/// What a column of the file is.
enum Column {
    Id,
    Ignored,
    Field(FieldName),
}

/// Most errors an import reports.
const MAX_ERRORS: usize = 100;

/// What to hand in instead of a file whose first line is none.
const NO_HEADER: &str = "is no CSV in UTF-8 whose first line names the fields";

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// Records created.
    pub created: u64,
    /// Lines refused.
    pub errors: Vec<RowError>,
    /// More lines were wrong than are listed.
    pub more_errors: bool,
}

/// A line that was refused.
#[derive(Debug, Serialize)]
pub struct RowError {
    /// Line of the file, from 1; the header is line 1.
    pub line: u64,
    /// Column, where one is to blame.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl Records<'_> {
    /// Imports CSV with a header line of field names, as export writes it: an `id` is kept, what the
    /// platform sets is passed over. Lines are written in batches of 1,000, each in
    /// one transaction; the report names every line refused.
    ///
    /// `source` is read on the calling thread: hand in something buffered or bridged.
    pub async fn import_csv(&self, source: impl Read + Send) -> Result<ImportReport> {
        self.allow(Verb::Create)?;
        let mut reader = csv::ReaderBuilder::new().flexible(false).trim(csv::Trim::All).from_reader(source);
        let header = reader.headers().map_err(|_| Error::invalid("file", NO_HEADER))?;
        if header.is_empty() {
            return Err(Error::invalid("file", NO_HEADER));
        }
        let fields = self.header(header)?;
        let (mut report, mut batch) = (ImportReport::default(), Vec::with_capacity(MAX_BATCH));
        for row in reader.into_records() {
            match row.map_err(csv_error).and_then(|row| self.line(&fields, &row)) {
                Ok(line) => batch.push(line),
                Err(error) => report.refuse(error),
            }
            if batch.len() == MAX_BATCH {
                self.flush(&mut batch, &mut report).await?;
            }
        }
        self.flush(&mut batch, &mut report).await?;
        report.errors.sort_by_key(|error| error.line);
        Ok(report)
    }

    fn header(&self, header: &csv::StringRecord) -> Result<Vec<Column>> {
        let column = |name: &str| match name {
            "id" => Ok(Column::Id),
            // Set by the platform; an export has them, so an import passes them over.
            "created_at" | "updated_at" | "version" => Ok(Column::Ignored),
            _ => match writable(&self.entry.model, name)? {
                f if matches!(f.kind, FieldKind::File { .. }) => {
                    Err(Error::invalid(name, "files cannot be imported"))
                }
                f => Ok(Column::Field(f.name.clone())),
            },
        };
        header.iter().map(column).collect()
    }

    fn line(&self, columns: &[Column], row: &csv::StringRecord) -> Result<(u64, Change), RowError> {
        let line = row.position().map_or(0, csv::Position::line);
        let mut id = None;
        let mut values: Vec<(FieldName, Value)> = Vec::with_capacity(columns.len());
        for (column, cell) in columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            match column {
                Column::Ignored => {}
                Column::Id => id = Some(self.given_id(cell).map_err(|e| row_error(line, &e))?),
                Column::Field(name) => {
                    let Some(field) = self.entry.model.field(name.as_str()) else { continue };
                    let value = bind::from_text(field, super::csv_out::unguarded(cell));
                    values.push((name.clone(), value.map_err(|e| row_error(line, &e.into()))?));
                }
            }
        }
        Ok((line, Change::Insert { model: self.entry.model.name.clone(), id, values }))
    }

    fn given_id(&self, cell: &str) -> Result<RecordId> {
        super::read::parse_id(&self.entry.model, cell)
            .ok_or_else(|| Error::invalid("id", "is not an id of this model"))
    }

    /// Writes a batch; if it is refused, finds the line to blame by writing the lines one by one.
    async fn flush(&self, batch: &mut Vec<(u64, Change)>, report: &mut ImportReport) -> Result<()> {
        let lines = std::mem::take(batch);
        if lines.is_empty() {
            return Ok(());
        }
        let all = lines.iter().map(|(_, change)| change.clone()).collect();
        match self.apply(all).await {
            Ok(written) => report.created += written.len() as u64,
            Err(error) if blames_a_line(&error) => {
                for (line, change) in lines {
                    match self.apply(vec![change]).await {
                        Ok(_) => report.created += 1,
                        Err(error) if blames_a_line(&error) => report.refuse(row_error(line, &error)),
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl ImportReport {
    fn refuse(&mut self, error: RowError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        } else {
            self.more_errors = true;
        }
    }
}

fn csv_error(error: csv::Error) -> RowError {
    let line = error.position().map_or(0, csv::Position::line);
    RowError { line, field: None, reason: error.to_string() }
}

fn row_error(line: u64, error: &Error) -> RowError {
    RowError { line, field: error.field().map(str::to_owned), reason: error.reason() }
}

/// Whether another line could still be written.
fn blames_a_line(error: &Error) -> bool {
    matches!(error.code(), "invalid" | "not_unique" | "reference")
}
