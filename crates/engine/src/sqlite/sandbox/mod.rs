//! Runs a tenant's own SQL, read-only, on a connection that can reach nothing but the tenant's database
//! (`confined-sql`).
//!
//! Sessions call it. The connection is opened for one statement and closed after it, so that no statement can affect
//! another one through it. Each of its layers is sufficient against most escapes: a read-only handle, defensive mode,
//! `query_only`, no `ATTACH`, a default-deny authorizer, limits, a deadline. Before all of these apply, the shared
//! models that the statement may read are attached ([`beside`]).

mod allowed;
mod apply;
mod beside;
mod guard;
mod rows;
mod window;

use super::{
    connection::{Stop, open},
    functions,
};
use crate::{
    error::{Error, Kind, Result},
    statement::{SqlLimits, SqlRows},
};
use allowed::Allowed;
use beside::{Attached, Views};
use guard::Guard;
use rusqlite::{Connection, OpenFlags, hooks::AuthContext, limits::Limit};
use std::path::Path;

pub(crate) use beside::Beside;
pub(super) use window::Window;

/// Longest value, in bytes, that a statement may read or build. With functions of linear cost, a call then takes
/// milliseconds.
const VALUE_BYTES: i32 = 256 << 10;

/// Runs one statement on the database at `path`, which the caller has open. Blocks; call it on a thread that does
/// nothing else. `params` is an array (by position), an object (by name) or null. `check` verifies the state of the
/// database that the statement will read. If it returns a window, the statement sees only the contents of the window.
/// `beside` contains the shared stores whose models the statement may also read.
pub(super) fn run(
    path: &Path,
    beside: &[Beside],
    text: &str,
    params: &serde_json::Value,
    limits: SqlLimits,
    stop: Stop,
    check: impl FnOnce(&Connection) -> Result<Option<Window>>,
) -> Result<SqlRows> {
    let mut conn = open::connect_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let attached = Attached::open(&conn, beside)?;
    // In memory, a sort is one instruction. In files, it takes many short instructions and little memory.
    let temporary = if guard::counts_files() { "FILE" } else { "MEMORY" };
    conn.execute_batch(&format!("PRAGMA temp_store = {temporary}; PRAGMA cell_size_check = ON; BEGIN"))?;
    let window = check(&conn)?;
    let views = attached.show(&conn)?;
    conn.execute_batch("PRAGMA query_only = ON")?;
    confine(&mut conn, window, views)?;
    let guard = Guard::set(&mut conn, limits, stop.clone())?;
    stop.interrupts(&conn);
    let answer = query(&conn, text, params, limits);
    stop.ends();
    answer.map_err(|error| match error.kind() {
        // The handler stopped the statement: report why.
        Kind::Deadline => guard.reason(error),
        // Here an unknown table is an error in the tenant's SQL, not a migration that has not run.
        Kind::SchemaBehind => {
            Error::with_source(Kind::Statement("no such table or column".into()), "sql", error)
        }
        _ => error,
    })
}

/// Restricts the connection to its own tables and shared models, or to the contents of the window.
fn confine(conn: &mut Connection, window: Option<Window>, views: Views) -> Result<()> {
    functions::replace_quadratic(conn, VALUE_BYTES as usize)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        conn.set_limit(limit, value)?;
    }
    // The authorizer comes last, because from here on it also applies to the platform's statements.
    if let Some(window) = window {
        return Ok(conn.authorizer(Some(move |context: AuthContext<'_>| window.judge(context)))?);
    }
    let allowed = Allowed::of(conn, views)?;
    Ok(conn.authorizer(Some(move |context: AuthContext<'_>| allowed.judge(context)))?)
}

fn query(conn: &Connection, text: &str, params: &serde_json::Value, limits: SqlLimits) -> Result<SqlRows> {
    let mut statement = conn.prepare(text)?;
    if !statement.readonly() {
        return Err(Error::new(Kind::Denied("writing".into()), "the statement is not read-only"));
    }
    if statement.column_count() == 0 {
        return Err(Error::new(Kind::Statement("not a query".into()), "no columns"));
    }
    rows::bind(&mut statement, params)?;
    rows::collect(&mut statement, limits)
}
