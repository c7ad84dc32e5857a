//! Finds objects in a copy that no migration made: a table, view or trigger from an outside file must not get into one
//! of our databases (`dump-runs-code`).

use super::file::open_copy;
use crate::{error::Result, place::Isolation, schema::Script, sqlite::tables};
use rusqlite::Connection;
use std::{collections::BTreeSet, path::Path};

/// Returns the differences between the schema of a copy that has all migrations of the script and the schema that the
/// script produces. Empty for a copy that we made.
pub(crate) fn foreign(from: &Path, script: &Script) -> Result<Vec<String>> {
    let script = script.sqlite(Isolation::Database)?;
    let copy = open_copy(from)?;
    let mut own = Connection::open_in_memory()?;
    tables::ensure(&own)?;
    script.run(&mut own)?;
    let (found, wanted) = (objects(&copy)?, objects(&own)?);
    let mut differences: Vec<String> =
        found.difference(&wanted).map(|object| format!("{object} should not be there")).collect();
    differences.extend(wanted.difference(&found).map(|object| format!("{object} is missing")));
    differences.extend(script.inspect(&copy)?.drift.iter().map(ToString::to_string));
    Ok(differences)
}

/// Returns the type and name of every object in a schema, including the platform's own.
fn objects(conn: &Connection) -> Result<BTreeSet<String>> {
    let mut statement = conn.prepare(
        "SELECT type || ' ' || name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}
