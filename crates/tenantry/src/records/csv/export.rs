//! Exports CSV page by page, so that no read runs long and only one page is in memory.

use super::guard::guarded;
use crate::{
    Error, Result,
    access::gates::Verb,
    records::{Records, custom::columns_of, expand::all_columns},
};
use bytes::Bytes;
use serde_json::{Map, Value as Json};
use std::{borrow::Cow, sync::Arc};
use tenantry_engine::{
    model::{FieldKind, custom},
    name::FieldName,
    query::Select,
    row::{Row, Visit},
    value::ValueRef,
};

/// Number of rows in a page.
const PAGE: u32 = 1000;

struct Lines {
    writer: csv::Writer<Vec<u8>>,
    cells: Arc<[Cell]>,
    /// Number of bytes after which the page takes no further row.
    most: usize,
    rows: u64,
}

/// A cell of each line.
enum Cell {
    /// The value of a column of the page.
    Column(usize),
    /// A value of an own field, in the JSON object of a column.
    Member { column: usize, name: String, is_text: bool },
}

/// An export in progress. The caller ends it with [`CsvExport::finish`], however many pages it has read.
pub struct CsvExport<'a> {
    records: Records<'a>,
    /// Query of the next page; `None` after the last page.
    next: Option<Select>,
    /// The header, until the first page has been read.
    header: Option<Vec<String>>,
    cells: Arc<[Cell]>,
    rows: u64,
    /// Code of the error that ended the export.
    failed: Option<&'static str>,
}

impl CsvExport<'_> {
    /// Reads the next page. Returns `None` after the last page.
    ///
    /// # Errors
    /// Returns the errors of a read.
    pub async fn page(&mut self) -> Result<Option<Bytes>> {
        let Some(mut select) = self.next.clone() else { return Ok(None) };
        let page = self.records.csv_page(&select, self.header.clone(), self.cells.clone()).await;
        let (lines, next) = page.inspect_err(|error| self.failed = Some(error.code()))?;
        self.header = None;
        self.rows += lines.rows;
        self.next = next.map(|after| {
            select.after = Some(after);
            select
        });
        let bytes = lines.writer.into_inner().map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Some(bytes.into()))
    }

    /// Records the export in the audit log, with the number of rows that were read, and whether they were all. Does
    /// nothing if no page was read.
    ///
    /// # Errors
    /// Returns an error if the control store cannot be written.
    pub async fn finish(self) -> Result<()> {
        if self.header.is_some() {
            return Ok(());
        }
        let records = &self.records;
        let mut detail = serde_json::json!({
            "model": records.entry.model.name, "rows": self.rows, "complete": self.next.is_none(),
        });
        if let Some(code) = self.failed {
            detail["error"] = code.into();
        }
        let mut write = records.inner.control.begin().await?;
        write.audit(&records.actor().by(), records.tenant_id(), "records.export", detail).await?;
        write.commit().await
    }
}

impl Visit for Lines {
    fn row(&mut self, row: &dyn Row) {
        // The JSON object of the last own field, so that the values of several own fields are parsed once.
        let mut parsed: Option<(usize, Map<String, Json>)> = None;
        for of in &*self.cells {
            let text = match of {
                Cell::Column(index) => cell(row.get(*index)),
                Cell::Member { column, name, is_text } => {
                    if parsed.as_ref().is_none_or(|(of, _)| of != column) {
                        parsed = Some((*column, object(row.get(*column))));
                    }
                    member(parsed.as_ref().and_then(|(_, values)| values.get(name)), *is_text)
                }
            };
            // Writing to memory cannot fail.
            self.writer.write_field(&*text).ok();
        }
        self.writer.write_record(None::<&[u8]>).ok();
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.writer.get_ref().len() > self.most
    }
}

fn object(value: ValueRef<'_>) -> Map<String, Json> {
    match value {
        ValueRef::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    }
}

/// Text of the cell of an own field.
fn member(value: Option<&Json>, is_text: bool) -> Cow<'_, str> {
    match value {
        None | Some(Json::Null) => Cow::Borrowed(""),
        Some(Json::String(text)) if is_text => guarded(text),
        Some(Json::String(text)) => Cow::Borrowed(text),
        Some(other) => other.to_string().into(),
    }
}

