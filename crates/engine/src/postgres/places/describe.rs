//! Describes the tables of a database that another program made, for models that read them.

use crate::{
    error::Result,
    postgres::{connections::Connection, names::quoted, server::Server},
};
use tokio_postgres::types::Type;

/// Number of rows by which a column of JSON is judged.
const SAMPLE: u32 = 20;

/// A table or view of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// Name in the schema `public`.
    pub name: String,
    /// Comment on the table.
    pub comment: Option<String>,
    /// Columns in their order.
    pub columns: Vec<FoundColumn>,
}

/// A column of a [`FoundTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Name of the column.
    pub name: String,
    /// Name of its type in PostgreSQL, without length or scale.
    pub kind: String,
    /// Whether every row has a value.
    pub required: bool,
    /// Number of decimals of a numeric column; `None` if each value has its own.
    pub scale: Option<u32>,
    /// Comment on the column.
    pub comment: Option<String>,
    /// Table that the column refers to, if it is the whole key of the reference.
    pub refers: Option<String>,
    /// Whether the column is the whole primary key.
    pub is_key: bool,
    /// Whether the column is JSON with a text for each language, among them the one that was asked for.
    pub is_translated: bool,
}

/// Query for the columns of the tables `$1` of the schema `public`; of all its tables if there are none.
const COLUMNS: &str = "SELECT c.relname::text, obj_description(c.oid, 'pg_class'), a.attname::text, \
    format_type(a.atttypid, NULL), a.attnotnull, \
    (CASE WHEN a.atttypid = 'numeric'::regtype AND a.atttypmod >= 4 THEN (a.atttypmod - 4) & 65535 END)::bigint, \
    col_description(c.oid, a.attnum), \
    (SELECT r.relname::text FROM pg_constraint AS f JOIN pg_class AS r ON r.oid = f.confrelid \
     WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum] LIMIT 1), \
    EXISTS (SELECT FROM pg_constraint AS p WHERE p.conrelid = c.oid AND p.contype = 'p' AND p.conkey = ARRAY[a.attnum]), \
    has_column_privilege(c.oid, a.attnum, 'SELECT') \
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
    WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p', 'v', 'm') \
    AND NOT starts_with(c.relname, '_tenantry_') AND (cardinality($1) = 0 OR c.relname = ANY($1)) \
    AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum";

impl Server {
    /// See [`crate::Engine::describe`].
    pub(crate) async fn describe(&self, tables: &[String], language: &str) -> Result<Vec<FoundTable>> {
        let mut lease = self.home().await?;
        let conn = lease.connection()?;
        let rows = conn.once(COLUMNS, &[(&tables, Type::TEXT_ARRAY)]).await?;
        let (mut found, mut samples): (Vec<FoundTable>, _) = (vec![], vec![]);
        for row in &rows {
            let name: String = row.get(0);
            if found.last().is_none_or(|last| last.name != name) {
                found.push(FoundTable { name, comment: row.get(1), columns: vec![] });
            }
            let column = FoundColumn {
                name: row.get(2),
                kind: row.get(3),
                required: row.get(4),
                scale: row.get::<_, Option<i64>>(5).and_then(|scale| u32::try_from(scale).ok()),
                comment: row.get(6),
                refers: row.get(7),
                is_key: row.get(8),
                is_translated: false,
            };
            if let Some(table) = found.last_mut() {
                // A role that may not read the rows still sees what the columns are.
                if column.kind == "jsonb" && row.get(9) {
                    samples.push((table.name.clone(), column.name.clone()));
                }
                table.columns.push(column);
            }
        }
        for (table, column) in samples {
            if is_translated(conn, &table, &column, language).await? {
                let columns =
                    found.iter_mut().filter(|found| found.name == table).flat_map(|found| &mut found.columns);
                columns.filter(|found| found.name == column).for_each(|found| found.is_translated = true);
            }
        }
        Ok(found)
    }
}

async fn is_translated(conn: &mut Connection, table: &str, column: &str, language: &str) -> Result<bool> {
    let (table, column) = (quoted(table), quoted(column));
    let sql = format!(
        "SELECT bool_and(CASE jsonb_typeof(v) WHEN 'object' THEN v ? $1 ELSE false END) FROM \
         (SELECT {column} AS v FROM public.{table} WHERE {column} IS NOT NULL LIMIT {SAMPLE}) AS s"
    );
    let rows = conn.once(&sql, &[(&language, Type::TEXT)]).await?;
    Ok(rows.first().is_some_and(|row| row.get::<_, Option<bool>>(0) == Some(true)))
}
