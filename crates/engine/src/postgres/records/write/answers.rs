//! What the statements of a write transaction did, and whether that is allowed.

use super::{
    group::Write,
    statements::{Does, Part, Sent},
    transaction::Trouble,
};
use crate::{
    cell::Key,
    error::{Error, Kind, Result},
    name::ModelName,
    postgres::records::{cursor::Cursor, read::id_at, usage::Held},
    query::RecordId,
    row::{Row, Visit},
    schema::Plan,
    value::Value,
    write::{Written, detail},
};

/// A part of a statement and the model that it changes.
type Of<'a> = (&'a Plan, &'a Part<'a>);

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

    /// Adds the answer to a statement.
    ///
    /// # Errors
    /// With the position of the part that was refused: `NotFound` or `Conflict` if its row is not there, or has another
    /// version.
    pub(super) fn take(
        &mut self,
        sent: &Sent<'_>,
        rows: &[tokio_postgres::Row],
    ) -> Result<(), (usize, Box<Error>)> {
        if let [part] = &sent.parts[..] {
            return self.one(sent.plan, part, rows).map_err(|error| (0, error.into()));
        }
        // The rows come in the order in which they were inserted.
        for (at, part) in sent.parts.iter().enumerate() {
            let row = rows.get(at..=at).unwrap_or_default();
            self.one(sent.plan, part, row).map_err(|error| (at, error.into()))?;
        }
        Ok(())
    }

    fn one(&mut self, plan: &Plan, part: &Part<'_>, rows: &[tokio_postgres::Row]) -> Result<()> {
        let done = match part.does {
            Does::SetNull(referrer, id) => {
                return self.nulled((plan, part), referrer.field.as_str(), id, rows);
            }
            Does::Insert(_) => self.inserted((plan, part), first(rows, plan)?)?,
            Does::Update(expected, _) => self.updated((plan, part), expected, first(rows, plan)?)?,
            Does::Delete => self.deleted((plan, part), first(rows, plan)?)?,
        };
        self.written[part.write].push(done.written(plan)?);
        Ok(())
    }

    fn inserted(&mut self, of: Of<'_>, row: &tokio_postgres::Row) -> Result<State> {
        let state = State::read(row, 0, of.0)?;
        self.grow(of.1, 1, state.bytes);
        self.log(of, "create", &state, |_| None)?;
        Ok(state)
    }

    fn updated(&mut self, of: Of<'_>, expected: Option<i64>, row: &tokio_postgres::Row) -> Result<State> {
        let plan = of.0;
        let columns = plan.columns.len();
        let before = State::read(row, 0, plan)?;
        if is_null(row, columns)? {
            return match expected {
                Some(expected) if expected != before.version()? => Err(conflict(plan, before.version()?)),
                // It already has the values: it stays as it is, with its version.
                _ => Ok(before),
            };
        }
        let after = State::read(row, columns, plan)?;
        self.grow(of.1, 0, after.bytes - before.bytes);
        self.log(of, "update", &after, |plan| Some(detail::changed(plan, &before.values, &after.values)))?;
        Ok(after)
    }

    fn deleted(&mut self, of: Of<'_>, row: &tokio_postgres::Row) -> Result<State> {
        if is_null(row, 1)? {
            return Err(conflict(of.0, row.get(0)));
        }
        let state = State::read(row, 1, of.0)?;
        self.grow(of.1, -1, -state.bytes);
        self.log(of, "delete", &state, |plan| Some(detail::values(plan, &state.values)))?;
        Ok(state)
    }

    fn nulled(
        &mut self,
        (plan, part): Of<'_>,
        field: &str,
        id: Key,
        rows: &[tokio_postgres::Row],
    ) -> Result<()> {
        for row in rows {
            let (model, record) = (&plan.model.name, id_at(row, 0, plan.storages[0])?);
            self.grow(part, 0, -id.bytes());
            if self.logs((plan, part)) {
                let detail = Some(format!("{{\"{field}\":\"target deleted\"}}"));
                let (write, model, record) = (part.write, model.clone(), record.clone());
                self.lines.push(Line { write, action: "update", model, record, detail });
            }
            self.nulled.push((model.clone(), record));
        }
        Ok(())
    }

    fn grow(&mut self, part: &Part<'_>, rows: i64, bytes: i64) {
        let (all_rows, all_bytes) = &mut self.grown[part.write];
        *all_rows += rows;
        *all_bytes += bytes;
    }

    fn logs(&self, (plan, part): Of<'_>) -> bool {
        plan.model.audit || self.writes[part.write].request.options.log_all
    }

    fn log(
        &mut self,
        of: Of<'_>,
        action: &'static str,
        state: &State,
        detail: impl FnOnce(&Plan) -> Option<String>,
    ) -> Result<()> {
        if self.logs(of) {
            let (plan, write) = (of.0, of.1.write);
            let (model, record) = (plan.model.name.clone(), state.id()?);
            self.lines.push(Line { write, action, model, record, detail: detail(plan) });
        }
        Ok(())
    }

    /// Refuses a write that grew beyond a limit, as the writes before it leave the place. Adds to what the place holds.
    pub(super) fn judge(&self, held: &mut Held) -> Result<(), Trouble> {
        for (at, (write, (rows, bytes))) in self.writes.iter().zip(&self.grown).enumerate() {
            held.rows += rows;
            held.bytes += bytes;
            let options = &write.request.options;
            options
                .refuse_over_limit((*rows, held.rows), (*bytes, held.bytes))
                .map_err(|error| Trouble::Refused(at, error.into()))?;
        }
        Ok(())
    }
}

