//! Imports CSV as a stream: lines are read as they arrive, checked one by one and written in batches. A refused line is
//! reported with its number, and the others are imported.

use super::{
    columns::{Column, value},
    lines::{Lines, Next},
    once::Once,
    options::{CsvHead, ImportOptions, Separator},
    report::{ImportReport, Kept},
    source::{Source, Stop},
};
use crate::{
    Error, Result,
    access::gates::Verb,
    error::Wrong,
    records::{Records, custom::stored, read::parse_id, write::MAX_BATCH},
};
use serde_json::{Map, Value as Json};
use std::io::Read;
use tenantry_engine::{
    model::custom,
    name::FieldName,
    query::{Change, RecordId},
    value::Value,
};

/// Number of bytes of cells after which a batch is written. A batch has at least one line.
const BATCH_BYTES: usize = 4 << 20;

/// Reason of the error for a file without a usable first line.
pub(super) const NO_HEADER: &str = "is no CSV in UTF-8 or UTF-16 whose first line names the fields";

/// Reason of the error for UTF-16 without a byte order mark.
const NO_MARK: &str = "has NUL characters, as UTF-16 without a byte order mark has: save it as \"CSV UTF-8\"";

/// Lines that are written together.
#[derive(Default)]
struct Batch {
    lines: Vec<Line>,
    bytes: usize,
}

/// A line whose cells have valid values.
struct Line {
    number: u64,
    change: Change,
    /// Values that name the records of references: index of the column and value.
    named: Vec<(usize, Value)>,
    /// The cells; empty unless refused lines are retained.
    cells: Vec<String>,
}

