//! Table rebuild for what SQLite's ALTER TABLE cannot do: new table, rows copied, old one dropped, renamed.
//!
//! The twelve steps of sqlite.org/lang_altertable.html. `migrate.rs` has switched foreign keys off around the
//! transaction and checks them before it commits. Row numbers are kept, so the search index would stay
//! valid; it is made anew all the same because its triggers go with the old table.

use super::{Layout, list, quoted};
use crate::error::Result;

/// Statements that bring the table of `before` to the form of `after` (same name). `value` gives the SQL
/// over the old row for a column of the new table.
pub(crate) fn rebuild(
    before: &Layout<'_>,
    after: &Layout<'_>,
    value: &dyn Fn(&str) -> String,
) -> Result<Vec<String>> {
    let name = after.model.name.as_str();
    let (old, new) = (quoted(name), quoted(&format!("{name}__new")));
    let columns = after.column_names();
    let values: Vec<String> = columns.iter().map(|c| value(c)).collect();
    let mut out = before.drop_fts();
    out.push(after.create(&format!("{name}__new"))?);
    out.push(format!("INSERT INTO {new} ({}) SELECT {} FROM {old}", list(columns), values.join(", ")));
    if after.rowid() == "id" {
        // AUTOINCREMENT must not give out an id again that a deleted row had.
        out.push(format!("DELETE FROM sqlite_sequence WHERE name = '{name}__new'"));
        out.push(format!(
            "INSERT INTO sqlite_sequence (name, seq) SELECT '{name}__new', seq FROM sqlite_sequence \
             WHERE name = '{name}'"
        ));
    }
    out.push(format!("DROP TABLE {old}"));
    // The legacy form renames this table and touches nothing else: other tables refer to it by the name it
    // gets back, and views over it are not looked at while it is missing.
    out.push("PRAGMA legacy_alter_table=ON".into());
    out.push(format!("ALTER TABLE {new} RENAME TO {old}"));
    out.push("PRAGMA legacy_alter_table=OFF".into());
    out.extend(after.indexes());
    out.extend(after.fts());
    out.extend(after.fill_fts());
    Ok(out)
}