fn first<'r>(rows: &'r [tokio_postgres::Row], plan: &Plan) -> Result<&'r tokio_postgres::Row> {
    rows.first().ok_or_else(|| Error::new(Kind::NotFound, plan.model.name.as_str()))
}

fn conflict(plan: &Plan, version: i64) -> Error {
    Error::new(Kind::Conflict(version), plan.model.name.as_str())
}

/// Returns true if the row that begins at this column is not there: then its id is null.
fn is_null(row: &tokio_postgres::Row, column: usize) -> Result<bool> {
    let found: Option<IsThere> =
        row.try_get(column).map_err(|error| Error::with_source(Kind::Corrupt, "the id of a row", error))?;
    Ok(found.is_none())
}

/// Reads a value of any type.
struct IsThere;

impl tokio_postgres::types::FromSql<'_> for IsThere {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        _: &[u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}

/// A row that was returned, and its size in bytes.
#[derive(Default)]
struct State {
    values: Vec<Value>,
    bytes: i64,
}

impl Visit for State {
    fn row(&mut self, row: &dyn Row) {
        for index in 0..row.len() {
            let value = row.get(index);
            self.bytes += value.bytes();
            self.values.push(value.into());
        }
    }
}

impl State {
    fn read(row: &tokio_postgres::Row, at: usize, plan: &Plan) -> Result<Self> {
        let mut state = Self::default();
        Cursor::visit(row, at, &plan.storages, &mut state)?;
        Ok(state)
    }

    fn id(&self) -> Result<RecordId> {
        match self.values.first() {
            Some(Value::Integer(id)) => Ok(RecordId::Integer(*id)),
            Some(Value::Uuid(id)) => Ok(RecordId::Uuid(*id)),
            _ => Err(Error::new(Kind::Corrupt, "a row without an id")),
        }
    }

    fn version(&self) -> Result<i64> {
        match self.values.last() {
            Some(Value::Integer(version)) => Ok(*version),
            _ => Err(Error::new(Kind::Corrupt, "a row without a version")),
        }
    }

    fn written(self, plan: &Plan) -> Result<Written> {
        let (id, version) = (self.id()?, self.version()?);
        Ok(Written { model: plan.model.name.clone(), id, version, row: self.values, position: None })
    }
}
