//! Exports CSV, streamed page by page: no long-running read, and the memory of one page.

use super::guard::guarded;
use crate::{
    Result,
    access::gates::Verb,
    records::{Records, expand::all_columns},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::borrow::Cow;
use tenantry_engine::{
    query::Select,
    row::{Row, Visit},
    value::ValueRef,
};

/// Number of rows in a page.
const PAGE: u32 = 1000;

struct Lines {
    writer: csv::Writer<Vec<u8>>,
    /// Number of bytes after which the page takes no further row.
    most: usize,
}

impl Visit for Lines {
    fn row(&mut self, row: &dyn Row) {
        for index in 0..row.len() {
            // Writing to memory does not fail.
            self.writer.write_field(&*cell(row.get(index))).ok();
        }
        self.writer.write_record(None::<&[u8]>).ok();
    }

    fn is_full(&self) -> bool {
        self.writer.get_ref().len() > self.most
    }
}

/// Returns one CSV line.
pub(crate) fn csv_line<'v>(cells: impl Iterator<Item = ValueRef<'v>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(vec![]);
    for value in cells {
        // Writing to memory does not fail.
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
    }
}
impl<'a> Records<'a> {
    /// Streams every matching record as CSV, header first. The limit of the query is ignored.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] for an actor who may not read the model.
    pub fn export_csv(self, select: Select) -> Result<impl Stream<Item = Result<Bytes>> + Send + 'a> {
        self.allow(Verb::Read)?;
        let columns: Vec<String> = match select.fields.is_empty() {
            true => all_columns(self.model()),
            false => select.fields.iter().map(ToString::to_string).collect(),
        };
        let first = Select { limit: PAGE, ..select };
        Ok(stream::try_unfold((self, Some(first), Some(columns)), |(records, select, header)| async move {
            let Some(mut select) = select else { return Ok(None) };
            let (bytes, next) = records.csv_page(&select, header).await?;
            let more = next.map(|after| {
                select.after = Some(after);
                select
            });
            Ok(Some((bytes, (records, more, None))))
        }))
    }

    async fn csv_page(
        &self,
        select: &Select,
        header: Option<Vec<String>>,
    ) -> Result<(Bytes, Option<Vec<tenantry_engine::value::Value>>)> {
        let writer = csv::Writer::from_writer(Vec::with_capacity(64 * 1024));
        let mut lines = Lines { writer, most: self.page_bytes() };
        if let Some(header) = header {
            lines.writer.write_record(header).ok();
        }
        let overrides = self.override_rows(&self.entry).await?;
        let session = self.session().await?;
        let (lines, next) = session.select(self.name(), select, overrides.as_deref(), lines).await?;
        let bytes = lines.writer.into_inner().map_err(|e| crate::Error::Internal(e.to_string()))?;
        Ok((bytes.into(), next))
    }
}
