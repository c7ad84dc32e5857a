//! The table `imported_rows` of the control store: which document became which row. An import records the id of a row before
//! it writes the row, so that a repeated import writes the same row or none.

use crate::{
    Error, Result,
    control::{Control, params},
};
use std::collections::HashMap;
use tenantry_engine::{model::IdKind, query::RecordId, value::Value};
use uuid::Uuid;

/// Tenant of shared rows.
pub(super) const SHARED: i64 = 0;
/// Number of values in one statement. Fewer are filled up with the last one.
const VALUES: usize = 50;
/// Their parameters.
const MARKS: &str = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";

/// The rows of one model that come from one source.
pub(super) struct Ids<'c> {
    pub(super) control: &'c Control,
    pub(super) source: String,
    pub(super) tenant: i64,
    pub(super) model: String,
    pub(super) kind: IdKind,
}

/// A row that a document became, or will become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Imported {
    pub(super) id: RecordId,
    /// True once the row is stored.
    pub(super) done: bool,
}

/// A row that a document will become.
pub(super) struct Assigned<'a> {
    /// Id of the document, as text.
    pub(super) key: &'a str,
    /// Id of the row.
    pub(super) id: &'a RecordId,
    /// Further values that find the document, by field.
    pub(super) names: &'a [(String, String)],
}

impl Ids<'_> {
    /// Returns the rows of documents that `field` finds by these values; an empty field is the id of a document.
    pub(super) async fn find(&self, field: &str, values: &[String]) -> Result<HashMap<String, Imported>> {
        let mut found = HashMap::new();
        let mut tx = self.control.snapshot().await?;
        let sql = format!(
            "SELECT value, record, done FROM imported_rows \
             WHERE source = ? AND tenant = ? AND model = ? AND field = ? AND value IN ({MARKS})"
        );
        for some in values.chunks(VALUES) {
            let mut params = self.of_field(field);
            params.extend(filled(some.iter().map(String::as_str)));
            for row in tx.query(&sql, &params).await? {
                let imported = Imported { id: self.id(row.text(1)?)?, done: row.integer(2)? == 1 };
                found.insert(row.text(0)?.to_owned(), imported);
            }
        }
        Ok(found)
    }

    /// Returns the number that follows all numbers which were assigned to rows from this source.
    pub(super) async fn next(&self) -> Result<i64> {
        let sql = "SELECT record FROM imported_rows WHERE source = ? AND tenant = ? AND model = ? \
            ORDER BY length(record) DESC, record DESC LIMIT 1";
        let values = params![self.source.as_str(), self.tenant, self.model.as_str()];
        let rows = self.control.snapshot().await?.query(sql, values).await?;
        let last = rows.first().map(|row| row.text(0).map(|text| text.parse().unwrap_or(0))).transpose()?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Records rows before they are written.
    pub(super) async fn assign(&self, rows: &[Assigned<'_>]) -> Result<()> {
        let mut lines = vec![];
        for Assigned { key, id, names } in rows {
            let id = id.to_string();
            let of = |field: &str, value: &str| {
                let mut line = self.of_field(field);
                line.extend([Value::from(value), Value::from(id.as_str()), Value::from(0)]);
                line
            };
            lines.push(of("", key));
            lines.extend(names.iter().map(|(field, value)| of(field, value)));
        }
        let mut write = self.control.begin().await?;
        for line in lines {
            let sql = "INSERT INTO imported_rows (source, tenant, model, field, value, record, done) \
                VALUES (?, ?, ?, ?, ?, ?, ?) \
                ON CONFLICT (source, tenant, model, field, value) DO UPDATE SET record = excluded.record";
            write.execute(sql, &line).await?;
        }
        write.commit_unaudited().await
    }

    /// Records that rows are stored.
    pub(super) async fn done(&self, ids: &[RecordId]) -> Result<()> {
        let sql = format!(
            "UPDATE imported_rows SET done = 1 \
             WHERE source = ? AND tenant = ? AND model = ? AND record IN ({MARKS})"
        );
        self.each(ids, &sql).await
    }

    /// Forgets rows that were refused.
    pub(super) async fn forget(&self, ids: &[RecordId]) -> Result<()> {
        let sql = format!(
            "DELETE FROM imported_rows WHERE source = ? AND tenant = ? AND model = ? AND record IN ({MARKS})"
        );
        self.each(ids, &sql).await
    }

    async fn each(&self, ids: &[RecordId], sql: &str) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let mut write = self.control.begin().await?;
        for some in texts.chunks(VALUES) {
            let mut values = params![self.source.as_str(), self.tenant, self.model.as_str()].to_vec();
            values.extend(filled(some.iter().map(String::as_str)));
            write.execute(sql, &values).await?;
        }
        write.commit_unaudited().await
    }

    fn of_field(&self, field: &str) -> Vec<Value> {
        vec![
            Value::from(self.source.as_str()),
            Value::from(self.tenant),
            Value::from(self.model.as_str()),
            Value::from(field),
        ]
    }

    fn id(&self, text: &str) -> Result<RecordId> {
        let read = match self.kind {
            IdKind::Integer => text.parse().ok().map(RecordId::Integer),
            IdKind::Uuid => text.parse::<Uuid>().ok().map(RecordId::Uuid),
        };
        read.ok_or_else(|| Error::Internal(format!("imported_rows: {text} is no id of {}", self.model)))
    }
}

/// Returns as many values as a statement has parameters.
fn filled<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<Value> {
    let mut values: Vec<_> = texts.map(Value::from).collect();
    if let Some(last) = values.last().cloned() {
        values.resize(VALUES, last);
    }
    values
}
