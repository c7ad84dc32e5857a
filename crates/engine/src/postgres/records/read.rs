//! Reads by id.

use super::{Bound, Query, bound::keys, cursor::Cursor};
use crate::{
    cell::{Key, Storage},
    error::{Error, Kind, Result},
    name::FieldName,
    place::Isolation,
    query::RecordId,
    row::Visit,
    schema::{Plan, Schema},
    sql::Statement as _,
};
use tokio_postgres::Row;

/// Maximum number of ids in one read.
const IDS_MAX: usize = 1000;

/// Returns the read of the row with this id, or `None` if no row can have the id.
///
/// # Errors
/// Returns `NotFound` if there is no such model, and `Invalid` if it has no such field.
pub(crate) fn get<'s>(
    schema: &'s Schema,
    isolation: Isolation,
    model: &str,
    id: &RecordId,
    fields: &[FieldName],
) -> Result<Option<Query<'s>>> {
    let plan = schema.require(model)?;
    let projection = plan.project(fields)?;
    let Some(key) = plan.key(id) else { return Ok(None) };
    if fields.is_empty() {
        let sql = plan.postgres(isolation).get.clone();
        return Ok(Some(Query { schema, plan, isolation, sql, values: vec![Bound::Key(key)] }));
    }
    let mut query = Query::new(schema, plan, isolation);
    query.columns(projection.positions.iter().copied());
    query.from(None)?;
    query.sql.push_str(" AND t.\"id\" = ");
    query.bind(Bound::Key(key));
    Ok(Some(query))
}

/// Returns the read of the rows with these ids, in order of id.
///
/// # Errors
/// Returns the errors of [`get`], and `Invalid` for too many ids.
pub(crate) fn by_ids<'s>(
    schema: &'s Schema,
    isolation: Isolation,
    model: &str,
    ids: &[RecordId],
    fields: &[FieldName],
) -> Result<Query<'s>> {
    let mut query = Query::of(schema, model, isolation)?;
    query.columns(query.plan.project(fields)?.positions.iter().copied());
    query.from(None)?;
    has_id(&mut query, ids)?;
    query.sql.push_str(" ORDER BY t.\"id\"");
    Ok(query)
}

/// Returns the read of the ids that belong to rows.
///
/// # Errors
/// Returns the errors of [`by_ids`].
pub(crate) fn exists<'s>(
    schema: &'s Schema,
    isolation: Isolation,
    model: &str,
    ids: &[RecordId],
) -> Result<Query<'s>> {
    let mut query = Query::of(schema, model, isolation)?;
    query.columns([0]);
    query.from(None)?;
    has_id(&mut query, ids)?;
    Ok(query)
}

fn has_id(query: &mut Query<'_>, ids: &[RecordId]) -> Result<()> {
    if ids.len() > IDS_MAX {
        return Err(Error::invalid("id", format!("at most {IDS_MAX} at once")));
    }
    query.sql.push_str(" AND ");
    is_one_of(query, ids);
    Ok(())
}

/// Appends the condition that the row has one of these ids. An id of the other kind belongs to no row.
pub(super) fn is_one_of(query: &mut Query<'_>, ids: &[RecordId]) {
    let known = ids.iter().filter_map(|id| query.plan.key(id)).collect();
    query.sql.push_str("t.\"id\" = ANY(");
    query.bind(keys(query.plan.storages[0], known));
    query.sql.push(')');
}

/// Returns the read that finds a row if the `field` of some row refers to `id`, or `None` if no row can.
///
/// # Errors
/// Returns the errors of [`get`].
pub(crate) fn refers<'s>(
    schema: &'s Schema,
    isolation: Isolation,
    model: &str,
    field: &str,
    id: &RecordId,
) -> Result<Option<Query<'s>>> {
    let mut query = Query::of(schema, model, isolation)?;
    let (position, column) = query.plan.require(field)?;
    let ((Storage::Integer, RecordId::Integer(_)) | (Storage::Uuid, RecordId::Uuid(_))) =
        (column.storage, id)
    else {
        return Ok(None);
    };
    query.columns([0]);
    query.from(None)?;
    query.sql.push_str(" AND ");
    query.column(position);
    query.sql.push_str(" = ");
    query.bind(Bound::Key(Key::from(id)));
    query.sql.push_str(" LIMIT 1");
    Ok(Some(query))
}

/// Shows the rows of a read with these fields, until `visit` is full.
///
/// # Errors
/// Returns `Corrupt` if a column has a value that its storage does not allow.
pub(crate) fn show(plan: &Plan, fields: &[FieldName], rows: &[Row], visit: &mut dyn Visit) -> Result<()> {
    let projection = plan.project(fields)?;
    for row in rows {
        Cursor::visit(row, 0, &projection.storages, visit)?;
        if visit.is_full() {
            break;
        }
    }
    Ok(())
}

/// Returns the id in the column `index`, of a model whose ids have this storage.
///
/// # Errors
/// Returns `Corrupt` if the column has no such id.
pub(crate) fn id_at(row: &Row, index: usize, storage: Storage) -> Result<RecordId> {
    match super::cursor::value(row, index, storage)? {
        crate::value::Value::Integer(id) => Ok(RecordId::Integer(id)),
        crate::value::Value::Uuid(id) => Ok(RecordId::Uuid(id)),
        _ => Err(Error::new(Kind::Corrupt, "a row without an id")),
    }
}
