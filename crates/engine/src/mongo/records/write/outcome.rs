//! What the changes of a write transaction did, and whether that is allowed.

use super::{documents::State, group::Write, transaction::Trouble};
use crate::{name::ModelName, query::RecordId, schema::Plan, write::Written};

/// A line of the activity log.
pub(super) struct Line {
    /// The write among those of the transaction.
    pub(super) write: usize,
    pub(super) action: &'static str,
    pub(super) model: ModelName,
    pub(super) record: RecordId,
    pub(super) detail: Option<String>,
}

/// What a transaction did.
pub(super) struct Outcome<'a> {
    writes: &'a [Write<'a>],
    pub(super) written: Vec<Vec<Written>>,
    /// Records that lost a reference because its target was deleted.
    pub(super) nulled: Vec<(ModelName, RecordId)>,
    pub(super) lines: Vec<Line>,
    /// Change of rows and of bytes by each write.
    grown: Vec<(i64, i64)>,
}

impl<'a> Outcome<'a> {
    pub(super) fn new(writes: &'a [Write<'a>]) -> Self {
        let written = writes.iter().map(|write| Vec::with_capacity(write.changes.len())).collect();
        Self { writes, written, nulled: vec![], lines: vec![], grown: vec![(0, 0); writes.len()] }
    }

    /// Returns the change of rows and of bytes by all writes.
    pub(super) fn grown(&self) -> (i64, i64) {
        self.grown.iter().fold((0, 0), |sum, write| (sum.0 + write.0, sum.1 + write.1))
    }

    /// Adds what a change did: `action` with its detail, and how rows and bytes have grown.
    pub(super) fn add(
        &mut self,
        write: usize,
        plan: &Plan,
        state: State,
        (rows, bytes): (i64, i64),
        logged: Option<(&'static str, Option<String>)>,
    ) {
        self.grow(write, rows, bytes);
        if let Some((action, detail)) = logged.filter(|_| self.logs(write, plan)) {
            let (model, record) = (plan.model.name.clone(), state.id.clone());
            self.lines.push(Line { write, action, model, record, detail });
        }
        self.written[write].push(state.written(plan));
    }

    /// Adds a record that lost a reference of so many bytes.
    pub(super) fn add_nulled(
        &mut self,
        write: usize,
        plan: &Plan,
        field: &str,
        record: RecordId,
        bytes: i64,
    ) {
        self.grow(write, 0, -bytes);
        let model = plan.model.name.clone();
        if self.logs(write, plan) {
            let detail = Some(format!("{{\"{field}\":\"target deleted\"}}"));
            let (model, record) = (model.clone(), record.clone());
            self.lines.push(Line { write, action: "update", model, record, detail });
        }
        self.nulled.push((model, record));
    }

    fn grow(&mut self, write: usize, rows: i64, bytes: i64) {
        let (all_rows, all_bytes) = &mut self.grown[write];
        *all_rows += rows;
        *all_bytes += bytes;
    }

    fn logs(&self, write: usize, plan: &Plan) -> bool {
        plan.model.audit || self.writes[write].request.options.log_all
    }

    /// Refuses a write that grew beyond a limit, as the writes before it leave the place. `held` is what it held before.
    pub(super) fn judge(&self, held: (i64, i64)) -> Result<(), Trouble> {
        let (mut rows, mut bytes) = held;
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
