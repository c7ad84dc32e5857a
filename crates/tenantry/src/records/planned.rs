//! Rows whose ids the caller has planned before it writes them, for imports that may be interrupted and repeated.
//!
//! [`crate::shared_imports`] calls it. The rows are written like all others, and each is in the activity log.

use super::{Records, read::id_value};
use crate::{Result, access::gates::Verb};
use tenantry_engine::{
    name::FieldName,
    query::{Change, Direction, RecordId, Select},
    row::Collect,
    value::Value,
};

/// Number of entries of a record's log that are searched for its creation.
const ENTRIES: u32 = 50;
/// Largest size of the details of these entries, in bytes.
const BYTES: usize = 1 << 20;

impl Records<'_> {
    /// Logs the activity of the model, even if the model is not audited.
    #[must_use]
    pub(crate) fn logging_all(mut self) -> Self {
        self.logs_all = true;
        self
    }

    /// Writes rows in one transaction.
    pub(crate) async fn insert_planned(&self, rows: Vec<Change>) -> Result<()> {
        self.allow(Verb::Create)?;
        self.apply_decided(rows).await.map(drop)
    }

    /// Returns the largest integer id; 0 without rows, or if ids are no integers.
    pub(crate) async fn largest_id(&self) -> Result<i64> {
        self.allow(Verb::Read)?;
        let id = FieldName::parse("id")?;
        let sort = vec![(id.clone(), Direction::Descending).into()];
        let select = Select { sort, limit: 1, fields: vec![id], ..Select::default() };
        let (found, _) = self.session().await?.select(self.name(), &select, None, Collect::default()).await?;
        match found.rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(id)) => Ok(*id),
            _ => Ok(0),
        }
    }

    /// Returns the ids that no row has.
    pub(crate) async fn absent(&self, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        self.allow(Verb::Read)?;
        Ok(self.session().await?.exists(self.name(), ids).await?)
    }

    /// Returns the rows with these ids: values of `fields`, in this order.
    pub(crate) async fn stored(&self, ids: &[RecordId], fields: &[FieldName]) -> Result<Vec<Vec<Value>>> {
        self.allow(Verb::Read)?;
        Ok(self.session().await?.by_ids(self.name(), ids, fields, Collect::default()).await?.rows)
    }

    /// Returns true if the last change of the record with this id was its delete.
    pub(crate) async fn was_deleted(&self, id: &RecordId) -> Result<bool> {
        self.allow(Verb::Read)?;
        let last = self.session().await?.history(self.name(), id, None, 1, BYTES).await?;
        Ok(last.first().is_some_and(|entry| entry.action == "delete"))
    }

    /// Returns the version of the tenant's own values of a shared row; `None` if it has none.
    pub(crate) async fn own_values_version(&self, id: &RecordId) -> Result<Option<i64>> {
        self.allow(Verb::Read)?;
        let Some(entry) = self.override_entry(&self.entry) else { return Ok(None) };
        let Some(row) = self.find_override(entry, &id_value(id)).await? else { return Ok(None) };
        let version = [FieldName::parse("version")?];
        let name = entry.model.name.as_str();
        let found = self.session_of(entry).await?.by_ids(name, &[row], &version, Collect::default()).await?;
        match found.rows.first().and_then(|row| row.last()) {
            Some(Value::Integer(version)) => Ok(Some(*version)),
            _ => Ok(None),
        }
    }

    /// Returns true if the actor of this scope has created the row with this id, according to the activity log.
    pub(crate) async fn is_own(&self, id: &RecordId) -> Result<bool> {
        self.allow(Verb::Read)?;
        let session = self.session().await?;
        let mut before = None;
        loop {
            let page = session.history(self.name(), id, before, ENTRIES, BYTES).await?;
            let Some(last) = page.last() else { return Ok(false) };
            before = Some(last.id);
            if let Some(created) = page.iter().find(|entry| entry.action == "create") {
                return Ok(created.actor == self.actor().label());
            }
        }
    }
}
