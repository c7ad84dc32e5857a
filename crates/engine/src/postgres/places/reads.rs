//! Models that read tables of another program: the views through which they do, and whether a database has them.
//!
//! A view gives each column the name and the type that the model has. The platform never makes one: it needs rights on the
//! tables that only their owner has.

use super::How;
use crate::{
    cell::Storage,
    error::Result,
    place::Place,
    postgres::{cells::column_type, connections::Connection, names::quoted, server::Server, site::Site},
    schema::{Column, Plan, Schema},
};
use std::collections::HashMap;
use tokio_postgres::types::Type;

/// Query for the columns of the relation `$1` with their types.
const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";

impl Schema {
    /// Returns the statements that make the views of the models that read tables of another program, in order of name. The
    /// first one makes the schema with this name. Returns nothing if there is no such model.
    pub fn view_statements(&self, schema: &str) -> Vec<String> {
        let views = reading(self).into_iter().map(|(name, plan)| view(&quoted(schema), name, plan));
        let mut statements: Vec<String> = views.collect();
        if !statements.is_empty() {
            statements.insert(0, format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema)));
        }
        statements
    }
}

/// Returns the models that read tables of another program, in order of name.
fn reading(schema: &Schema) -> Vec<(&str, &Plan)> {
    let all = schema.plans().filter(|plan| !plan.model.is_migrated());
    let mut all: Vec<_> = all.map(|plan| (plan.model.name.as_str(), plan)).collect();
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

fn view(schema: &impl std::fmt::Display, name: &str, plan: &Plan) -> String {
    let Some(reads) = &plan.model.reads else { return String::new() };
    let table: Vec<String> = match reads.table.split_once('.') {
        Some((schema, table)) => [schema, table].map(|part| quoted(part).to_string()).to_vec(),
        None => ["public", &reads.table].map(|part| quoted(part).to_string()).to_vec(),
    };
    let column = |column: &Column| {
        let name = column.name.as_str();
        let expression = match reads.expression(name) {
            Some(expression) => format!("({expression})"),
            None if name == "version" => "xmin::text::bigint".to_owned(),
            None => quoted(name).to_string(),
        };
        let expression = match column.storage {
            Storage::Text => format!("{expression}::text COLLATE \"C\""),
            Storage::Decimal(_) | Storage::Json => {
                format!("{expression}::{}", column_type(column.storage))
            }
            _ => expression,
        };
        format!("\n    {expression} AS {}", quoted(name))
    };
    let columns: Vec<String> = plan.columns().iter().map(column).collect();
    format!(
        "CREATE OR REPLACE VIEW {schema}.{} AS SELECT{}\n    FROM {}",
        quoted(name),
        columns.join(","),
        table.join(".")
    )
}

impl Server {
    /// See [`crate::Engine::unread`].
    pub(crate) async fn unread(&self, place: &Place, schema: &Schema) -> Result<Vec<String>> {
        let site = self.site(place)?;
        let mut transaction = self.as_owner(&site, How::Snapshot).await?;
        let found = async {
            let (conn, mut found) = (transaction.connection()?, vec![]);
            for (name, plan) in reading(schema) {
                found.extend(lacking(conn, &site, name, plan).await?);
            }
            Ok(found)
        };
        let found = found.await;
        self.finish(transaction, &site, found).await
    }
}

/// Returns what a model lacks to be read, each with its remedy.
async fn lacking(conn: &mut Connection, site: &Site, name: &str, plan: &Plan) -> Result<Vec<String>> {
    let view = format!("{}.{}", site.quoted, quoted(name));
    let rows = conn.once(COLUMNS, &[(&view.as_str(), Type::TEXT)]).await?;
    if rows.is_empty() {
        return Ok(vec![format!("the view {view} is missing")]);
    }
    let types: HashMap<&str, &str> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut lacks = vec![];
    for column in plan.columns() {
        let column_name = column.name.as_str();
        match types.get(column_name) {
            None => lacks.push(format!("{view} has no column {column_name}")),
            Some(found) if !is_read_as(column.storage).contains(found) => {
                let wanted = is_read_as(column.storage)[0];
                lacks.push(format!("{view}.{column_name} is {found}, and {wanted} is needed"));
            }
            Some(_) => {}
        }
    }
    let sql = "SELECT has_table_privilege(to_regclass($1), 'SELECT'), quote_ident(current_user)";
    let rows = conn.once(sql, &[(&view.as_str(), Type::TEXT)]).await?;
    for row in rows.iter().filter(|row| row.get::<_, Option<bool>>(0) != Some(true)) {
        lacks.push(format!("the role may not read it: GRANT SELECT ON {view} TO {}", row.get::<_, &str>(1)));
    }
    Ok(lacks)
}

/// Returns the types of columns that are read as this storage, the usual one first.
fn is_read_as(storage: Storage) -> &'static [&'static str] {
    match storage {
        Storage::Integer => &["bigint", "integer", "smallint"],
        Storage::Boolean => &["boolean"],
        Storage::Decimal(_) => &["numeric"],
        Storage::Text => &["text", "character varying"],
        Storage::Date => &["date"],
        Storage::Datetime => &["timestamp with time zone"],
        Storage::Uuid => &["uuid"],
        Storage::Json => &["json"],
    }
}
