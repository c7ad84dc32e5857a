//! Opens one connection to an existing database file: no CREATE, no URI, no symlink, defensive.
//!
//! Called by the pool, provisioning and the sandbox. It never creates a file (`catalog-placement`): a missing
//! one is `Missing`, and that is for the caller to report, never to mend.

use super::functions;
use crate::error::{Error, Kind, Result};
use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};
use std::{path::Path, time::Duration};

/// How hard a commit is pressed to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Survives a crash of the process; a power cut may lose the last commits, never consistency.
    Normal,
    /// Each commit survives a power cut.
    Full,
}

/// Longest wait for another process while a connection is set up (recovery, exclusive close).
const SETUP_WAIT: Duration = Duration::from_secs(2);
/// Statements kept prepared per connection.
const STATEMENTS: usize = 64;
/// The -wal file is cut back to this after a checkpoint.
const WAL_KEEP_BYTES: i64 = 8 << 20;

/// A read-write connection with everything set that is safe on any file, ours or not.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    connect_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// The same, with the access of `access`.
pub(crate) fn connect_with(path: &Path, access: OpenFlags) -> Result<Connection> {
    // The bundled SQLite reads URIs by default; one begins with "file:", an absolute path never does.
    if !path.is_absolute() {
        return Err(Error::new(Kind::Internal, format!("{} is not absolute", path.display())));
    }
    let flags = access
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, error))?;
    conn.busy_timeout(SETUP_WAIT)?;
    harden(&conn)?;
    Ok(conn)
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    match path.symlink_metadata() {
        Err(io) if io.kind() == std::io::ErrorKind::NotFound => {
            Error::with_source(Kind::Missing, path.display().to_string(), error)
        }
        Ok(meta) if meta.is_symlink() => {
            Error::with_source(Kind::WrongIdentity, format!("{} is a symlink", path.display()), error)
        }
        Ok(meta) if !meta.is_file() => {
            Error::with_source(Kind::WrongIdentity, format!("{} is not a file", path.display()), error)
        }
        _ => error.into(),
    }
}

/// Refuses what no statement of ours needs, and keeps plans independent of values.
fn harden(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Else SQLite looks at the value bound to LIMIT, and compiles the statement anew each time it is bound.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    Ok(functions::add_own(conn)?)
}

/// Settings of a connection that works on a database known to be ours. Call after the identity check:
/// on a stranger's file nothing may be written, not even the journal mode.
pub(crate) fn settle(conn: &Connection, durability: Durability) -> Result<()> {
    let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(Error::new(Kind::Io, format!("journal mode stays {mode}")));
        }
    }
    conn.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = {WAL_KEEP_BYTES}; PRAGMA secure_delete = ON;"
    ))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // From here on waiting is done by the caller without holding a thread.
    conn.busy_timeout(Duration::ZERO)?;
    Ok(())
}

/// Caps the database at `bytes` (None: no cap). Per connection in SQLite, so asked of each.
pub(crate) fn cap(conn: &Connection, bytes: Option<u64>) -> Result<()> {
    let page: u64 =
        conn.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.unsigned_abs().max(512);
    let pages = bytes.map_or(4_294_967_294, |bytes| (bytes / page).clamp(1, 4_294_967_294));
    conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    Ok(())
}

/// Makes the connection close at once, leaving the -wal where it is for the next open to read.
pub(crate) fn leave_wal(conn: &Connection) {
    if let Err(error) = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::debug!(%error, "closing with a checkpoint after all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    /// A page of a list binds its limit; compiling it takes as long as reading the page.
    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(a INTEGER PRIMARY KEY, b)").unwrap();
        let conn = connect(&path).unwrap();
        let mut statement = conn.prepare("SELECT * FROM t WHERE b = ?1 ORDER BY a LIMIT ?2").unwrap();
        for limit in 1..10 {
            drop(statement.query_map((limit, limit), |_| Ok(())).unwrap().collect::<Vec<_>>());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
