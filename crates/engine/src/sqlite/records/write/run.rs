//! Runs validated changes inside the caller's transaction.

use super::{
    activity::{self, Action},
    refusal::{self, Failed},
};
use crate::{
    cell::{Key, Stored, instant},
    error::{Error, Kind, Result},
    model::{IdKind, OnDelete},
    name::ModelName,
    place::Isolation,
    query::RecordId,
    schema::{Confinement, Plan, Referrer, Schema},
    sqlite::records::read::{Cursor, record_id},
    value::Value,
    write::{Act, ID_MAX, Ready, RowState, WriteOptions, Written},
};
use rusqlite::{Connection, OptionalExtension, params, types::ToSql};
use std::fmt::Write;

/// State of one write transaction.
pub(super) struct Run<'a> {
    pub(super) conn: &'a Connection,
    pub(super) schema: &'a Schema,
    pub(super) who: &'a Confinement,
    pub(super) options: &'a WriteOptions,
    /// One instant for the whole transaction.
    pub(super) now: String,
    /// Change in the number of rows.
    pub(super) rows: i64,
    /// Change in the bytes of stored values.
    pub(super) bytes: i64,
    /// Records that lost a reference because its target was deleted.
    pub(super) nulled: Vec<(ModelName, RecordId)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        conn: &'a Connection,
        schema: &'a Schema,
        who: &'a Confinement,
        options: &'a WriteOptions,
    ) -> Self {
        let now = instant(jiff::Timestamp::now()).unwrap_or_default();
        Self { conn, schema, who, options, now, rows: 0, bytes: 0, nulled: vec![] }
    }

    pub(super) fn all(&mut self, changes: &[Ready<'_>]) -> Result<Vec<Written>> {
        let mut written = Vec::with_capacity(changes.len());
        for (index, change) in changes.iter().enumerate() {
            written.push(self.one(change).map_err(|error| error.with_index(index))?);
        }
        Ok(written)
    }

    fn one(&mut self, change: &Ready<'_>) -> Result<Written> {
        match &change.act {
            Act::Insert { id, values } => self.insert(change.plan, *id, values),
            Act::Update { id, expected, values } => self.update(change.plan, *id, *expected, values),
            Act::Delete { id, expected } => self.delete(change.plan, *id, *expected),
        }
    }

    fn insert(&mut self, plan: &Plan, id: Option<Key>, values: &[Stored<'_>]) -> Result<Written> {
        let id = match (self.who.isolation, plan.model.id) {
            (Isolation::Pooled, IdKind::Integer) => Some(self.number(plan, id)?),
            _ => id,
        };
        let mut params: Vec<&dyn ToSql> = vec![&self.who.tenant, &id, &self.now];
        params.extend(values.iter().map(|v| v as &dyn ToSql));
        let sql = &plan.texts(self.who.isolation).insert;
        let row = self.returned(plan, sql, &params, &Failed::Values(values))?;
        let row = row.ok_or_else(|| Error::new(Kind::Internal, "an insert returned no row"))?;
        if row.values.first().is_some_and(|id| matches!(id, Value::Integer(id) if *id > ID_MAX)) {
            return Err(Error::invalid("id", "the numbers of this model are used up"));
        }
        self.rows += 1;
        self.bytes += row.bytes;
        self.log(plan, Action::Create, None, &row)?;
        row.written(plan)
    }

    /// Returns the next integer id of a pooled tenant, or the given one, which is never assigned again.
    fn number(&self, plan: &Plan, given: Option<Key>) -> Result<Key> {
        const NEXT: &str = "INSERT INTO _tenantry_seq (tenant, model, last) VALUES (?1, ?2, coalesce(?3, 1)) \
             ON CONFLICT (tenant, model) DO UPDATE SET last = max(last + (?3 IS NULL), coalesce(?3, 0)) RETURNING last";
        let mut statement = self.conn.prepare_cached(NEXT)?;
        let last: i64 = statement
            .query_row(params![self.who.tenant, plan.model.name.as_str(), given], |row| row.get(0))?;
        Ok(given.unwrap_or(Key::Integer(last)))
    }

    /// Changes a row. A row that already has the values keeps its version.
    fn update(
        &mut self,
        plan: &Plan,
        id: Key,
        expected: Option<i64>,
        values: &[(usize, Stored<'_>)],
    ) -> Result<Written> {
        let before = self.current(plan, id)?;
        let mut sql =
            format!("UPDATE [{}] SET [updated_at] = ?4, [version] = [version] + 1", plan.model.name);
        let mut params: Vec<&dyn ToSql> = vec![&self.who.tenant, &id, &expected, &self.now];
        let mut differs = String::from("0");
        for (position, value) in values {
            params.push(value);
            let (name, number) = (&plan.columns[*position].name, params.len());
            let _ = write!(sql, ", [{name}] = ?{number}");
            let _ = write!(differs, " OR [{name}] IS NOT ?{number}");
        }
        let scope = &plan.texts(self.who.isolation).scope;
        let _ = write!(
            sql,
            " {scope} AND [id] = ?2 AND (?3 IS NULL OR [version] = ?3) AND ({differs}){}",
            plan.returning()
        );
        let Some(row) = self.returned(plan, &sql, &params, &Failed::Changes(values))? else {
            return self.unchanged(plan, id, expected);
        };
        self.bytes += row.bytes - before.as_ref().map_or(0, |b| b.bytes);
        self.log(plan, Action::Update, before.as_ref(), &row)?;
        row.written(plan)
    }

    /// Returns the row that a change left as it was, or the error if the row does not exist or has another version.
    fn unchanged(&self, plan: &Plan, id: Key, expected: Option<i64>) -> Result<Written> {
        let Some(row) = self.current(plan, id)? else { return Err(self.absent(plan, id)?) };
        let written = row.written(plan)?;
        match expected {
            Some(expected) if expected != written.version => Err(self.absent(plan, id)?),
            _ => Ok(written),
        }
    }

    fn delete(&mut self, plan: &Plan, id: Key, expected: Option<i64>) -> Result<Written> {
        for referrer in plan.referrers.iter().filter(|r| r.on_delete == OnDelete::SetNull) {
            self.set_null(referrer, id, plan)?;
        }
        let params: [&dyn ToSql; 3] = [&self.who.tenant, &id, &expected];
        let sql = &plan.texts(self.who.isolation).delete;
        let Some(row) = self.returned(plan, sql, &params, &Failed::Delete(id))? else {
            return Err(self.absent(plan, id)?);
        };
        self.rows -= 1;
        self.bytes -= row.bytes;
        self.log(plan, Action::Delete, Some(&row), &row)?;
        row.written(plan)
    }

    fn set_null(&mut self, referrer: &Referrer, id: Key, target: &Plan) -> Result<()> {
        let plan = self.schema.require(referrer.model.as_str())?;
        // A row that refers to itself is not updated before it is deleted. Otherwise its version would no longer be the
        // expected one.
        let others = if plan.model.name == target.model.name { "AND [id] <> ?2 " } else { "" };
        let (field, scope) = (&referrer.field, &plan.texts(self.who.isolation).scope);
        let sql = format!(
            "UPDATE [{}] SET [{field}] = NULL, [updated_at] = ?3, [version] = [version] + 1 \
             {scope} AND [{field}] = ?2 {others}RETURNING [id]",
            plan.model.name
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params![self.who.tenant, id, self.now])?;
        let mut changed = vec![];
        while let Some(row) = rows.next()? {
            changed.push(record_id(row.get_ref(0)?)?);
        }
        for record in changed {
            self.bytes -= id.bytes();
            if self.logs(plan) {
                activity::set_null(self, plan, &record, field)?;
            }
            self.nulled.push((plan.model.name.clone(), record));
        }
        Ok(())
    }

    /// Runs a statement that returns the row it changed. Steps it to its end, because SQLite checks foreign keys there.
    fn returned(
        &self,
        plan: &Plan,
        sql: &str,
        params: &[&dyn ToSql],
        failed: &Failed<'_>,
    ) -> Result<Option<RowState>> {
        let refuse = |error| refusal::explain(self, plan, error, failed);
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params).map_err(refuse)?;
        let mut last = None;
        while let Some(row) = rows.next().map_err(refuse)? {
            let mut state = RowState::default();
            Cursor::visit(row, &plan.storages, &mut state)?;
            last = Some(state);
        }
        Ok(last)
    }

    fn current(&self, plan: &Plan, id: Key) -> Result<Option<RowState>> {
        let sql = &plan.texts(self.who.isolation).get;
        self.returned(plan, sql, &[&self.who.tenant, &id], &Failed::Read)
    }

    /// Returns the error for a change that found no row: the row does not exist, or has another version.
    fn absent(&self, plan: &Plan, id: Key) -> Result<Error> {
        let sql = format!("SELECT t.[version] FROM {} AND t.[id] = ?2", plan.texts(self.who.isolation).from);
        let mut statement = self.conn.prepare_cached(&sql)?;
        let version = statement.query_row(params![self.who.tenant, id], |row| row.get(0)).optional()?;
        let kind = version.map_or(Kind::NotFound, Kind::Conflict);
        Ok(Error::new(kind, plan.model.name.as_str()))
    }

    fn logs(&self, plan: &Plan) -> bool {
        plan.model.audit || self.options.log_all
    }

    fn log(&self, plan: &Plan, action: Action, before: Option<&RowState>, after: &RowState) -> Result<()> {
        if self.logs(plan) { activity::record(self, plan, action, before, after) } else { Ok(()) }
    }
}
