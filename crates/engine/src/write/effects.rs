//! Collects the effects of the changes in a transaction on a server, and checks the tenant's limits.

use super::{
    RowState, Written, detail,
    group::{Trouble, Write},
};
use crate::{
    error::Result,
    name::{FieldName, ModelName},
    query::RecordId,
    schema::Plan,
};

/// A new entry of the activity log.
pub(crate) struct Line {
    /// Index of the write in the transaction.
    pub(crate) write: usize,
    pub(crate) action: &'static str,
    pub(crate) model: ModelName,
    pub(crate) record: RecordId,
    pub(crate) detail: Option<String>,
}

/// The effects of a transaction. Its methods take the index of the write that made the change.
pub(crate) struct Effects<'a> {
    writes: &'a [Write<'a>],
    pub(crate) written: Vec<Vec<Written>>,
    /// Records that lost a reference because its target was deleted.
    pub(crate) nulled: Vec<(ModelName, RecordId)>,
    pub(crate) lines: Vec<Line>,
    /// Change of rows and of bytes by each write.
    grown: Vec<(i64, i64)>,
}

impl<'a> Effects<'a> {
    pub(crate) fn new(writes: &'a [Write<'a>]) -> Self {
        let written = writes.iter().map(|write| Vec::with_capacity(write.changes.len())).collect();
        Self { writes, written, nulled: vec![], lines: vec![], grown: vec![(0, 0); writes.len()] }
    }

    /// Returns the change of rows and of bytes by all writes.
    pub(crate) fn grown(&self) -> (i64, i64) {
        self.grown.iter().fold((0, 0), |sum, write| (sum.0 + write.0, sum.1 + write.1))
    }

    /// Returns the touched records, each as often as it was touched, including those that lost a reference.
    pub(crate) fn touched(&self) -> impl Iterator<Item = (&ModelName, &RecordId)> {
        let written = self.written.iter().flatten().map(|written| (&written.model, &written.id));
        written.chain(self.nulled.iter().map(|(model, id)| (model, id)))
    }

    pub(crate) fn inserted(&mut self, write: usize, plan: &Plan, row: RowState) -> Result<()> {
        self.grow(write, 1, row.bytes);
        self.log(write, plan, "create", row.id()?, || None);
        self.add(write, plan, row)
    }

    pub(crate) fn updated(
        &mut self,
        write: usize,
        plan: &Plan,
        before: &RowState,
        after: RowState,
    ) -> Result<()> {
        self.grow(write, 0, after.bytes - before.bytes);
        let personal = self.personal(write);
        let detail = || Some(detail::changed(plan, personal, &before.values, &after.values));
        self.log(write, plan, "update", after.id()?, detail);
        self.add(write, plan, after)
    }

    /// Adds a row that already had the values of an update. The row stays unchanged, with its version.
    pub(crate) fn unchanged(&mut self, write: usize, plan: &Plan, row: RowState) -> Result<()> {
        self.add(write, plan, row)
    }

    pub(crate) fn deleted(&mut self, write: usize, plan: &Plan, row: RowState) -> Result<()> {
        self.grow(write, -1, -row.bytes);
        let personal = self.personal(write);
        self.log(write, plan, "delete", row.id()?, || Some(detail::values(plan, personal, &row.values)));
        self.add(write, plan, row)
    }

    /// Adds a record that lost a reference of this many bytes.
    pub(crate) fn nulled(&mut self, write: usize, plan: &Plan, field: &str, record: RecordId, bytes: i64) {
        self.grow(write, 0, -bytes);
        let detail = || Some(format!("{{\"{field}\":\"target deleted\"}}"));
        self.log(write, plan, "update", record.clone(), detail);
        self.nulled.push((plan.model.name.clone(), record));
    }

    /// Returns the tenant's own fields with personal data, as the write names them.
    fn personal(&self, write: usize) -> &'a [FieldName] {
        &self.writes[write].request.options.personal
    }

    fn add(&mut self, write: usize, plan: &Plan, row: RowState) -> Result<()> {
        self.written[write].push(row.written(plan)?);
        Ok(())
    }

    fn grow(&mut self, write: usize, rows: i64, bytes: i64) {
        let (all_rows, all_bytes) = &mut self.grown[write];
        *all_rows += rows;
        *all_bytes += bytes;
    }

    fn log(
        &mut self,
        write: usize,
        plan: &Plan,
        action: &'static str,
        record: RecordId,
        detail: impl FnOnce() -> Option<String>,
    ) {
        if plan.model.audit || self.writes[write].request.options.log_all {
            let model = plan.model.name.clone();
            self.lines.push(Line { write, action, model, record, detail: detail() });
        }
    }

    /// Refuses the first write that exceeds a limit, counted after the writes before it. The argument is the number of
    /// rows and bytes in the place before the transaction.
    pub(crate) fn judge(&self, (mut rows, mut bytes): (i64, i64)) -> Result<(), Trouble> {
        for (at, (write, grown)) in self.writes.iter().zip(&self.grown).enumerate() {
            rows += grown.0;
            bytes += grown.1;
            let options = &write.request.options;
            options
                .refuse_over_limit((grown.0, rows), (grown.1, bytes))
                .map_err(|error| Trouble::Refused(at, error.into()))?;
        }
        Ok(())
    }
}
