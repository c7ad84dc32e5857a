//! Reads by id. The session of a placement calls them. No statement here runs without confinement.

use crate::{
    cell::{Key, Raw, Storage, value},
    error::{Error, Kind, Result},
    name::FieldName,
    query::RecordId,
    row::{Row, Visit},
    schema::{Confinement, Plan, Projection, Schema},
    sqlite::cells::raw,
    value::ValueRef,
};
use rusqlite::{Connection, params, types};
use std::cell::Cell;

/// Maximum number of ids in one call of [`by_ids`] or [`exists`].
pub const IDS_MAX: usize = 1000;

/// Visits the row with this id. Returns false if there is no such row.
///
/// # Errors
/// Returns `NotFound` if there is no such model, and `Invalid` if it has no such field.
pub fn get(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    id: &RecordId,
    fields: &[FieldName],
    visit: &mut dyn Visit,
) -> Result<bool> {
    let plan = schema.require(model)?;
    let projection = plan.project(fields)?;
    let Some(key) = plan.key(id) else { return Ok(false) };
    let text = plan.texts(who.isolation);
    let mut statement = if fields.is_empty() {
        conn.prepare_cached(&text.get)
    } else {
        conn.prepare_cached(&chosen(plan, &projection.positions, &text.from, " AND t.[id] = ?2"))
    }?;
    let mut rows = statement.query(params![who.tenant, key])?;
    let Some(row) = rows.next()? else { return Ok(false) };
    Cursor::visit(row, &projection.storages, visit)?;
    Ok(true)
}

/// Visits the rows with these ids, once each, in order of id. Skips ids without a row, and stops once `visit` is full.
///
/// # Errors
/// Returns the errors of [`get`], and `Invalid` for more than [`IDS_MAX`] ids.
pub fn by_ids(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    ids: &[RecordId],
    fields: &[FieldName],
    visit: &mut dyn Visit,
) -> Result<()> {
    let plan = schema.require(model)?;
    let Projection { positions, storages } = plan.project(fields)?;
    let wanted = " AND t.[id] IN (SELECT value FROM json_each(?2)) ORDER BY t.[id]";
    let sql = chosen(plan, &positions, &plan.texts(who.isolation).from, wanted);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params![who.tenant, id_list(plan, ids)?])?;
    while let Some(row) = rows.next()? {
        Cursor::visit(row, &storages, visit)?;
        if visit.is_full() {
            break;
        }
    }
    Ok(())
}

/// Returns the ids to which no row belongs.
///
/// # Errors
/// Returns the errors of [`get`], and `Invalid` for more than [`IDS_MAX`] ids.
pub fn exists(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    ids: &[RecordId],
) -> Result<Vec<RecordId>> {
    let plan = schema.require(model)?;
    let from = &plan.texts(who.isolation).from;
    let sql = format!("SELECT t.[id] FROM {from} AND t.[id] IN (SELECT value FROM json_each(?2))");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params![who.tenant, id_list(plan, ids)?])?;
    let mut found = std::collections::HashSet::new();
    while let Some(row) = rows.next()? {
        found.insert(record_id(row.get_ref(0)?)?);
    }
    Ok(ids.iter().filter(|id| !found.contains(id)).cloned().collect())
}

/// Returns true if the `field` of a row refers to `id`.
///
/// # Errors
/// Returns the errors of [`get`].
pub fn refers(
    conn: &Connection,
    schema: &Schema,
    who: &Confinement,
    model: &str,
    field: &str,
    id: &RecordId,
) -> Result<bool> {
    let plan = schema.require(model)?;
    let (_, column) = plan.require(field)?;
    let key = match (column.storage, id) {
        (Storage::Integer, RecordId::Integer(_)) | (Storage::Uuid, RecordId::Uuid(_)) => Key::from(id),
        _ => return Ok(false),
    };
    let sql =
        format!("SELECT 1 FROM {} AND t.[{}] = ?2 LIMIT 1", plan.texts(who.isolation).from, column.name);
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.exists(params![who.tenant, key])?)
}

fn chosen(plan: &Plan, positions: &[usize], from: &str, condition: &str) -> String {
    let mut sql = String::from("SELECT ");
    plan.list(&mut sql, positions);
    sql.push_str(" FROM ");
    sql.push_str(from);
    sql.push_str(condition);
    sql
}

fn id_list(plan: &Plan, ids: &[RecordId]) -> Result<String> {
    if ids.len() > IDS_MAX {
        return Err(Error::invalid("id", format!("at most {IDS_MAX} at once")));
    }
    // An id of the other kind belongs to no row.
    let known = ids.iter().filter(|id| plan.key(id).is_some());
    Ok(serde_json::Value::Array(known.map(RecordId::to_json).collect()).to_string())
}

fn damaged() -> Error {
    Error::new(Kind::Corrupt, "a column holds what its type does not allow")
}

pub(crate) fn record_id(found: types::ValueRef<'_>) -> Result<RecordId> {
    match raw(found) {
        Raw::Integer(i) => Ok(RecordId::Integer(i)),
        Raw::Text(t) => uuid::Uuid::try_parse_ascii(t).map(RecordId::Uuid).map_err(|_| damaged()),
        _ => Err(damaged()),
    }
}

/// A row under SQLite's cursor, which reads its columns by their storage.
pub(crate) struct Cursor<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    storages: &'r [Storage],
    damaged: Cell<bool>,
}

impl<'r, 's> Cursor<'r, 's> {
    /// Shows the first columns of `row` to `visit`, one for each of `storages`. Hides the further columns.
    pub(crate) fn visit(
        row: &'r rusqlite::Row<'s>,
        storages: &'r [Storage],
        visit: &mut dyn Visit,
    ) -> Result<()> {
        let cursor = Self { row, storages, damaged: Cell::new(false) };
        visit.row(&cursor);
        if cursor.damaged.get() { Err(damaged()) } else { Ok(()) }
    }

    /// Shows the first columns of `row` to `show`, one for each of `storages`. Returns true if `show` wants more rows.
    pub(crate) fn show(
        row: &'r rusqlite::Row<'s>,
        storages: &'r [Storage],
        show: &mut dyn FnMut(&dyn Row) -> bool,
    ) -> Result<bool> {
        let cursor = Self { row, storages, damaged: Cell::new(false) };
        let more = show(&cursor);
        if cursor.damaged.get() { Err(damaged()) } else { Ok(more) }
    }
}

impl Row for Cursor<'_, '_> {
    fn len(&self) -> usize {
        self.storages.len()
    }

    fn get(&self, index: usize) -> ValueRef<'_> {
        let storage = self.storages[index];
        self.row.get_ref(index).ok().and_then(|found| value(storage, raw(found))).unwrap_or_else(|| {
            self.damaged.set(true);
            ValueRef::Null
        })
    }
}
