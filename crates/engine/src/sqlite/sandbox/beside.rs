//! Makes shared models readable next to the tenant's own tables, on the connection of one statement.
//!
//! The file of the shared store is attached read-only before the connection is confined. Its schema name is random, so
//! that a statement cannot name it. Each model has a temporary view with the model's name and columns. The authorizer
//! allows a table of that file only inside the view of its model. A table of the tenant takes precedence over a shared
//! model of the same name.

use super::allowed::is_internal;
use crate::{
    error::{Error, Kind, Result},
    joins::SharedStore,
    name::StoreName,
    sqlite::{
        connection::{Database, Ticket},
        located,
        schema::{
            ddl::{list, quoted},
            position_in,
        },
    },
};
use rusqlite::{Connection, limits::Limit};
use std::{collections::HashSet, sync::Arc};

/// Selects every name that can denote a table of one file.
const NAMES: &str = "sqlite_schema WHERE type IN ('table', 'view')";

/// An open database of a shared store, and the models that a statement may read from it.
#[derive(Debug)]
pub(crate) struct Beside {
    database: Arc<Database>,
    store: StoreName,
    /// Position of the ledger when the schema was verified.
    ledger: i64,
    tables: Vec<Table>,
    /// Released after the statement's connection has closed.
    _ticket: Ticket,
}

/// A shared model and its columns.
#[derive(Debug)]
struct Table {
    model: String,
    columns: Vec<String>,
}

impl Beside {
    /// Verifies the schema of a shared store, and takes the descriptors for one connection to it.
    pub(in crate::sqlite) async fn new(database: Arc<Database>, shared: &SharedStore) -> Result<Self> {
        let ledger = database.know_now(&shared.schema).await?;
        let tables = shared.plans().map(|plan| Table {
            model: plan.model().name.to_string(),
            columns: plan.columns().iter().map(|column| column.name.to_string()).collect(),
        });
        let (store, tables) = (shared.place.store.clone(), tables.collect());
        let _ticket = database.reader_ticket().await?;
        Ok(Self { database, store, ledger, tables, _ticket })
    }
}

/// Files of shared stores that are attached to a connection.
pub(super) struct Attached<'b> {
    /// Schema name of each file on the connection, and its store.
    files: Vec<(String, &'b Beside)>,
}

impl<'b> Attached<'b> {
    /// Attaches the files of shared stores, read-only like the connection. Call this outside a transaction.
    pub(super) fn open(conn: &Connection, stores: &'b [Beside]) -> Result<Self> {
        let mut files = Vec::with_capacity(stores.len());
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, i32::try_from(stores.len()).unwrap_or(i32::MAX))?;
        for beside in stores {
            let name: String = conn.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
            let path = beside.database.path();
            let text = path.to_str().filter(|_| path.is_absolute());
            let text =
                text.ok_or_else(|| Error::new(Kind::Internal, format!("{} is no address", path.display())))?;
            conn.execute(&format!("ATTACH ?1 AS {}", quoted(&name)), [text])
                .map_err(|error| located(error.into(), path))?;
            files.push((name, beside));
        }
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        Ok(Self { files })
    }

    /// Creates the views. Call this in the transaction of the statement: it verifies the state of each shared store
    /// that the statement reads.
    ///
    /// # Errors
    /// Returns [`Kind::Outdated`] if a shared store was migrated since it was opened.
    pub(super) fn show(&self, conn: &Connection) -> Result<Views> {
        let mut views = Views { files: HashSet::new(), shown: HashSet::new(), others: HashSet::new() };
        if self.files.is_empty() {
            return Ok(views);
        }
        let own = names(conn, "main")?;
        for (file, beside) in &self.files {
            beside.verify(conn, file).map_err(|error| located(error, beside.database.path()))?;
            views.others.extend(names(conn, file)?.into_iter().filter(|name| !own.contains(name)));
            for Table { model, columns } in beside.tables.iter().filter(|table| !own.contains(&table.model)) {
                let (file, name) = (quoted(file), quoted(model));
                let columns = list(columns.iter().map(String::as_str));
                conn.execute_batch(&format!(
                    "CREATE TEMP VIEW {name} AS SELECT {columns} FROM {file}.{name}"
                ))?;
                views.shown.insert(model.clone());
            }
            views.files.insert(file.clone());
        }
        views.others.retain(|name| !views.shown.contains(name));
        Ok(views)
    }
}

impl Beside {
    /// Verifies that the current state of the attached file has the verified schema.
    fn verify(&self, conn: &Connection, file: &str) -> Result<()> {
        self.database.still_there()?;
        let file = quoted(file);
        let lives =
            format!("SELECT EXISTS(SELECT 1 FROM {file}._tenantry_place WHERE tenant = 0 AND store = ?1)");
        if !conn.query_row(&lives, [self.store.as_str()], |row| row.get(0))? {
            return Err(Error::new(Kind::WrongIdentity, format!("store {} does not live here", self.store)));
        }
        match position_in(conn, &file)? == self.ledger {
            true => Ok(()),
            false => Err(Error::new(Kind::Outdated, format!("store {} was migrated", self.store))),
        }
    }
}

/// The views of shared models on a connection. All names are in lower case.
pub(super) struct Views {
    /// Names of the attached files.
    files: HashSet<String>,
    /// Models that have a view.
    shown: HashSet<String>,
    /// Other names of tables in the attached files that the tenant's own file does not have.
    others: HashSet<String>,
}

impl Views {
    /// Returns true if the name denotes a view.
    pub(super) fn has(&self, table: &str) -> bool {
        self.shown.contains(table)
    }

    /// Returns true if the name denotes a table of an attached file that may not be read.
    pub(super) fn hides(&self, table: &str) -> bool {
        self.others.contains(table)
    }

    /// Returns true if the statement may read a column of a temporary view, or of a table of an attached file inside
    /// its view. If a statement uses no column of a view, SQLite passes the table of the view without column and view.
    pub(super) fn may_read(
        &self,
        (table, column): (&str, &str),
        database: &str,
        inside: Option<&str>,
    ) -> bool {
        let is_view = database.eq_ignore_ascii_case("temp");
        let is_inside = column.is_empty() || inside.is_some_and(|view| view.eq_ignore_ascii_case(table));
        self.has(table) && !is_internal(table) && (is_view || self.files.contains(database) && is_inside)
    }
}

/// Returns the lower-case names of the tables and views of a file.
fn names(conn: &Connection, file: &str) -> Result<HashSet<String>> {
    let mut statement = conn.prepare(&format!("SELECT lower(name) FROM {}.{NAMES}", quoted(file)))?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}