/// Returns one CSV line.
pub(crate) fn csv_line<'v>(cells: impl Iterator<Item = ValueRef<'v>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(vec![]);
    for value in cells {
        // Writing to memory cannot fail.
        writer.write_field(&*cell(value)).ok();
    }
    writer.write_record(None::<&[u8]>).ok();
    writer.into_inner().unwrap_or_default()
}

/// Text of a cell. A null value is an empty cell.
fn cell(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Null => Cow::Borrowed(""),
        ValueRef::Boolean(b) => b.to_string().into(),
        ValueRef::Integer(i) => i.to_string().into(),
        ValueRef::Decimal(d) => d.to_string().into(),
        ValueRef::Text(t) => guarded(t),
        ValueRef::Plain(t) | ValueRef::Json(t) => Cow::Borrowed(t),
        ValueRef::Date(date) => date.to_string().into(),
        ValueRef::Instant(instant) => format!("{instant:.6}").into(),
        ValueRef::Uuid(id) => id.to_string().into(),
    }
}
impl<'a> Records<'a> {
    /// Exports every matching record as CSV, with a header. Ignores the limit of the query.
    ///
    /// # Errors
    /// Returns [`crate::Error::Denied`] if the actor may not read the model, or is an impersonator.
    pub fn export_csv(self, select: Select) -> Result<CsvExport<'a>> {
        self.allow(Verb::Read)?;
        if self.actor().impersonator().is_some() {
            return Err(Error::Denied("no exports while impersonating".into()));
        }
        let mut fields = select.fields.clone();
        if fields.is_empty() && self.custom.is_some() {
            // Own fields have columns of their own.
            let names = all_columns(self.whole_model());
            let names = names.iter().filter(|name| *name != custom::FIELD);
            fields = names.map(|name| self.column_name(name)).collect::<Result<_>>()?;
        }
        let header: Vec<String> = match fields.is_empty() {
            true => all_columns(self.model()),
            false => fields.iter().map(ToString::to_string).collect(),
        };
        let read = columns_of(&fields).into_owned();
        let cells = match fields.is_empty() {
            true => (0..header.len()).map(Cell::Column).collect(),
            false => fields.iter().map(|name| self.cell_of(name, &read)).collect(),
        };
        let first = Select { limit: PAGE, fields: read, ..select };
        let (header, next) = (Some(header), Some(first));
        Ok(CsvExport { records: self, next, header, cells, rows: 0, failed: None })
    }

    fn column_name(&self, name: &str) -> Result<FieldName> {
        match self.whole_model().field(name) {
            Some(field) => Ok(field.name.clone()),
            None => Ok(FieldName::parse(name)?),
        }
    }

    /// Returns the cell of a field, in pages with these columns.
    fn cell_of(&self, name: &FieldName, read: &[FieldName]) -> Cell {
        let at = |name: &str| read.iter().position(|column| column.as_str() == name).unwrap_or_default();
        match name.of_custom() {
            None => Cell::Column(at(name.as_str())),
            Some(member) => {
                let field = self.whole_model().field(name.as_str());
                let is_text = field.is_none_or(|field| {
                    matches!(field.kind, FieldKind::Text { .. } | FieldKind::Choice { .. })
                });
                Cell::Member { column: at(custom::FIELD), name: member.to_owned(), is_text }
            }
        }
    }

    async fn csv_page(
        &self,
        select: &Select,
        header: Option<Vec<String>>,
        cells: Arc<[Cell]>,
    ) -> Result<(Lines, Option<Vec<tenantry_engine::value::Value>>)> {
        let writer = csv::Writer::from_writer(Vec::with_capacity(64 * 1024));
        let mut lines = Lines { writer, cells, most: self.page_bytes(), rows: 0 };
        if let Some(header) = header {
            lines.writer.write_record(header).ok();
        }
        let resolved = self.resolve(select).await?;
        let overrides = self.override_rows(&self.entry).await?;
        let session = self.reading().await?;
        let select = &resolved.select;
        let (lines, next) = session.select(self.name(), select, overrides.as_deref(), lines).await?;
        Ok((lines, resolved.next(next)))
    }
}
