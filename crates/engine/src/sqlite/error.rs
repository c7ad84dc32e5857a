//! Converts SQLite's errors to the error of this crate. `?` uses it everywhere under `sqlite/`.
//!
//! The database's message becomes part of the private detail. Only [`Kind::Statement`] shows it to the caller, because
//! there the caller wrote the statement.

use crate::{
    error::{Error, Kind},
    place::{Isolation, Place},
};
use rusqlite::{ErrorCode, ffi};
use std::path::Path;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::with_source(kind(&error), "sqlite", error)
    }
}

fn kind(error: &rusqlite::Error) -> Kind {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            failure(*code, message.as_deref().unwrap_or_default())
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => failure(*error, msg),
        rusqlite::Error::QueryReturnedNoRows => Kind::NotFound,
        rusqlite::Error::MultipleStatement => Kind::Statement("only one statement at a time".into()),
        rusqlite::Error::InvalidParameterCount(given, wanted) => {
            Kind::Statement(format!("{given} parameters given, the statement has {wanted}"))
        }
        _ => Kind::Internal,
    }
}

fn failure(code: ffi::Error, message: &str) -> Kind {
    match code.code {
        ErrorCode::ConstraintViolation => constraint(code.extended_code, message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Kind::Busy,
        ErrorCode::OperationInterrupted => Kind::Deadline,
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Kind::Corrupt,
        ErrorCode::AuthorizationForStatementDenied => Kind::Denied(message.into()),
        ErrorCode::CannotOpen if code.extended_code == ffi::SQLITE_CANTOPEN_SYMLINK => Kind::WrongIdentity,
        ErrorCode::DiskFull => Kind::DiskFull,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Kind::NoAccess,
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => Kind::Io,
        ErrorCode::TooBig => Kind::Limit("bytes"),
        ErrorCode::Unknown => statement(message),
        _ => Kind::Internal,
    }
}

fn statement(message: &str) -> Kind {
    if message.starts_with("no such table")
        || message.starts_with("no such column")
        || message.contains("has no column named")
    {
        Kind::SchemaBehind
    } else if message.starts_with("not authorized") {
        Kind::Denied(message.into())
    } else {
        Kind::Statement(message.into())
    }
}

fn constraint(extended: i32, message: &str) -> Kind {
    let columns = message.split_once(": ").map_or("", |(_, columns)| columns);
    let fields = || columns.split(", ").map(|c| c.rsplit('.').next().unwrap_or(c).to_owned());
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Kind::Unique(fields().collect())
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Kind::Reference(String::new()),
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            Kind::Invalid(fields().next().unwrap_or_default(), "is required".into())
        }
        ffi::SQLITE_CONSTRAINT_DATATYPE => {
            Kind::Invalid(fields().next().unwrap_or_default(), "has the wrong type".into())
        }
        ffi::SQLITE_CONSTRAINT_CHECK => Kind::Invalid(columns.into(), "is not allowed".into()),
        _ => Kind::Invalid(String::new(), message.into()),
    }
}

/// Returns an I/O error with its path and kind. A missing file is `Missing`.
pub(crate) fn io(error: std::io::Error, path: &Path) -> Error {
    use std::io::ErrorKind as Io;
    let kind = match error.kind() {
        Io::NotFound => Kind::Missing,
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Kind::DiskFull,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => Kind::NoAccess,
        _ => Kind::Io,
    };
    Error::with_source(kind, path.display().to_string(), error).in_file(path)
}

/// Returns true if the database of `place` is missing, holds another place, or cannot be read. These conditions do not
/// pass without intervention.
pub(crate) fn is_loss(place: &Place, error: &Error) -> bool {
    match error.kind() {
        Kind::Missing | Kind::WrongIdentity | Kind::Corrupt | Kind::NoAccess | Kind::Io => true,
        // Names are never reused, so a file of another generation was put at the path. A pool may just have a later
        // generation.
        Kind::Fenced => place.isolation == Isolation::Database,
        _ => false,
    }
}

/// Free bytes on a disk below which a refused write is attributed to the disk. A failed write frees little of the space
/// that it took.
const ROOM_BYTES: u64 = 1 << 20;

/// Returns the bytes that this process may still write to the disk of `path`; `None` if they cannot be determined.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let stat =
        rustix::fs::statvfs(path).or_else(|_| rustix::fs::statvfs(path.parent().unwrap_or(path))).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub(crate) fn has_room(path: &Path) -> bool {
    free_bytes(path).is_none_or(|free| free >= ROOM_BYTES)
}

/// Distance in bytes from the file size limit at which a refused write is attributed to that limit. It is the size of
/// the largest page.
const PAGE_BYTES: u64 = 1 << 16;

/// Returns true if a file of the database is as large as this process may make one (`ulimit -f`). SQLite then reports
/// "I/O error".
fn is_at_file_limit(path: &Path) -> bool {
    let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Fsize).current else {
        return false;
    };
    ["", "-wal", "-shm"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        Path::new(&name).metadata().is_ok_and(|meta| meta.len().saturating_add(PAGE_BYTES) > most)
    })
}

/// Adds the database file to the error, and corrects its kind from the state of the disk. SQLite reports "I/O error"
/// for a full disk when it extends a `-shm` file.
pub(crate) fn located(error: Error, path: &Path) -> Error {
    match error.kind() {
        Kind::Io if !has_room(path) || is_at_file_limit(path) => {
            error.with_kind(Kind::DiskFull).in_file(path)
        }
        Kind::Io if !may_use(path) => error.with_kind(Kind::NoAccess).in_file(path),
        Kind::DiskFull | Kind::NoAccess | Kind::Io | Kind::Corrupt | Kind::WrongIdentity => {
            error.in_file(path)
        }
        _ => error,
    }
}

/// Returns false if the file exists but this process may not read and write it. Does not open the file, because closing
/// it would drop SQLite's locks.
fn may_use(path: &Path) -> bool {
    use rustix::fs::Access;
    let may = rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK);
    !matches!(may, Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn kind_of(sql: &str) -> Kind {
        let conn = Connection::open_in_memory().unwrap();
        let ddl = "CREATE TABLE p(id INTEGER PRIMARY KEY) STRICT;
             CREATE TABLE t(a INTEGER NOT NULL, b TEXT CHECK(b <> 'x'), p REFERENCES p(id), UNIQUE(a, b)); INSERT INTO t VALUES(1, 'y', NULL);
             PRAGMA foreign_keys = ON;";
        conn.execute_batch(ddl).unwrap();
        Error::from(conn.execute_batch(sql).unwrap_err()).kind().clone()
    }

    #[test]
    fn constraints_name_their_fields() {
        assert_eq!(kind_of("INSERT INTO t VALUES(1, 'y', NULL)"), Kind::Unique(vec!["a".into(), "b".into()]));
        assert_eq!(
            kind_of("INSERT INTO t VALUES(NULL, 'y', NULL)"),
            Kind::Invalid("a".into(), "is required".into())
        );
        assert!(matches!(kind_of("INSERT INTO t VALUES(2, 'x', NULL)"), Kind::Invalid(..)));
        assert_eq!(kind_of("INSERT INTO t VALUES(2, 'y', 7)"), Kind::Reference(String::new()));
    }

    #[test]
    fn statements_and_absent_tables_differ() {
        assert_eq!(kind_of("SELECT * FROM absent"), Kind::SchemaBehind);
        assert!(matches!(kind_of("SELEKT 1"), Kind::Statement(_)));
    }
}
