//! Confines an operator's statement to the rows of one place.
//!
//! Each model of the place's store has a temporary view with the model's name, so that a statement reads and updates it
//! like a table. An UPDATE changes the view: a trigger records the new values in a temporary table, and
//! [`Window::apply`] writes them to the rows. The statement itself never writes to a real table, so it can neither
//! delete a row nor change a `rowid` or a full-text index.
//!
//! The authorizer allows a real table only inside the inner view of its model. Names of inner views, triggers and
//! temporary tables contain a random number, so that a statement can neither use them nor give a subquery such a name.

use super::allowed::{is_harmless, is_internal};
use crate::{
    error::{Error, Kind, Result},
    input,
    model::Field,
    place::{Isolation, Place},
    schema::Script,
    sqlite::schema::{
        as_applied,
        ddl::{Layout, list, quoted},
    },
};
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};
use std::collections::HashSet;

/// Columns that only the platform may write.
pub(super) const COLUMNS: [&str; 3] = ["id", "created_at", "version"];
/// Tables that are functions without side effects and read no stored data.
const JSON: [&str; 2] = ["json_each", "json_tree"];
/// Selects every name that can denote a table of the database.
const NAMES: &str = "SELECT lower(name) FROM main.sqlite_schema WHERE type IN ('table', 'view')
     UNION SELECT lower(name) FROM pragma_module_list";

/// The views on one connection.
#[derive(Debug, Clone)]
pub(in crate::sqlite) struct Window {
    random: String,
    pub(super) tables: Vec<Table>,
    /// Lower-case names that denote something other than a view.
    others: HashSet<String>,
    pub(super) can_update: bool,
}

/// A model of the place's store.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) model: String,
    /// Condition on the rows of the place.
    pub(super) whose: String,
    pub(super) columns: Vec<String>,
    pub(super) fields: Vec<Field>,
    /// Maximum number of bytes of a text in each field, if an index covers the field.
    pub(super) most_bytes: Vec<Option<usize>>,
}

impl Window {
    /// Creates the views of the store's models as they are after the migrations that the database has. Call this inside
    /// a transaction.
    ///
    /// # Errors
    /// Returns [`Kind::Denied`] for a pool without a tenant, and otherwise the errors of [`Script::as_applied`].
    pub(in crate::sqlite) fn open(conn: &Connection, script: &Script, place: &Place) -> Result<Self> {
        if place.isolation == Isolation::Pooled && place.tenant.is_none() {
            return Err(Error::new(
                Kind::Denied("rows of all tenants".into()),
                "a pool has no rows of its own",
            ));
        }
        let script = as_applied(conn, script)?;
        let tables = tables(&script, place);
        let random = conn.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
        let mut names = conn.prepare(NAMES)?;
        let names = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut window = Self { random, tables, others: names, can_update: false };
        for Table { model, whose, columns, .. } in &window.tables {
            let (inner, columns) = (quoted(&window.inner(model)), list(columns.iter().map(String::as_str)));
            let model = quoted(model);
            conn.execute_batch(&format!(
                "CREATE TEMP VIEW {inner} AS SELECT {columns} FROM main.{model} WHERE {whose};
                 CREATE TEMP VIEW {model} AS SELECT {columns} FROM {inner}"
            ))?;
        }
        for Table { model, .. } in &window.tables {
            window.others.remove(&model.to_ascii_lowercase());
        }
        Ok(window)
    }

    /// Allows or denies one action of a statement that is being prepared.
    pub(in crate::sqlite) fn judge(&self, context: AuthContext<'_>) -> Authorization {
        let (database, inside) = (context.database_name, context.accessor);
        let allowed = match context.action {
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Function { function_name } => is_harmless(function_name),
            AuthAction::Read { table_name, column_name } => {
                self.may_read(table_name, column_name, database, inside)
            }
            AuthAction::Update { table_name, column_name } => {
                self.can_update
                    && inside.is_none()
                    && database == Some("temp")
                    && self.table(table_name).is_some()
                    && !COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(column_name))
                    // SQLite's name for `rowid`, `_rowid_` and `oid`.
                    && column_name != "ROWID"
            }
            // Allowed only inside the trigger that records the new values.
            AuthAction::Insert { table_name } => self.tables.iter().any(|table| {
                table_name == self.noted(&table.model) && inside == Some(&*self.trigger(&table.model))
            }),
            _ => false,
        };
        if allowed { Authorization::Allow } else { Authorization::Deny }
    }

    /// Returns true if the column may be read. SQLite passes no database name if the statement uses no column of the
    /// table, or if the table is a common table expression or a subquery, which may have any name that no table has.
    fn may_read(&self, table: &str, column: &str, database: Option<&str>, inside: Option<&str>) -> bool {
        match database {
            Some("temp") => {
                let model =
                    |own: &Table| own.model.eq_ignore_ascii_case(table) || table == self.inner(&own.model);
                self.tables.iter().any(model)
            }
            Some(_) if JSON.iter().any(|name| name.eq_ignore_ascii_case(table)) => true,
            Some("main") => {
                let inner = |own: &Table| inside == Some(&*self.inner(&own.model));
                self.table(table).is_some_and(inner)
            }
            Some(_) => false,
            None => {
                let table = table.to_ascii_lowercase();
                let is_function = JSON.contains(&&*table);
                column.is_empty() && (is_function || !self.others.contains(&table) && !is_internal(&table))
            }
        }
    }

    fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.model.eq_ignore_ascii_case(name))
    }

    pub(super) fn inner(&self, model: &str) -> String {
        format!("{}_inner_{model}", self.random)
    }

    pub(super) fn noted(&self, model: &str) -> String {
        format!("{}_noted_{model}", self.random)
    }

    pub(super) fn trigger(&self, model: &str) -> String {
        format!("{}_trigger_{model}", self.random)
    }
}

/// Returns the models of the script's store, with the columns that a statement may see.
fn tables(script: &Script, place: &Place) -> Vec<Table> {
    let (state, isolation) = (script.state(), place.isolation);
    let table = |model| {
        let layout = Layout { model, state, isolation };
        let (tenant, of) = (layout.tenant(), quoted(model.name.as_str()));
        let columns =
            layout.column_names().into_iter().filter(|name| *name != "_row" && Some(*name) != tenant);
        Table {
            model: model.name.to_string(),
            // Always use a condition on a column other than the rowid. Without it, a statement that only counts rows
            // uses no column, and SQLite does not pass the enclosing view to the authorizer.
            whose: match tenant {
                Some(column) => format!("{of}.{} = {}", quoted(column), place.tenant_number()),
                None => format!("{of}.\"version\" IS NOT ''"),
            },
            columns: columns.map(str::to_owned).collect(),
            most_bytes: model.fields.iter().map(|field| input::most_bytes(model, field)).collect(),
            fields: model.fields.clone(),
        }
    };
    state.of_store(script.store()).map(table).collect()
}