impl Records<'_> {
    /// Imports CSV with a header line of field names, as the export writes it. An `id` is preserved. Ignores columns
    /// that the platform sets, and descriptions of files. Cells may be separated by commas, semicolons or tabs. Writes
    /// lines in batches of at most 1,000, each in one transaction. The report names up to 100 refused lines.
    ///
    /// In a dry run each batch is checked in the same way and then undone, so lines of different batches are not
    /// compared with one another. `source` is read on the calling thread: pass a buffered or bridged reader.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not create records, and [`Error::InvalidFields`] for a header that
    /// does not fit the model.
    pub async fn import_csv(self, source: impl Read + Send) -> Result<ImportReport> {
        self.import_csv_as(source, &ImportOptions::default()).await
    }

    /// Imports CSV like [`Records::import_csv`], and reads the file according to the options. A column `region.name`
    /// refers to the record whose `name` is the cell. `name` must be unique, or the `display` field of the other model.
    ///
    /// # Errors
    /// Returns the errors of [`Records::import_csv`], and [`Error::Conflict`] if an import with the same key has stored
    /// something.
    pub async fn import_csv_as(
        self,
        source: impl Read + Send,
        options: &ImportOptions,
    ) -> Result<ImportReport> {
        self.allow(Verb::Create)?;
        let limits = &self.inner.config.limits;
        let most = usize::try_from(limits.import_record_bytes).unwrap_or(usize::MAX);
        let is_column = |name: &str| self.column(name).is_ok();
        let no_header = |_| Error::invalid("file", NO_HEADER);
        let source = Source::new(source, limits.import_csv_bytes).encoded(options.encoding);
        let mut lines = Lines::new(source, most, options.separator, is_column).map_err(no_header)?;
        if lines.next().map_err(no_header)? != Next::Line {
            return Err(Error::invalid("file", NO_HEADER));
        }
        let names: Vec<String> =
            lines.cells().map(|cell| String::from_utf8_lossy(cell).trim().into()).collect();
        if names.iter().any(|name| name.contains('\0')) {
            return Err(Error::invalid("file", NO_MARK));
        }
        let mut columns = self.header(&chosen(&names, options)?)?;
        let mut report = ImportReport { dry_run: self.dry_run, ..ImportReport::default() };
        report.kept = options.keep_refused.then(|| Kept::new(&names, lines.separator()));
        let ignored = names.iter().zip(&columns).filter(|(_, column)| matches!(column, Column::Ignored));
        report.ignored = ignored.map(|(name, _)| name.clone()).collect();
        let once = match options.once.filter(|_| !self.dry_run) {
            Some(key) => Some(Once::begin(&self.inner.control, self.tenant_id(), key).await?),
            None => None,
        };
        let done = self.all_lines(&mut lines, &mut columns, options, &mut report).await;
        let is_in_doubt = done.as_ref().is_err_and(Error::is_in_doubt);
        if let Some(once) = once.filter(|_| report.created == 0 && !is_in_doubt) {
            once.undo().await;
        }
        done?;
        report.errors.sort_by_key(|error| error.line);
        Ok(report)
    }

    /// Returns the first lines of a file, without checking its columns.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the file has no first line.
    pub fn csv_head(&self, source: impl Read, options: &ImportOptions, rows: usize) -> Result<CsvHead> {
        let no_header = |_| Error::invalid("file", NO_HEADER);
        let most = usize::try_from(self.inner.config.limits.import_record_bytes).unwrap_or(usize::MAX);
        let source = Source::new(source, u64::MAX).encoded(options.encoding);
        let is_column = |name: &str| self.column(name).is_ok();
        let mut lines = Lines::new(source, most, options.separator, is_column).map_err(no_header)?;
        let mut found = vec![];
        while found.len() <= rows && lines.next().map_err(no_header)? == Next::Line {
            found.push(cells_of(&lines));
        }
        let mut found = found.into_iter();
        let names = found.next().ok_or_else(|| Error::invalid("file", NO_HEADER))?;
        if names.iter().any(|name| name.contains('\0')) {
            return Err(Error::invalid("file", NO_MARK));
        }
        let separator = Separator::of(lines.separator());
        Ok(CsvHead {
            names: names.iter().map(|name| name.trim().to_owned()).collect(),
            rows: found.collect(),
            separator,
        })
    }

    async fn all_lines<R: Read + Send>(
        &self,
        lines: &mut Lines<R>,
        columns: &mut [Column<'_>],
        options: &ImportOptions,
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
                Ok(Next::Line) => match self.line(columns, lines, options) {
                    Ok(mut line) => {
                        if report.kept.is_some() {
                            line.cells = cells_of(lines);
                        }
                        batch.lines.push(line);
                        batch.bytes += lines.length();
                    }
                    Err(error) => report.refuse(lines.line(), &cells_of(lines), error)?,
                },
                Err(stop) => {
                    report.refuse_line(lines.line() + 1, stopped(&stop));
                    break;
                }
            }
            let is_full = batch.lines.len() == MAX_BATCH || batch.bytes >= BATCH_BYTES;
            if is_full && !self.flush_or_stop(&mut batch, columns, report).await? {
                return Ok(());
            }
        }
        self.flush_or_stop(&mut batch, columns, report).await.map(drop)
    }

    /// Writes a batch. If that fails after other batches were written, reports where the import stopped and returns
    /// false: an error alone would not reveal which records exist, and a second import would create them again.
    async fn flush_or_stop(
        &self,
        batch: &mut Batch,
        columns: &mut [Column<'_>],
        report: &mut ImportReport,
    ) -> Result<bool> {
        let (first, batch_size) = (batch.lines.first().map(|line| line.number), batch.lines.len());
        match (self.flush(batch, columns, report).await, first) {
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

    fn line<R: Read>(
        &self,
        columns: &[Column<'_>],
        line: &Lines<R>,
        options: &ImportOptions,
    ) -> Result<Line> {
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
        let (mut id, mut named, mut own, mut wrong) = (None, vec![], Map::new(), Wrong::default());
        let mut values: Vec<(FieldName, Value)> = Vec::with_capacity(columns.len());
        for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
            match column {
                Column::Ignored => {}
                Column::Id => id = wrong.take(self.given_id(cell))?.flatten(),
                Column::Field(field) => {
                    let value = wrong.take(value(field, cell, options))?.flatten();
                    values.extend(value.map(|value| (field.name.clone(), value)));
                }
                Column::Custom(of, field) => {
                    let value = wrong.take(value(field, cell, options))?.flatten();
                    own.extend(value.map(|value| (of.name.to_string(), stored(&value))));
                }
                Column::Lookup(lookup) => {
                    let value = wrong.take(lookup.value(cell, options))?.flatten();
                    named.extend(value.map(|value| (index, value)));
                }
            }
        }
        wrong.finish()?;
        if !own.is_empty() {
            values.push((FieldName::parse(custom::FIELD)?, Value::Json(Json::Object(own))));
        }
        let change = Change::Insert { model: self.entry.model.name.clone(), id, values };
        Ok(Line { number: line.line(), change, named, cells: vec![] })
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
    async fn flush(
        &self,
        batch: &mut Batch,
        columns: &mut [Column<'_>],
        report: &mut ImportReport,
    ) -> Result<()> {
        let lines = std::mem::take(batch).lines;
        let mut lines = self.named(lines, columns, report).await?;
        while !lines.is_empty() {
            let changes: Vec<_> = lines.iter().map(|line| line.change.clone()).collect();
            let error = match self.apply(changes).await {
                Ok(written) => {
                    report.add(written.len(), |index| self.document(&written[index]).body);
                    break;
                }
                Err(error) if blames_a_line(&error) => error,
                Err(error) => return Err(error),
            };
            match &error {
                Error::Engine(engine) if engine.index().is_some_and(|index| index < lines.len()) => {
                    let line = lines.remove(engine.index().unwrap_or_default());
                    report.refuse(line.number, &line.cells, error)?;
                }
                _ => lines = self.without_blamed(lines, error, report).await?,
            }
        }
        Ok(())
    }

    /// Looks up the records that lines name by values. Reports lines whose values name no record, and returns the
    /// others.
    async fn named(
        &self,
        lines: Vec<Line>,
        columns: &mut [Column<'_>],
        report: &mut ImportReport,
    ) -> Result<Vec<Line>> {
        for (index, column) in columns.iter_mut().enumerate() {
            let Column::Lookup(lookup) = column else { continue };
            let of_column = lines.iter().flat_map(|line| &line.named).filter(|(of, _)| *of == index);
            let values: Vec<_> = of_column.map(|(_, value)| value).collect();
            self.look_up(lookup, &values).await?;
        }
        let mut sound = Vec::with_capacity(lines.len());
        for mut line in lines {
            let mut wrong = Wrong::default();
            for (index, value) in std::mem::take(&mut line.named) {
                let Column::Lookup(lookup) = &columns[index] else { continue };
                let id = wrong.take(lookup.id(&value))?;
                if let (Change::Insert { values, .. }, Some(id)) = (&mut line.change, id) {
                    values.push((lookup.field.name.clone(), id));
                }
            }
            match wrong.finish() {
                Ok(()) => sound.push(line),
                Err(error) => report.refuse(line.number, &line.cells, error)?,
            }
        }
        Ok(sound)
    }

    /// Returns the lines of a refused batch whose references are valid, and reports the others.
    async fn without_blamed(
        &self,
        lines: Vec<Line>,
        refused: Error,
        report: &mut ImportReport,
    ) -> Result<Vec<Line>> {
        let (all, mut sound) = (lines.len(), Vec::with_capacity(lines.len()));
        for line in lines {
            match self.check_references(std::slice::from_ref(&line.change)).await {
                Ok(()) => sound.push(line),
                Err(error) if blames_a_line(&error) => report.refuse(line.number, &line.cells, error)?,
                Err(error) => return Err(error),
            }
        }
        if sound.len() == all { Err(refused) } else { Ok(sound) }
    }
}

/// Returns the names of the fields that the columns of a file set.
fn chosen(names: &[String], options: &ImportOptions) -> Result<Vec<String>> {
    let Some(columns) = &options.columns else { return Ok(names.to_vec()) };
    if columns.len() > names.len() {
        let reason = format!("the file has {} columns", names.len());
        return Err(Error::invalid("columns", reason));
    }
    let mut columns: Vec<_> = columns.iter().map(|name| name.trim().to_owned()).collect();
    columns.resize(names.len(), String::new());
    Ok(columns)
}

fn cells_of<R: Read>(lines: &Lines<R>) -> Vec<String> {
    lines.cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
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

/// Returns true if the error concerns single lines, so that the other lines can still be written.
fn blames_a_line(error: &Error) -> bool {
    matches!(error.code(), "invalid" | "not_unique" | "reference")
}
