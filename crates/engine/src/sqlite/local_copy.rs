//! The rows of a shared model as one tenant sees them, in the memory of this process.
//!
//! The platform makes a copy from rows that it has read, decides how long it is current, and asks it instead of the
//! database. It is a table in SQLite's memory, so conditions, orders, pages, searches and groups are those of every other
//! table. It never reads or writes a database.

use super::{
    records::list,
    schema::ddl::{self, quoted},
};
use crate::{
    cell::stored,
    error::{Error, Kind, Result},
    migration::State,
    model::Model,
    name::ModelName,
    overrides::{self, OverrideRow},
    place::Isolation,
    query::{Aggregate, Filter, Groups, RecordId, Select},
    row::Visit,
    schema::{Confinement, Plan, Schema},
    value::Value,
};
use rusqlite::Connection;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Number of statements that a copy keeps compiled.
const STATEMENTS: usize = 32;
/// The rows are alone in their table, so their statements name no tenant.
const ALONE: Confinement =
    Confinement { isolation: Isolation::Database, tenant: 0, generation: 0, ledger: 0 };

/// A copy. A read takes its lock for as long as it runs.
pub struct LocalCopy {
    conn: Mutex<Connection>,
    schema: Arc<Schema>,
    model: ModelName,
}

impl fmt::Debug for LocalCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCopy").field("model", &self.model).finish_non_exhaustive()
    }
}

impl LocalCopy {
    /// Makes the copy of these shared rows, which have all columns, with the tenant's changes and entries.
    ///
    /// # Errors
    /// Returns `NotFound` if there is no such model, `Corrupt` if the changes of an override are not JSON, and the errors
    /// of a row that the table of the model does not take.
    pub fn new(
        schema: &Arc<Schema>,
        model: &str,
        shared: &[Vec<Value>],
        own: &[OverrideRow],
    ) -> Result<Self> {
        let plan = schema.require(model)?;
        let conn = Connection::open_in_memory()?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        list::add_functions(&conn)?;
        // Rows that this one refers to are not here.
        conn.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; BEGIN")?;
        let (table, others) = (without_unique_values(&plan.model), schema.plans());
        let state = State::of(&others.map(|plan| (*plan.model).clone()).collect::<Vec<_>>());
        for statement in ddl::create(&table, &state, Isolation::Database)? {
            conn.execute_batch(&statement)?;
        }
        fill(&conn, plan, shared, own)?;
        conn.execute_batch("COMMIT")?;
        let model = plan.model.name.clone();
        Ok(Self { conn: Mutex::new(conn), schema: schema.clone(), model })
    }

    /// Returns true if the copy was made with this schema.
    pub fn has_schema(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(&self.schema, schema)
    }

    /// Visits one page of rows. Returns the `after` of the next page, if there is one.
    ///
    /// # Errors
    /// Returns the errors of [`crate::Session::select`], and an error if the conditions or the order need rows of another
    /// model.
    pub fn select<V: Visit>(&self, select: &Select, mut visit: V) -> Result<(V, Option<Vec<Value>>)> {
        let next = list::select(&self.conn(), &self.schema, &ALONE, self.name(), select, None, &mut visit)?;
        Ok((visit, next))
    }

    /// Returns the number of matching rows.
    ///
    /// # Errors
    /// Returns the errors of [`LocalCopy::select`].
    pub fn count(&self, filter: &Filter, search: Option<&str>) -> Result<u64> {
        list::count(&self.conn(), &self.schema, &ALONE, self.name(), filter, search, None)
    }

    /// Returns the groups of the matching rows.
    ///
    /// # Errors
    /// Returns the errors of [`crate::Session::aggregate`], and those of [`LocalCopy::select`].
    pub fn aggregate(&self, asked: &Aggregate) -> Result<Groups> {
        list::aggregate(&self.conn(), &self.schema, &ALONE, self.name(), asked, None)
    }

    fn name(&self) -> &str {
        self.model.as_str()
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the model without its rules for unique values: a tenant may see the same value in a shared row and in an entry
/// of its own.
fn without_unique_values(model: &Model) -> Model {
    let mut model = model.clone();
    model.fields.iter_mut().for_each(|field| field.unique = false);
    model.indexes.iter_mut().for_each(|index| index.unique = false);
    model
}

fn fill(conn: &Connection, plan: &Plan, shared: &[Vec<Value>], own: &[OverrideRow]) -> Result<()> {
    let changed: HashMap<&RecordId, &OverrideRow> =
        own.iter().filter(|row| row.added.is_none()).map(|row| (&row.id, row)).collect();
    let names: Vec<_> = plan.columns.iter().map(|column| quoted(column.name.as_str())).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let table = quoted(plan.model.name.as_str());
    let mut insert = conn.prepare(&format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", ")))?;
    let mut add = |row: &[Value]| -> Result<()> {
        for (position, (column, value)) in plan.columns.iter().zip(row).enumerate() {
            let value =
                stored(column.storage, value).map_err(|rule| Error::invalid(column.name.as_str(), rule))?;
            insert.raw_bind_parameter(position + 1, &value)?;
        }
        Ok(insert.raw_execute().map(drop)?)
    };
    for row in shared {
        match id(row).and_then(|id| changed.get(&id).copied()) {
            Some(change) => add(&merged(plan, row, change)?)?,
            None => add(row)?,
        }
    }
    overrides::added(plan, own)?.iter().try_for_each(|row| add(row))
}

fn id(row: &[Value]) -> Option<RecordId> {
    match row.first()? {
        Value::Integer(id) => Some(RecordId::Integer(*id)),
        Value::Uuid(id) => Some(RecordId::Uuid(*id)),
        _ => None,
    }
}

/// Returns a shared row with the tenant's values.
fn merged(plan: &Plan, row: &[Value], change: &OverrideRow) -> Result<Vec<Value>> {
    let changes = serde_json::from_str(&change.changes)
        .map_err(|error| Error::with_source(Kind::Corrupt, "changes of an override are not JSON", error))?;
    let mut row = row.to_vec();
    for (name, value) in overrides::values(plan, &changes) {
        let (position, _) = plan.require(name.as_str())?;
        row[position] = value;
    }
    Ok(row)
}
