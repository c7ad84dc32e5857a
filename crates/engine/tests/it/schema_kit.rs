//! Kit for the schema tests: loads models from text, and creates databases in memory.

use rusqlite::Connection;
use tenantry_engine::{
    migration::{Migration, Op},
    model::{self, Model, Scope, Source},
    name::{AppName, StoreName},
};

/// Returns the scope of a store of the test platform: `shared` and `control` are system stores, `tenant` and `books`
/// tenant stores.
pub(crate) fn scope(store: &StoreName) -> Option<Scope> {
    match store.as_str() {
        "control" | "shared" => Some(Scope::System),
        "tenant" | "books" => Some(Scope::Tenant),
        _ => None,
    }
}

/// Loads models given as `(name, text)`; returns problems as `name.toml:line: message`.
pub(crate) fn load(files: &[(&str, &str)]) -> Result<Vec<Model>, Vec<String>> {
    let app = app();
    let names: Vec<String> = files.iter().map(|(name, _)| format!("{name}.toml")).collect();
    let sources: Vec<Source<'_>> = files
        .iter()
        .zip(&names)
        .map(|((name, text), file)| Source { app: app.clone(), name, file, text })
        .collect();
    model::load(&sources, &scope).map_err(|p| p.iter().map(ToString::to_string).collect())
}

/// Returns a database in memory with the settings of tenant connections.
pub(crate) fn memory() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF").unwrap();
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).unwrap();
    conn
}

/// The doctors of a clinic, with every kind of field, and the models they refer to.
pub(crate) const CLINIC: &[(&str, &str)] = &[
    (
        "regions",
        r#"
store = "shared"
[fields.name]
type = "text"
required = true
unique = true
[overrides]
store = "tenant"
fields = ["name"]
"#,
    ),
    (
        "hospitals",
        r#"
store = "tenant"
id = "uuid"
[fields.name]
type = "text"
required = true
search = true
"#,
    ),
    (
        "doctors",
        r#"
store = "tenant"
display = "name"
indexes = [{ fields = ["name", "created_at"], unique = true }]
[fields.name]
type = "text"
required = true
max_length = 200
search = true
[fields.biography]
type = "text"
search = true
[fields.fee]
type = "decimal"
scale = 2
default = "12.50"
[fields.active]
type = "boolean"
required = true
default = true
[fields.born]
type = "date"
personal = true
[fields.seen]
type = "datetime"
default = "2026-01-31T12:00:00Z"
[fields.rooms]
type = "integer"
min = 0
max = 9
index = true
[fields.extra]
type = "json"
default = { note = "it's" }
[fields.photo]
type = "file"
[fields.grade]
type = "choice"
choices = ["junior", "senior"]
default = "junior"
[fields.hospital]
type = "ref"
to = "hospitals"
on_delete = "set_null"
[fields.mentor]
type = "ref"
to = "doctors"
[fields.region]
type = "ref"
to = "regions"
required = true
"#,
    ),
];

/// Returns the app of the test platform.
pub(crate) fn app() -> AppName {
    AppName::parse("clinic").unwrap()
}

/// Returns the store name.
pub(crate) fn store(name: &str) -> StoreName {
    StoreName::parse(name).unwrap()
}

/// Returns a migration of the test app.
pub(crate) fn migration(name: &str, ops: Vec<Op>) -> Migration {
    Migration { app: app(), name: name.into(), depends: vec![], ops }
}
