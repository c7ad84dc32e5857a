//! Opens a connection to an existing database file, in SQLite's defensive mode and without CREATE, URIs or symlinks.
//!
//! The pool, provisioning and the sandbox call it. It never creates a file (`catalog-placement`): a missing file is
//! `Missing`, which the caller reports and never repairs.

use super::base;
use crate::{
    error::{Error, Kind, Result},
    sqlite::{error::located, functions, tables},
};
use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How durable a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A commit survives a crash of the process. A power cut may lose the last commits, but the database stays
    /// consistent.
    Normal,
    /// A commit survives a power cut.
    Full,
}

/// Longest wait for another process while a connection is set up (recovery, exclusive close).
const SETUP_WAIT: Duration = Duration::from_secs(2);
/// Longest wait for a writer in another process.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Maximum number of prepared statements that a connection caches.
const STATEMENTS: usize = 64;
/// The `-wal` file is truncated to this many bytes after a checkpoint.
const WAL_KEEP_BYTES: i64 = 8 << 20;

/// Opens a read-write connection with all settings that are safe on any file, including files that are not ours.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    connect_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// How the databases of a server are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// For reading and writing, together with other processes.
    #[default]
    Shared,
    /// For reading only, while no other process uses these databases. A database without a `-wal` is read as it is on
    /// disk: SQLite creates no file next to it, so this works on a full disk and on a read-only disk.
    ReadOnly,
}

impl Mode {
    /// Opens a connection to the database at `path`.
    pub(crate) fn connect(self, path: &Path) -> Result<Connection> {
        match self {
            Self::Shared => connect(path),
            Self::ReadOnly => connect_read_only(path),
        }
    }
}

/// Opens a read-only connection. Without a `-wal` that has commits, it takes no locks.
fn connect_read_only(path: &Path) -> Result<Connection> {
    let conn = if base::wal_of(path).symlink_metadata().is_ok_and(|meta| meta.len() > 0) {
        connect_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    } else {
        connect_immutable(path)?
    };
    conn.execute_batch("PRAGMA query_only = ON")?;
    Ok(conn)
}

/// Opens a read-only connection that takes no locks and reads no `-wal`.
pub(crate) fn connect_immutable(path: &Path) -> Result<Connection> {
    open(path, &immutable(path)?, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// Returns the URI that makes SQLite treat the file as immutable.
fn immutable(path: &Path) -> Result<PathBuf> {
    let text = path.to_str().filter(|_| path.is_absolute());
    let text = text.ok_or_else(|| Error::new(Kind::Internal, format!("{} is no address", path.display())))?;
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("file:{escaped}?immutable=1").into())
}

/// Opens a connection with all settings that are safe on any file, and with the access flags in `access`.
pub(crate) fn connect_with(path: &Path, access: OpenFlags) -> Result<Connection> {
    // The bundled SQLite interprets URIs by default. A URI begins with "file:", an absolute path never does.
    if !path.is_absolute() {
        return Err(Error::new(Kind::Internal, format!("{} is not absolute", path.display())));
    }
    open(path, path, access)
}

/// Opens a connection to the file at `path`. `name` is what SQLite receives: the path or a URI.
fn open(path: &Path, name: &Path, access: OpenFlags) -> Result<Connection> {
    let flags = access
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(name, flags).map_err(|error| cannot_open(path, error))?;
    conn.busy_timeout(SETUP_WAIT)?;
    harden(&conn)?;
    Ok(conn)
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    match path.symlink_metadata() {
        Err(io) if io.kind() == std::io::ErrorKind::NotFound => {
            Error::new(Kind::Missing, "there is no such file").in_file(path)
        }
        Ok(meta) if meta.is_symlink() => {
            Error::with_source(Kind::WrongIdentity, format!("{} is a symlink", path.display()), error)
        }
        Ok(meta) if !meta.is_file() => {
            Error::with_source(Kind::WrongIdentity, format!("{} is not a file", path.display()), error)
        }
        _ => located(error.into(), path),
    }
}

/// Forbids what our statements never need, and keeps query plans independent of bound values.
fn harden(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Without this setting, SQLite reads the value bound to LIMIT and recompiles the statement each time it is bound.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    Ok(functions::add_own(conn)?)
}

/// Applies the settings for a database known to be ours, and upgrades the platform's own tables in it. Call it after
/// the identity check: nothing may be written to a file that is not ours, not even the journal mode.
pub(crate) fn settle(conn: &Connection, durability: Durability) -> Result<()> {
    if conn.is_readonly("main")? {
        conn.execute_batch("PRAGMA temp_store = MEMORY")?;
        return ready(conn);
    }
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
    ready(conn)
}

/// Applies the settings that do not depend on the access mode.
fn ready(conn: &Connection) -> Result<()> {
    tables::upgrade(conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // SQLite does not wait for locks from here on: the caller does, without holding a thread.
    conn.busy_timeout(Duration::ZERO)?;
    Ok(())
}

/// Makes the connection close without a checkpoint. The `-wal` stays; the next open reads it.
pub(crate) fn leave_wal(conn: &Connection) {
    if let Err(error) = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::debug!(%error, "closing with a checkpoint after all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    /// A query for a page of a list binds its limit; compiling the query takes as long as reading the page.
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
