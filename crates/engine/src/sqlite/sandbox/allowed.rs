//! What a tenant's statement may do: select, recurse, read ordinary tables that are not the platform's, and call
//! harmless functions. Everything not listed here is refused, including additions of future versions of SQLite.
//!
//! Virtual tables run their own code inside one instruction of SQLite's virtual machine, during which no deadline is
//! checked: a full-text search for `NEAR(a a …)` takes minutes. So only the two virtual tables that read JSON are
//! allowed.

use super::beside::Views;
use rusqlite::{
    Connection, Result,
    hooks::{AuthAction, AuthContext, Authorization},
};
use std::collections::HashSet;

/// Functions without effect outside the statement that take at most milliseconds for any arguments. The list excludes
/// `json_patch`, which compares each key of the patch with each key of the target; `json_pretty`, which makes gigabytes
/// from a nested array; and `median` and `percentile`, which sort all their input in one instruction.
const FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "ceil",
    "ceiling",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "subtype",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unistr",
    "unistr_quote",
    "unlikely",
    "upper",
    "zeroblob",
    "->",
    "->>",
];

/// SQLite's tables that may be read: the schema is the tenant's own, the others are functions.
const TABLES: [&str; 4] = ["sqlite_master", "sqlite_schema", "json_each", "json_tree"];
/// Name prefixes of tables that belong to the platform or to SQLite.
const INTERNAL: [&str; 3] = ["_tenantry_", "sqlite_", "pragma_"];

/// Selects every name that can denote a table, and whether it is an ordinary table or a view. SQLite itself writes the
/// first words of a table's definition. A definition that begins with other words belongs to a virtual table.
const NAMES: &str =
    "SELECT lower(name), type = 'view' OR rootpage > 1 AND sql LIKE 'CREATE TABLE %' FROM main.sqlite_schema
     WHERE type IN ('table', 'view')
     UNION ALL SELECT lower(name), 0 FROM pragma_module_list";

/// The tables that a statement on one database may read.
pub(super) struct Allowed {
    tables: HashSet<String>,
    /// Tables that exist but may not be read.
    others: HashSet<String>,
    /// Views of shared models.
    views: Views,
}

impl Allowed {
    /// Reads the tables of the connection's database, and adds shared models. Call this before the connection is
    /// confined.
    ///
    /// # Errors
    /// Returns SQLite's error if the schema cannot be read.
    pub(super) fn of(conn: &Connection, views: Views) -> Result<Self> {
        let mut statement = conn.prepare(NAMES)?;
        let names = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?)))?;
        let (mut tables, mut others) = (HashSet::from(TABLES.map(str::to_owned)), HashSet::new());
        for name in names {
            let (name, is_ordinary): (String, _) = name?;
            match is_ordinary == Some(true) && !is_internal(&name) {
                true => tables.insert(name),
                false => !TABLES.contains(&&*name) && others.insert(name),
            };
        }
        Ok(Self { tables, others, views })
    }

    /// Allows or denies one action of a statement that is being prepared.
    pub(super) fn judge(&self, context: AuthContext<'_>) -> Authorization {
        let allowed = match context.action {
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Function { function_name } => is_harmless(function_name),
            AuthAction::Read { table_name, column_name } => {
                self.may_read(table_name, column_name, context.database_name, context.accessor)
            }
            _ => false,
        };
        if allowed { Authorization::Allow } else { Authorization::Deny }
    }

    /// Returns true if the column may be read. SQLite passes no database name if the statement uses no column of the
    /// table, or if the table is a common table expression or a subquery, which may have any name that no table has.
    fn may_read(&self, table: &str, column: &str, database: Option<&str>, inside: Option<&str>) -> bool {
        let table = table.to_ascii_lowercase();
        match database {
            Some(database) if database.eq_ignore_ascii_case("main") => self.tables.contains(&table),
            Some(database) => self.views.may_read((&table, column), database, inside),
            None => {
                let is_hidden = || self.others.contains(&table) || self.views.hides(&table);
                column.is_empty() && (self.tables.contains(&table) || !is_internal(&table) && !is_hidden())
            }
        }
    }
}

/// Returns true for a function that a tenant's statement may call.
pub(in crate::sqlite) fn is_harmless(function: &str) -> bool {
    FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(function))
}

/// Returns true for the lower-case name of a table that belongs to the platform or to SQLite.
pub(in crate::sqlite) fn is_internal(table: &str) -> bool {
    INTERNAL.iter().any(|prefix| table.starts_with(prefix))
}
