//! Reads the rows of a copy, for callers that write them in another format. Read-only, and never for a live database.

use super::file::open_copy;
use crate::{error::Result, name::FieldName, row::Row, schema::Schema, sqlite::records::Cursor};
use std::path::Path;

/// Passes every row of a model to `show` in order of id, until `show` returns false. Without `fields`, passes all
/// columns.
pub(crate) fn rows(
    from: &Path,
    schema: &Schema,
    model: &str,
    fields: &[FieldName],
    show: &mut dyn FnMut(&dyn Row) -> bool,
) -> Result<()> {
    let plan = schema.require(model)?;
    let projection = plan.project(fields)?;
    let mut sql = String::from("SELECT ");
    plan.list(&mut sql, &projection.positions);
    sql.push_str(&format!(" FROM [{model}] AS t ORDER BY t.[id]"));
    let conn = open_copy(from)?;
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !Cursor::show(row, &projection.storages, show)? {
            break;
        }
    }
    Ok(())
}
