//! Reads all rows of a table page by page, in order of their keys, as the owner.

use super::ddl::{Layout, list, quoted};
use crate::{
    cell::{Storage, Stored, form},
    error::Result,
    postgres::{
        cells::{Native, parameter_type, value_ref},
        connections::{Connection, Param},
    },
};
use tokio_postgres::{Row, types::Type};

/// Number of rows on a page.
const PAGE: usize = 500;

/// A walk through the rows of a model.
pub(super) struct Rows {
    sql: String,
    id: Storage,
    /// Key of the last row of the previous page: the tenant (0 if tenants have their own tables) and the id.
    last: Option<(i64, Stored<'static>)>,
}

/// A row with its key.
pub(super) struct Keyed {
    pub(super) tenant: i64,
    pub(super) id: Stored<'static>,
    /// The tenant, the id, and the requested columns.
    pub(super) row: Row,
}

impl Keyed {
    /// Position of the first requested column.
    pub(super) const FIRST: usize = 2;
}

impl Rows {
    /// Begins a walk that reads these columns. `of` confines it to one tenant of a pool.
    pub(super) fn new(layout: &Layout<'_>, columns: &[String], of: Option<i64>) -> Self {
        let tenant = layout.tenant().map_or("0::bigint".into(), quoted);
        let columns: String = columns.iter().map(|column| format!(", {column}")).collect();
        let own = match (layout.tenant(), of) {
            (Some(column), Some(of)) => format!("{} = {of} AND", quoted(column)),
            _ => String::new(),
        };
        let key = list(layout.key());
        let after =
            if layout.pooled { format!("({key}) > ($1, $2)") } else { "\"id\" > $2 AND $1 = 0".into() };
        Self {
            sql: format!(
                "SELECT {tenant}, \"id\"{columns} FROM {} WHERE {own} ($2 IS NULL OR {after}) ORDER BY {key} LIMIT {PAGE}",
                layout.table()
            ),
            id: Storage::of_id(layout.model.id),
            last: None,
        }
    }

    /// Returns the next rows; empty at the end.
    pub(super) async fn next(&mut self, conn: &mut Connection) -> Result<Vec<Keyed>> {
        let (tenant, id) = self.last.take().unwrap_or((0, Stored::Null));
        let id = Native(self.id, &id);
        let params: [Param<'_>; 2] = [(&tenant, Type::INT8), (&id, parameter_type(self.id))];
        let rows = conn.once(&self.sql, &params).await?;
        let keyed = rows.into_iter().map(|row| {
            let id = form(self.id, value_ref(&row, 1, self.id)?)?.into_owned();
            Ok(Keyed { tenant: row.get(0), id, row })
        });
        let page = keyed.collect::<Result<Vec<_>>>()?;
        self.last = page.last().map(|last| (last.tenant, last.id.clone()));
        Ok(page)
    }
}
