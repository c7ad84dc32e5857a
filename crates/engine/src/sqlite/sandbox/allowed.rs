//! What a tenant's statement may do: select, recurse, read tables that are not the platform's, call
//! harmless functions. Everything not named here is refused, whatever SQLite learns in the future.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Functions without effect on anything outside the statement, each of which is over in milliseconds whatever it is
/// given. Not among them: `bm25`, `highlight` and `snippet`, whose cost grows with the square of a text's length, and
/// `json_pretty`, which makes gigabytes of a nested array.
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
    "json_patch",
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
    "match",
    "max",
    "median",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "percentile",
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

/// SQLite's own tables that may be read: the schema is the tenant's own, the others are functions.
const TABLES: &[&str] = &["sqlite_master", "sqlite_schema", "json_each", "json_tree"];

/// Judges one action while a statement is prepared.
pub(super) fn judge(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(function_name))
        }
        AuthAction::Read { table_name, column_name } => {
            may_read(table_name, column_name, context.database_name)
        }
        // Full-text search asks it of itself; the answer is a counter.
        AuthAction::Pragma { pragma_name: "data_version", pragma_value: None } => true,
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

/// Common table expressions and subqueries have no database and give no column here.
fn may_read(table: &str, column: &str, database: Option<&str>) -> bool {
    let place = match database {
        Some(database) => database.eq_ignore_ascii_case("main"),
        None => column.is_empty(),
    };
    let table = table.to_ascii_lowercase();
    // Reading it calls bm25.
    if table.ends_with("__fts") && column.eq_ignore_ascii_case("rank") {
        return false;
    }
    let internal = ["_tenantry_", "sqlite_", "pragma_", "dbstat", "fts5vocab"]
        .iter()
        .any(|prefix| table.starts_with(prefix));
    place && (!internal || TABLES.contains(&table.as_str()))
}
