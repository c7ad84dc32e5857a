//! Table rebuild, for changes that SQLite's ALTER TABLE cannot make: creates a new table, copies the rows, drops the
//! old table and renames the new one.
//!
//! These are the twelve steps of sqlite.org/lang_altertable.html. `migrate` switches foreign keys off around the
//! transaction and checks them before it commits. Row numbers stay the same, so the search index would stay valid. It
//! is rebuilt anyway, because its triggers are dropped with the old table.

use super::{list, quoted, table::Layout};
use crate::error::Result;

/// Returns the statements that convert the table of `before` to the form of `after` (same name). `value` returns the
/// SQL, over the old row, for a column of the new table.
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
        // AUTOINCREMENT must not assign the id of a deleted row again.
        out.push(format!("DELETE FROM sqlite_sequence WHERE name = '{name}__new'"));
        out.push(format!(
            "INSERT INTO sqlite_sequence (name, seq) SELECT '{name}__new', seq FROM sqlite_sequence \
             WHERE name = '{name}'"
        ));
    }
    out.push(format!("DROP TABLE {old}"));
    // The legacy form renames only this table: other tables refer to it by the name that it gets back. It also does not
    // check views on the table while that is missing.
    out.push("PRAGMA legacy_alter_table=ON".into());
    out.push(format!("ALTER TABLE {new} RENAME TO {old}"));
    out.push("PRAGMA legacy_alter_table=OFF".into());
    out.extend(after.indexes());
    out.extend(after.fts());
    out.extend(after.fill_fts());
    Ok(out)
}
